"""Keeps two commits that touch the same partition from being in flight at once."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from math import ceil

FEW = 4
"""So many at the most are not divided: each part would cost a request of its own."""


class Partitions:
    """A set of names in use. Whoever wants some takes those that are free, sends what is theirs, and comes again.

    Nobody waits while holding any, which is what makes it free of deadlocks. Where several want some at the same time
    each takes its share only: batches of many partitions each would otherwise all meet, and go one after the other.
    """

    def __init__(self) -> None:
        self._in_use: set[str] = set()
        self._wanting = 0
        self._awaited = Counter[str]()
        self._changed = threading.Condition()

    def are_awaited(self, names: Iterable[str]) -> bool:
        """Whether somebody waits for one of these."""
        with self._changed:
            return any(self._awaited[name] > 0 for name in names)

    @contextmanager
    def some_of(self, names: Iterable[str]) -> Iterator[frozenset[str]]:
        """Hold some of these names, at least one, while the block runs. The empty name means none and never waits."""
        wanted = [name for name in dict.fromkeys(names) if name]
        if not wanted:
            yield frozenset()
            return
        with self._changed:
            self._wanting += 1
            self._awaited.update(wanted)
            self._changed.wait_for(lambda: not self._in_use.issuperset(wanted))
            self._awaited.subtract(wanted)
            free = [name for name in wanted if name not in self._in_use]
            held = frozenset(free[: max(FEW, ceil(len(wanted) / self._wanting))])
            self._in_use |= held
        try:
            yield held
        finally:
            with self._changed:
                self._wanting -= 1
                self._in_use -= held
                self._changed.notify_all()
