"""Duplicate detection: the message ids a queue has seen within its window."""

from __future__ import annotations

from datetime import datetime, timedelta

from sandbox.servicebus.storage import Storage


class DuplicateHistory:
    """Remembers ids for a window counted from the first message that carried them; later copies do not extend it."""

    def __init__(self, queue: str, window: timedelta, storage: Storage) -> None:
        self._queue = queue
        self._window = window
        self._storage = storage
        self._until: dict[str, datetime] = dict(storage.remembered_ids(queue))

    def seen(self, message_id: str, now: datetime) -> bool:
        """Whether this id was seen within the window; if not, it has been now."""
        self._forget(now)
        if message_id in self._until:
            return True
        until = now + self._window
        self._until[message_id] = until
        self._storage.remember_id(self._queue, message_id, until)
        return False

    def _forget(self, now: datetime) -> None:
        # The window is the same for all and time only goes forward: insertion order is expiry order.
        while self._until:
            message_id, until = next(iter(self._until.items()))
            if until > now:
                return
            del self._until[message_id]
            self._storage.forget_id(self._queue, message_id)
