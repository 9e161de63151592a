"""Keeps two commits that touch the same partition from being in flight at once."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager


class Partitions:
    """A set of names in use; whoever wants some of them waits until all are free, then takes all at once.

    Taking all or none is what makes it free of deadlocks. The empty name means "no partition" and never waits.
    """

    def __init__(self) -> None:
        self._in_use: set[str] = set()
        self._changed = threading.Condition()

    @contextmanager
    def hold(self, names: Iterable[str]) -> Iterator[None]:
        """Hold these names while the block runs."""
        wanted = {name for name in names if name}
        with self._changed:
            self._changed.wait_for(lambda: wanted.isdisjoint(self._in_use))
            self._in_use |= wanted
        try:
            yield
        finally:
            with self._changed:
                self._in_use -= wanted
                self._changed.notify_all()
