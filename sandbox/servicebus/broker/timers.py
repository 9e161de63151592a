"""Moments a queue waits for, soonest first; what no longer matters is passed over when its turn comes."""

from __future__ import annotations

import heapq
from collections.abc import Hashable, Iterator
from datetime import datetime
from itertools import count
from typing import Generic, TypeVar

Key = TypeVar("Key", bound=Hashable)

_SPARE = 64
"""Entries that no longer matter are left alone up to this many, and until they are the greater part."""


class Timers(Generic[Key]):
    """At most one moment per key."""

    def __init__(self) -> None:
        self._due: dict[Key, datetime] = {}
        self._heap: list[tuple[datetime, int, Key]] = []
        self._order = count()

    def __len__(self) -> int:
        return len(self._due)

    def __contains__(self, key: Key) -> bool:
        return key in self._due

    def set(self, key: Key, due: datetime) -> None:
        """Wait for ``due``, instead of whatever was waited for under this key."""
        if self._due.get(key) == due:
            return
        self._due[key] = due
        heapq.heappush(self._heap, (due, next(self._order), key))
        if len(self._heap) > 2 * len(self._due) + _SPARE:
            self._tidy_up()

    def cancel(self, key: Key) -> bool:
        """Stop waiting; false if nothing was waited for."""
        return self._due.pop(key, None) is not None

    def next(self) -> datetime | None:
        """The soonest moment, or None."""
        while self._heap:
            due, _, key = self._heap[0]
            if self._due.get(key) == due:
                return due
            heapq.heappop(self._heap)
        return None

    def take_due(self, now: datetime) -> Iterator[tuple[Key, datetime]]:
        """Every key whose moment has come, soonest first; each is no longer waited for when it is handed out."""
        while (due := self.next()) is not None and due <= now:
            key = heapq.heappop(self._heap)[2]
            del self._due[key]
            yield key, due

    def _tidy_up(self) -> None:
        """Keep one entry for each key: of those that were cancelled and set again there may be many."""
        entries = sorted(self._heap, key=lambda entry: entry[:2])
        first = {entry[2]: entry for entry in reversed(entries) if self._due.get(entry[2]) == entry[0]}
        self._heap = sorted(first.values(), key=lambda entry: entry[:2])
