"""How far this host's clock is from the broker's: told by the times on the messages, as nobody else says it.

A lock ends by the broker's clock. A host that is a minute ahead takes every lock for lost, and never settles anything;
one that is behind renews too late, and has its delayed copies delivered too early.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

log = logging.getLogger(__name__)

SHORTEST_LOCK = timedelta(seconds=5)
LONGEST_LOCK = timedelta(minutes=5)
"""What a queue's lock duration can be set to ("Message transfers, locks, and settlement")."""
WAITED = timedelta(seconds=1)
"""Whoever had to wait that long for a message got it as soon as it was there."""
ALIKE = timedelta(seconds=2)
"""Differences below this are the network's."""
ALARMING = timedelta(seconds=10)


@dataclass(frozen=True, slots=True)
class Stamp:
    """The broker's times on a message that was just received; ``is_first``: it was never delivered before."""

    enqueued_at: datetime
    locked_until: datetime
    is_first: bool


class BrokerClock:
    """``ahead``: how much later it is here than at the broker. Exact once a message came while it was waited for,
    whose lock then began as it was enqueued; until then no more than what the times on the messages force.

    Whatever was late on its way makes this host look further ahead, so the least of the latest calls counts.
    """

    def __init__(self) -> None:
        self.ahead = timedelta()
        self._locks: deque[timedelta] = deque(maxlen=8)
        self._latest: deque[timedelta] = deque(maxlen=8)
        self._alarmed = False

    def saw(self, stamps: Collection[Stamp], waited: timedelta, returned: datetime) -> None:
        """These messages came by a receive call that took so long, and returned at this moment of this host."""
        if not stamps:
            return
        for stamp in stamps:
            lock = stamp.locked_until - stamp.enqueued_at
            if waited >= WAITED and stamp.is_first and SHORTEST_LOCK <= lock <= LONGEST_LOCK:
                self._locks.append(lock)
        latest = max(stamp.locked_until for stamp in stamps)
        if self._locks:
            self._latest.append(returned - latest + min(self._locks))
        # A lock that was just given is not over, and nothing is received before it was enqueued.
        at_least = returned - latest + SHORTEST_LOCK
        at_most = returned - max(stamp.enqueued_at for stamp in stamps)
        ahead = min(max(min(self._latest, default=self.ahead), at_least), at_most)
        self.ahead = timedelta() if abs(ahead) < ALIKE else ahead
        if abs(self.ahead) >= ALARMING and not self._alarmed:
            self._alarmed = True
            seconds = round(self.ahead.total_seconds())
            log.warning(
                "this host's clock is %d seconds %s that of Service Bus; it is allowed for, but set it right",
                abs(seconds),
                "ahead of" if seconds > 0 else "behind",
            )

    def here(self, moment: datetime) -> datetime:
        """A moment of the broker's clock by this host's."""
        return moment + self.ahead

    def there(self, moment: datetime) -> datetime:
        """A moment of this host's clock by the broker's."""
        return moment - self.ahead
