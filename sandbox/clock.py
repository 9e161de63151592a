"""The sandbox's one clock: real by default, and movable, so that an hour of waiting takes no time in a test."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

LAST = datetime(9000, 1, 1, tzinfo=UTC)
"""Where the clock ends, so that there is always a later moment for what is to come."""


class Clock:
    """Real time plus whatever was advanced; everything in the sandbox reads time here and nowhere else."""

    def __init__(self) -> None:
        self._ahead = timedelta()
        self._lock = threading.Lock()
        self._listeners: list[Callable[[], None]] = []

    def now(self) -> datetime:
        """The sandbox's present, aware UTC."""
        with self._lock:
            return datetime.now(UTC) + self._ahead

    def advance(self, by: timedelta) -> None:
        """Move the present forward and wake whoever waits for a moment that has now come."""
        if by < timedelta():
            raise ValueError("The sandbox's clock only goes forward: advance by a positive duration.")
        with self._lock:
            if by > LAST - (datetime.now(UTC) + self._ahead):
                raise ValueError(f"The sandbox's clock goes no further than {LAST:%Y}.")
            self._ahead += by
            listeners = list(self._listeners)
        for wake in listeners:
            wake()

    def on_advance(self, wake: Callable[[], None]) -> None:
        """Call ``wake`` (from any thread) after every advance."""
        with self._lock:
            self._listeners.append(wake)
