"""How queues, topics and subscriptions behave; what Azure Service Bus would refuse is refused here too."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from sandbox.servicebus.broker.rules import Rule

SUBSCRIPTIONS = "Subscriptions"
_LONGEST_LOCK = timedelta(minutes=5)
# Azure asks for 20 seconds at least, Microsoft's emulator for 5.
_SHORTEST_WINDOW, _LONGEST_WINDOW = timedelta(seconds=5), timedelta(days=7)


@dataclass(frozen=True, slots=True)
class QueueSettings:
    """A queue's name and rules.

    ``duplicate_detection_window`` of None switches duplicate detection off; ``default_ttl`` of None lets messages
    live until they are settled. With ``dead_letter_expired`` a message whose life ends is put aside, else it is gone.
    ``forward_to``: the queue or topic that gets every message instead of receivers, and ``forward_dead_letters_to`` the
    one that gets those put aside.
    """

    name: str
    lock_duration: timedelta = timedelta(seconds=60)
    max_delivery_count: int = 100
    duplicate_detection_window: timedelta | None = None
    default_ttl: timedelta | None = None
    dead_letter_expired: bool = False
    requires_session: bool = False
    forward_to: str | None = None
    forward_dead_letters_to: str | None = None

    def __post_init__(self) -> None:
        _check_name(self.name, "a queue")
        _check_receiving(f"queue {self.name}", self.lock_duration, self.max_delivery_count)
        _check_window(f"queue {self.name}", self.duplicate_detection_window)
        _check_life(f"queue {self.name}", self.default_ttl)


@dataclass(frozen=True, slots=True)
class SubscriptionSettings:
    """A subscription's name within its topic, and its rules; without ``rules`` it takes every message.

    The other fields are those of ``QueueSettings``.
    """

    name: str
    rules: tuple[Rule, ...] | None = None
    lock_duration: timedelta = timedelta(seconds=60)
    max_delivery_count: int = 100
    default_ttl: timedelta | None = None
    dead_letter_expired: bool = False
    requires_session: bool = False
    forward_to: str | None = None
    forward_dead_letters_to: str | None = None

    def __post_init__(self) -> None:
        _check_name(self.name, "a subscription", with_slashes=False)
        _check_receiving(f"subscription {self.name}", self.lock_duration, self.max_delivery_count)
        _check_life(f"subscription {self.name}", self.default_ttl)
        names = [rule.name.lower() for rule in self.rules or ()]
        if len(set(names)) < len(names):
            raise ValueError(f"Two rules of subscription {self.name} have the same name.")


@dataclass(frozen=True, slots=True)
class TopicSettings:
    """A topic's name and its subscriptions; the other fields are those of ``QueueSettings``."""

    name: str
    subscriptions: tuple[SubscriptionSettings, ...] = ()
    duplicate_detection_window: timedelta | None = None
    default_ttl: timedelta | None = None

    def __post_init__(self) -> None:
        _check_name(self.name, "a topic")
        _check_window(f"topic {self.name}", self.duplicate_detection_window)
        _check_life(f"topic {self.name}", self.default_ttl)
        names = [each.name.lower() for each in self.subscriptions]
        if len(set(names)) < len(names):
            raise ValueError(f"Two subscriptions of topic {self.name} have the same name.")

    def path_of(self, subscription: SubscriptionSettings) -> str:
        """The path of a subscription's messages."""
        return f"{self.name}/{SUBSCRIPTIONS}/{subscription.name}"


def _check_name(name: str, what: str, *, with_slashes: bool = True) -> None:
    segments = name.split("/")
    wrong = not all(segments) or "$" in name or SUBSCRIPTIONS.lower() in (each.lower() for each in segments[1:])
    if wrong or (len(segments) > 1 and not with_slashes):
        raise ValueError(f"{name!r} cannot be the name of {what}.")


def _check_receiving(entity: str, lock_duration: timedelta, max_delivery_count: int) -> None:
    if not timedelta() < lock_duration <= _LONGEST_LOCK:
        raise ValueError(f"The lock duration of {entity} must be more than 0 and at most 5 minutes.")
    if not 1 <= max_delivery_count <= 2000:
        raise ValueError(f"The max delivery count of {entity} must be from 1 to 2000.")


def _check_window(entity: str, window: timedelta | None) -> None:
    if window is not None and not _SHORTEST_WINDOW <= window <= _LONGEST_WINDOW:
        raise ValueError(f"The duplicate detection window of {entity} must be from 5 seconds to 7 days.")


def _check_life(entity: str, life: timedelta | None) -> None:
    if life is not None and life <= timedelta():
        raise ValueError(f"The default time to live of {entity} must be more than 0.")


@dataclass(frozen=True, slots=True)
class QueueCounts:
    """How many messages a queue holds, by what may happen to them next; ``dead_letter`` is its dead-letter queue."""

    active: int
    locked: int
    scheduled: int
    dead_letter: int
    deferred: int = 0
