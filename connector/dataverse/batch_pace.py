"""How many operations go into one batch of writes: about as many as the far side does in half a minute."""

from __future__ import annotations

import threading
from datetime import timedelta

from connector.dataverse.batch import MAX_OPERATIONS

AIM = timedelta(seconds=30)
"""Long against what a request costs by itself, a fifth of the time an answer is waited for."""
FIRST = 200
FEWEST = 10
MOST_BYTES = 16 * 1024 * 1024


class BatchPace:
    """The number of operations for the next batch, from how long the last ones took. Safe between threads."""

    def __init__(self) -> None:
        self._operations = FIRST
        self._each = timedelta()
        self._lock = threading.Lock()

    @property
    def operations(self) -> int:
        """As many as one batch should carry; a change set is never divided for it."""
        with self._lock:
            return self._operations

    def expected(self, operations: int) -> timedelta:
        """How long so many will take, if they are like the last ones; zero while none are known."""
        with self._lock:
            return self._each * operations

    def took(self, operations: int, duration: timedelta) -> None:
        """So many were answered after so long. A few operations say nothing about many."""
        with self._lock:
            if not self._tells(operations) or duration <= timedelta():
                return
            in_time = min(int(operations * (AIM / duration)), self._operations * 2)
            self._operations = max(FEWEST, min(in_time, MAX_OPERATIONS))
            self._each = duration / operations

    def too_long(self, operations: int) -> None:
        """A batch of so many was not answered in time, or the database ran out of it.

        Several under way at once are lost to one and the same trouble: each is halved, not what the last one left.
        """
        with self._lock:
            if self._tells(operations):
                self._operations = min(self._operations, max(FEWEST, self._operations // 2, operations // 2))

    def _tells(self, operations: int) -> bool:
        """Whether so many say something about a batch. Those that fill one do, however few: they would else never grow
        again."""
        return operations >= FEWEST or 2 * operations > self._operations
