"""How many messages to ask for: more while they come back full, one by one when the queue runs dry.

Asking for many when few are there costs a fifth of a second of waiting for the rest; asking for one costs nothing.
"""

from __future__ import annotations

from datetime import timedelta

AT_ONCE = timedelta(milliseconds=100)


class BatchSize:
    """The number to ask for next; starts at one, doubles up to ``largest``."""

    def __init__(self, largest: int) -> None:
        self._largest = largest
        self.size = 1

    def received(self, count: int, waited: timedelta) -> None:
        """So many came after so long. A single message that had to be waited for does not mean that more are there."""
        if count < self.size or (self.size == 1 and waited > AT_ONCE):
            self.size = 1
        else:
            self.size = min(self.size * 2, self._largest)
