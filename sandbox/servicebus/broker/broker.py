"""The broker: queues by name, and the moment the next of them has something to do."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime

from sandbox.servicebus.broker.queue import MessageStore, Queue
from sandbox.servicebus.broker.settings import QueueSettings
from sandbox.servicebus.storage import Storage


class Broker:
    """Entities by name; names are the same however they are capitalised."""

    def __init__(self, queues: Iterable[QueueSettings], storage: Storage) -> None:
        self.storage = storage
        self._queues: dict[str, Queue] = {}
        for settings in queues:
            if settings.name.lower() in self._queues:
                raise ValueError(f"There are two queues named {settings.name}.")
            self._queues[settings.name.lower()] = Queue(settings, storage)

    @property
    def queues(self) -> list[Queue]:
        """All queues."""
        return list(self._queues.values())

    def find(self, name: str) -> Queue | None:
        """The queue of this name, or None."""
        return self._queues.get(name.lower())

    def advance(self, now: datetime) -> None:
        """Let come due what is due, in every queue."""
        for store in self._stores():
            store.advance(now)

    def next_moment(self) -> datetime | None:
        """When the next queue has something to do; None if none waits for anything."""
        moments = (store.next_moment() for store in self._stores())
        return min((moment for moment in moments if moment is not None), default=None)

    def _stores(self) -> Iterator[MessageStore]:
        for queue in self._queues.values():
            yield queue
            yield queue.dead_letters
