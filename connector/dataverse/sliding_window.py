"""What one web server has charged us in the last minutes."""

from __future__ import annotations

from collections import deque
from datetime import datetime, timedelta


class SlidingWindow:
    """Requests that ended and the execution time they took, forgotten ``length`` after they ended.

    Aware UTC throughout; it reads no clock.
    """

    def __init__(self, length: timedelta) -> None:
        self._length = length
        self._spent: deque[tuple[datetime, timedelta]] = deque()
        self.execution = timedelta()

    @property
    def requests(self) -> int:
        """How many requests are in it."""
        return len(self._spent)

    def add(self, now: datetime, execution: timedelta) -> None:
        """One request ended."""
        self._spent.append((now, execution))
        self.execution += execution

    def forget(self, now: datetime) -> None:
        """Let go of what is older than the window."""
        while self._spent and self._spent[0][0] <= now - self._length:
            self.execution -= self._spent.popleft()[1]

    def until_requests_leave(self, number: int, now: datetime) -> timedelta:
        """How long until so many of the requests in it have left; ``number`` is at least one and at most all."""
        return self._spent[number - 1][0] + self._length - now

    def until_execution_is_below(self, limit: timedelta, now: datetime) -> timedelta:
        """How long until what is left in it is less than the limit; zero when it is already."""
        left = self.execution
        if left < limit:
            return timedelta()
        for at, cost in self._spent:
            left -= cost
            if left < limit:
                return at + self._length - now
        return self._length
