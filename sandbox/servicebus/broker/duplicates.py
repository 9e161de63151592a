"""Duplicate detection: the message ids a queue has seen within its window."""

from __future__ import annotations

from datetime import datetime, timedelta

from sandbox.servicebus.broker.timers import Timers
from sandbox.servicebus.storage import Storage


class DuplicateHistory:
    """Remembers ids for a window counted from the first message that carried them; later copies do not extend it."""

    def __init__(self, queue: str, window: timedelta, storage: Storage) -> None:
        self._queue = queue
        self._window = window
        self._storage = storage
        self._loaded = dict(storage.remembered_ids(queue))
        self._known: Timers[str] = Timers()

    def seen(self, message_id: str, now: datetime) -> bool:
        """Whether this id was seen within the window; if not, it has been now."""
        self._settle_in(now)
        for forgotten, _ in self._known.take_due(now):
            self._storage.forget_id(self._queue, forgotten)
        if message_id in self._known:
            return True
        self._remember(message_id, now + self._window)
        return False

    def _settle_in(self, now: datetime) -> None:
        """Begin with the ids of last time: where the clock stood further then, or the window was longer, no longer."""
        loaded, self._loaded = self._loaded, {}
        latest = now + self._window
        for message_id, until in loaded.items():
            if until > latest:
                self._remember(message_id, latest)
            else:
                self._known.set(message_id, until)

    def _remember(self, message_id: str, until: datetime) -> None:
        self._known.set(message_id, until)
        self._storage.remember_id(self._queue, message_id, until)
