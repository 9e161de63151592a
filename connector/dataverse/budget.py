"""The self-kept budget: how many requests, and how much execution time, the last five minutes have cost.

Dataverse grants a user 6,000 requests and 1,200 seconds of execution per sliding 300 seconds and web server
("Service protection API limits"). Staying below them by ourselves is cheaper than being told.
"""

from __future__ import annotations

import threading
from collections import deque
from dataclasses import dataclass
from datetime import datetime, timedelta

NO_WAIT = timedelta()


@dataclass(frozen=True, slots=True)
class Limits:
    """What may be spent per ``window``; the defaults keep a tenth below what one web server grants."""

    requests: int = 5400
    execution: timedelta = timedelta(seconds=1080)
    window: timedelta = timedelta(seconds=300)


class Budget:
    """A sliding window over what was spent. It reads no clock: every call is told the time (aware UTC).

    ``admit`` takes a slot when one is free; otherwise it says how long to wait and takes nothing.
    """

    def __init__(self, limits: Limits | None = None) -> None:
        self._limits = limits or Limits()
        self._sent: deque[datetime] = deque()
        self._charged: deque[tuple[datetime, timedelta]] = deque()
        self._execution = timedelta()
        self._held_until: datetime | None = None
        self._lock = threading.Lock()

    def admit(self, now: datetime) -> timedelta:
        """Zero: go, one request is counted. Otherwise: wait at least this long, then ask again."""
        with self._lock:
            self._forget(now)
            wait = self._wait(now)
            if wait == NO_WAIT:
                self._sent.append(now)
            return wait

    def charge(self, now: datetime, execution: timedelta) -> None:
        """A request ended now and took this long at the far side (its whole duration, when nothing better is known)."""
        with self._lock:
            self._charged.append((now, execution))
            self._execution += execution

    def hold(self, until: datetime) -> None:
        """Dataverse said when to come back: nothing is admitted before. A later moment wins, never an earlier one."""
        with self._lock:
            if self._held_until is None or until > self._held_until:
                self._held_until = until

    def _wait(self, now: datetime) -> timedelta:
        waits = [NO_WAIT]
        if self._held_until is not None and self._held_until > now:
            waits.append(self._held_until - now)
        if len(self._sent) >= self._limits.requests:
            waits.append(self._sent[0] + self._limits.window - now)
        over = self._execution - self._limits.execution
        if over >= timedelta():
            for at, cost in self._charged:
                over -= cost
                if over < timedelta():
                    waits.append(at + self._limits.window - now)
                    break
        return max(waits)

    def _forget(self, now: datetime) -> None:
        begin = now - self._limits.window
        while self._sent and self._sent[0] <= begin:
            self._sent.popleft()
        while self._charged and self._charged[0][0] <= begin:
            self._execution -= self._charged.popleft()[1]
