"""How far this host's clock is from the broker's: told by the times on the messages, as nobody else says it.

A lock ends by the broker's clock. A host that is a minute ahead takes every lock for lost, and never settles anything;
one that is behind renews too late, and has its delayed copies delivered too early. Nothing is guessed: how long the
queue's locks last is not known, and a slow call tells nothing. What is certain bounds the difference on both sides, and
this host's clock is believed as far as it keeps within.
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
LONGEST_TRUSTED = timedelta(seconds=30)
"""No lock is taken to last longer before it is renewed, so that only one that is shorter can be lost to a clock."""
ALARMING = timedelta(seconds=10)


@dataclass(frozen=True, slots=True)
class Stamp:
    """The broker's times on a message that was just received."""

    enqueued_at: datetime
    locked_until: datetime


class BrokerClock:
    """``ahead``: how much later it is here than at the broker, as far as the times on the messages force it.

    Of a host that is behind that is exact once a message came fresh, and before that off by less than the longest lock.
    Of one that is ahead it is too little by no more than a lock lasts: its delayed copies come that much later.
    """

    def __init__(self) -> None:
        self.ahead = timedelta()
        self._lock = LONGEST_LOCK
        self._at_most: deque[timedelta] = deque(maxlen=8)
        self._alarmed = False

    def saw(self, stamps: Collection[Stamp], returned: datetime) -> None:
        """These messages came by a receive call that returned at this moment of this host."""
        if not stamps:
            return
        # A lock begins when its message is received, which is not before the message was enqueued.
        shortest = min(stamp.locked_until - stamp.enqueued_at for stamp in stamps)
        self._lock = max(min(self._lock, shortest), SHORTEST_LOCK)
        # Nothing is received before it was enqueued or its lock given, and a lock that was just given is not over.
        latest = max(stamp.locked_until for stamp in stamps)
        begun = max(latest - self._lock, *(stamp.enqueued_at for stamp in stamps))
        self._at_most.append(returned - begun)
        at_least = returned - latest + SHORTEST_LOCK
        self.ahead = min(max(min(timedelta(), *self._at_most), at_least), self._at_most[-1])
        if abs(self.ahead) >= ALARMING and not self._alarmed:
            self._alarmed = True
            seconds = round(self.ahead.total_seconds())
            log.warning(
                "this host's clock is at least %d seconds %s that of Service Bus; it is allowed for, but set it right",
                abs(seconds),
                "ahead of" if seconds > 0 else "behind",
            )

    def end_of_lock(self, locked_until: datetime, given: datetime) -> datetime:
        """When a lock that was given at this moment of this host has to be renewed by, told by this host's clock."""
        lasts = min(self.here(locked_until) - given, self._lock, LONGEST_TRUSTED)
        return given + max(lasts, SHORTEST_LOCK)

    def here(self, moment: datetime) -> datetime:
        """A moment of the broker's clock by this host's."""
        return moment + self.ahead

    def there(self, moment: datetime) -> datetime:
        """A moment of this host's clock by the broker's."""
        return moment - self.ahead
