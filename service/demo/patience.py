"""Waiting for something to become true: looked at again whenever the sandbox's Dataverse commits, until a deadline."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence

from sandbox.dataverse.unit_of_work import Written

AT_LEAST = 0.05
AT_MOST = 0.5
"""Seconds between two looks: not at every one of many commits, and now and then without any."""


class OutOfTime(Exception):
    """What was waited for did not come about; the message says what, in words a person can follow."""


class Patience:
    """Looks again after commits. Its time runs from when it is made; ``give_up`` ends every wait early."""

    def __init__(self, seconds: float) -> None:
        self._deadline = time.monotonic() + seconds
        self._committed = threading.Event()
        self._over = threading.Event()

    def on_committed(self, writes: Sequence[Written]) -> None:
        """Called by the sandbox after every commit."""
        self._committed.set()

    def give_up(self) -> None:
        """Nobody is interested any more."""
        self._over.set()
        self._committed.set()

    @property
    def is_over(self) -> bool:
        """Whether somebody gave up."""
        return self._over.is_set()

    @property
    def left(self) -> float:
        """Seconds that remain."""
        return max(self._deadline - time.monotonic(), 0.0)

    def until(self, what: str, holds: Callable[[], bool]) -> None:
        """Return once ``holds``. Raises ``OutOfTime`` naming ``what``."""
        while True:
            self._committed.clear()
            if not self.is_over and holds():
                return
            if self.is_over or self.left == 0:
                raise OutOfTime(f"{what} did not come about in time.")
            self._committed.wait(min(self.left, AT_MOST))
            self._over.wait(AT_LEAST)
