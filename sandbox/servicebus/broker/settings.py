"""How a queue behaves."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

_LONGEST_LOCK = timedelta(minutes=5)
_SHORTEST_WINDOW, _LONGEST_WINDOW = timedelta(seconds=20), timedelta(days=7)


@dataclass(frozen=True, slots=True)
class QueueSettings:
    """A queue's name and rules; values Azure Service Bus would refuse are refused here too.

    ``duplicate_detection_window`` of None switches duplicate detection off; ``default_ttl`` of None lets messages
    live until they are settled.
    """

    name: str
    lock_duration: timedelta = timedelta(seconds=60)
    max_delivery_count: int = 100
    duplicate_detection_window: timedelta | None = None
    default_ttl: timedelta | None = None

    def __post_init__(self) -> None:
        if not self.name or self.name != self.name.strip("/") or "$" in self.name:
            raise ValueError(f"{self.name!r} cannot be the name of a queue.")
        if not timedelta() < self.lock_duration <= _LONGEST_LOCK:
            raise ValueError(f"The lock duration of queue {self.name} must be more than 0 and at most 5 minutes.")
        if not 1 <= self.max_delivery_count <= 2000:
            raise ValueError(f"The max delivery count of queue {self.name} must be from 1 to 2000.")
        window = self.duplicate_detection_window
        if window is not None and not _SHORTEST_WINDOW <= window <= _LONGEST_WINDOW:
            raise ValueError(f"The duplicate detection window of queue {self.name} must be from 20 seconds to 7 days.")
        if self.default_ttl is not None and self.default_ttl <= timedelta():
            raise ValueError(f"The default time to live of queue {self.name} must be more than 0.")


@dataclass(frozen=True, slots=True)
class QueueCounts:
    """How many messages a queue holds, by what may happen to them next; ``dead_letter`` is its dead-letter queue."""

    active: int
    locked: int
    scheduled: int
    dead_letter: int
    deferred: int = 0
