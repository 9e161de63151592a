"""Row versions: one higher at every write of the organisation; told in order, although transactions end out of it."""

from __future__ import annotations

from typing import Final

NOBODY: Final = 0


class Versions:
    """Counts on from ``last``. A transaction that may step aside is known by a number of its own (``NOBODY``: none)."""

    def __init__(self, last: int) -> None:
        self._last = last
        self._before: dict[int, int] = {}
        """By transaction that has not ended: the version before its first write."""

    def next(self, transaction: int = NOBODY) -> int:
        """The version of the next write."""
        if transaction != NOBODY:
            self._before.setdefault(transaction, self._last)
        self._last += 1
        return self._last

    def ended(self, transaction: int) -> None:
        """What the transaction wrote is committed, or is not there."""
        self._before.pop(transaction, None)

    @property
    def reached(self) -> int:
        """The version up to which nothing is still to be committed: whoever has seen it has missed no row."""
        return min([self._last, *self._before.values()])
