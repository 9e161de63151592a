"""The broker: entities by name, and the moment the next of them has something to do."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime

from sandbox.servicebus.broker.forwarding import Forwarding, check_forwarding
from sandbox.servicebus.broker.properties import Reader
from sandbox.servicebus.broker.queue import Queue, ReceivingEntity
from sandbox.servicebus.broker.settings import QueueSettings, TopicSettings
from sandbox.servicebus.broker.store import MessageStore
from sandbox.servicebus.broker.topic import Topic
from sandbox.servicebus.storage import Storage


class Broker:
    """Entities by name; names are the same however they are capitalised."""

    def __init__(
        self,
        queues: Iterable[QueueSettings],
        storage: Storage,
        topics: Iterable[TopicSettings] = (),
        reader: Reader | None = None,
    ) -> None:
        queues, topics = list(queues), list(topics)
        check_forwarding(queues, topics)
        self.storage = storage
        self._receiving: dict[str, ReceivingEntity] = {}
        self._topics: dict[str, Topic] = {}
        for queue in queues:
            self._claim(queue.name)
            self._receiving[queue.name.lower()] = Queue(queue, storage)
        for each in topics:
            self._claim(each.name)
            if reader is None:
                raise ValueError("Topics need somebody who reads messages.")
            topic = self._topics[each.name.lower()] = Topic(each, storage, reader)
            for subscription in topic.subscriptions:
                self._receiving[subscription.path.lower()] = subscription
        self._everything = list(self._all())
        self._forwardings = [Forwarding(*each) for each in self._handing_on()]

    @property
    def receiving(self) -> list[ReceivingEntity]:
        """All queues and subscriptions."""
        return list(self._receiving.values())

    @property
    def topics(self) -> list[Topic]:
        """All topics."""
        return list(self._topics.values())

    def find(self, path: str) -> ReceivingEntity | None:
        """The queue or subscription of this path, or None."""
        return self._receiving.get(path.lower())

    def find_topic(self, name: str) -> Topic | None:
        """The topic of this name, or None."""
        return self._topics.get(name.lower())

    def advance(self, now: datetime) -> None:
        """Let come due what is due, everywhere, and hand on what is to be forwarded."""
        for each in self._busy():
            each.advance(now)
        while any(each.run(now) for each in self._forwardings):
            pass  # what was handed on may have to go further; chains end, see ``check_forwarding``

    def next_moment(self) -> datetime | None:
        """When the next entity has something to do; None if none waits for anything."""
        moments = (each.next_moment() for each in (*self._busy(), *self._forwardings))
        return min((moment for moment in moments if moment is not None), default=None)

    def _handing_on(self) -> Iterator[tuple[MessageStore, Queue | Topic]]:
        for entity in self._receiving.values():
            for source, name in (
                (entity, entity.forward_to),
                (entity.dead_letters, entity.forward_dead_letters_to),
            ):
                target = None if name is None else self._topics.get(name.lower()) or self._receiving.get(name.lower())
                if isinstance(target, Queue | Topic):
                    yield source, target

    def _claim(self, name: str) -> None:
        if name.lower() in self._receiving or name.lower() in self._topics:
            raise ValueError(f"There are two entities named {name}.")

    def _busy(self) -> list[MessageStore | Topic]:
        """Whoever waits for something: of many entities only a few, and they are gone through at every turn."""
        return [each for each in self._everything if not each.idle]

    def _all(self) -> Iterator[MessageStore | Topic]:
        yield from self._topics.values()
        for entity in self._receiving.values():
            yield entity
            yield entity.dead_letters
