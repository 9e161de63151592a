"""How many requests may be under way at once: a cap, never a target."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

CALM = 50
"""Requests in a row without a complaint before one more lane is opened again."""


class Lanes:
    """At most so many requests at once; whoever comes later waits for one to end. Safe between threads.

    ``most`` is what this process may ever have under way. Dataverse's own advice lowers it, its refusal of too many at
    once halves it, and calm brings it back.
    """

    def __init__(self, most: int) -> None:
        self._most = max(1, most)
        self._advised = self._most
        self._open = self._most
        self._under_way = 0
        self._calm = 0
        self._changed = threading.Condition()

    @property
    def open(self) -> int:
        """How many there are for now."""
        with self._changed:
            return self._width

    @contextmanager
    def one(self) -> Iterator[None]:
        """Be on a lane of one's own while the block runs."""
        with self._changed:
            self._changed.wait_for(lambda: self._under_way < self._width)
            self._under_way += 1
        try:
            yield
        finally:
            with self._changed:
                self._under_way -= 1
                self._calm += 1
                if self._calm >= CALM and self._open < self._most:
                    self._calm, self._open = 0, self._open + 1
                self._changed.notify_all()

    def advise(self, degree: int) -> None:
        """So many at once are useful, says the far side."""
        with self._changed:
            self._advised = max(1, degree)
            self._changed.notify_all()

    def crowded(self) -> None:
        """The far side refused a request because too many were under way."""
        with self._changed:
            self._calm, self._open = 0, max(1, self._width // 2)

    @property
    def _width(self) -> int:
        return min(self._advised, self._open)
