"""Forwarding: who hands on everything that comes to them or to their dead-letter queues. Pure; told the time."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from sandbox.servicebus.broker.errors import BrokerError
from sandbox.servicebus.broker.message import Message
from sandbox.servicebus.broker.queue import ReceivingEntity
from sandbox.servicebus.broker.settings import QueueSettings, SubscriptionSettings, TopicSettings
from sandbox.servicebus.broker.store import MessageStore

MOST_HOPS = 4
"""How often a message may be handed on, as in Azure."""
REFUSED = "ForwardingRefused"
"""The reason of a message that the next entity would not take."""


class Destination(Protocol):
    """Who takes messages over: a queue or a topic."""

    path: str

    def take_over(self, message: Message, now: datetime) -> None:
        """Take a message as if it were sent here now; raises ``BrokerError``, having done nothing."""


@dataclass(slots=True)
class Forwarding:
    """From one line of messages to one entity.

    What the entity refuses is put aside in the source's dead-letter queue; in a dead-letter queue it stays.
    """

    source: MessageStore
    target: Destination
    _stuck: set[int] = field(default_factory=set, init=False)

    def run(self, now: datetime) -> bool:
        """Hand on everything that waits; false if there was nothing."""
        self.source.advance(now)
        waiting = self._waiting()
        for message in waiting:
            try:
                self.target.take_over(message, now)
            except BrokerError as refusal:
                self._refused(message, str(refusal))
            else:
                self.source.hand_over(message)
        return bool(waiting)

    def next_moment(self) -> datetime | None:
        """A moment that has passed where a message waits to be handed on, else None."""
        return next((message.enqueued_at for message in self._waiting()), None)

    def _waiting(self) -> list[Message]:
        return [message for message in self.source.in_line if message.sequence_number not in self._stuck]

    def _refused(self, message: Message, why: str) -> None:
        if isinstance(self.source, ReceivingEntity):
            self.source.put_aside(message, REFUSED, f"{self.target.path} did not take the message: {why}")
        else:
            self._stuck.add(message.sequence_number)


def check_forwarding(queues: Iterable[QueueSettings], topics: Iterable[TopicSettings]) -> None:
    """Raise ``ValueError`` unless everyone hands on to an entity there is, in chains that end soon enough."""
    entities: list[QueueSettings | TopicSettings] = [*queues, *topics]
    by_name = {each.name.lower(): each for each in entities}

    def targets(path: str, source: QueueSettings | SubscriptionSettings) -> Iterator[QueueSettings | TopicSettings]:
        for name, dead_letters in ((source.forward_to, False), (source.forward_dead_letters_to, True)):
            if name is None:
                continue
            what = f"{path}'s dead-letter queue" if dead_letters else path
            target = by_name.get(name.lower())
            if target is None:
                raise ValueError(f"{what} forwards to {name}, and there is no such queue or topic.")
            if not dead_letters and source.requires_session:
                raise ValueError(f"{what} has sessions, so it cannot forward.")
            if dead_letters and isinstance(target, QueueSettings) and target.requires_session:
                raise ValueError(f"{what} cannot forward to {name}, which has sessions.")
            yield target

    def follow(entity: QueueSettings | TopicSettings, hops: int, passed: tuple[str, ...]) -> None:
        if entity.name.lower() in passed:
            raise ValueError(f"What is forwarded by {entity.name} would come back to it.")
        if hops > MOST_HOPS:
            raise ValueError(f"Messages would be forwarded more than {MOST_HOPS} times on their way to {entity.name}.")
        sources: list[tuple[str, QueueSettings | SubscriptionSettings]]
        if isinstance(entity, QueueSettings):
            sources = [(entity.name, entity)]
        else:
            sources = [(entity.path_of(each), each) for each in entity.subscriptions]
        for path, source in sources:
            for target in targets(path, source):
                follow(target, hops + 1, (*passed, entity.name.lower()))

    for each in entities:
        follow(each, 0, ())
