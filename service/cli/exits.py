"""What the command line's exit codes mean; other programs rely on them."""

from __future__ import annotations

from enum import IntEnum


class Exit(IntEnum):
    """130, interrupted, is given by the shell's own convention."""

    DONE = 0
    FAILED = 1
    USAGE = 2
    NOT_CONFIGURED = 3
    WORK_LEFT = 4
