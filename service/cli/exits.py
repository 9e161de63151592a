"""What the command line's exit codes mean; other programs rely on them."""

from __future__ import annotations

from enum import IntEnum


class Exit(IntEnum):
    """0 to 4 are ours."""

    DONE = 0
    FAILED = 1
    USAGE = 2
    NOT_CONFIGURED = 3
    WORK_LEFT = 4


INTERRUPTED = 130
"""Given by the shell's own convention."""
