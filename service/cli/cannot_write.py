"""The one failure of output, in a module of its own so that catching it costs no imports."""

from __future__ import annotations


class CannotWrite(Exception):
    """Standard output takes no more; the message says why."""
