"""Stops a worker between gathering and committing, so that a race happens on every run and not on unlucky ones."""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence

from connector.dataverse.access import Dataverse, LooksAfterwards
from connector.dataverse.changes import ChangeSet, Committed, Record
from connector.dataverse.query import Query
from connector.errors import ConnectorError

DEADLINE = 60


class HeldUp(ABC):
    """A Dataverse on which something comes before each commit, whether a look goes along with it or not."""

    _dataverse: Dataverse

    @abstractmethod
    def _hold(self) -> None:
        """Come between."""

    def query(self, questions: Sequence[Query]) -> list[list[Record]]:
        return self._dataverse.query(questions)

    def commit(self, change_sets: Sequence[ChangeSet]) -> list[Committed | ConnectorError]:
        self._hold()
        return self._dataverse.commit(change_sets)

    def commit_and_look(
        self, change_sets: Sequence[ChangeSet], questions: Sequence[Query]
    ) -> tuple[list[Committed | ConnectorError], list[list[Record]] | None]:
        self._hold()
        if isinstance(self._dataverse, LooksAfterwards):
            return self._dataverse.commit_and_look(change_sets, questions)
        return self._dataverse.commit(change_sets), None


class Stalled(HeldUp):
    """A Dataverse whose first commit waits for ``go``; ``gathered`` is set once everything before it was read."""

    def __init__(self, dataverse: Dataverse) -> None:
        self._dataverse = dataverse
        self._first = True
        self.gathered = threading.Event()
        self.go = threading.Event()

    def _hold(self) -> None:
        if self._first:
            self._first = False
            self.gathered.set()
            assert self.go.wait(DEADLINE), "nobody let the stalled commit go"


class Together:
    """Dataverses whose first so many commits wait for each other: all have gathered before any commits."""

    def __init__(self, dataverse: Dataverse, how_many: int, commits: int = 1) -> None:
        barrier = threading.Barrier(how_many, timeout=DEADLINE)
        self.sides = [_Side(dataverse, barrier, commits) for _ in range(how_many)]


class _Side(HeldUp):
    def __init__(self, dataverse: Dataverse, barrier: threading.Barrier, commits: int) -> None:
        self._dataverse = dataverse
        self._barrier = barrier
        self._waits = commits

    def _hold(self) -> None:
        if self._waits:
            self._waits -= 1
            self._barrier.wait()


class BeforeCommit(HeldUp):
    """A Dataverse on which something happens once: after everything was gathered, just before the n-th commit."""

    def __init__(self, dataverse: Dataverse, happens: Callable[[], object], commit: int = 1) -> None:
        self._dataverse = dataverse
        self._happens = happens
        self._countdown = commit

    def _hold(self) -> None:
        self._countdown -= 1
        if self._countdown == 0:
            self._happens()


def in_background(work: Callable[[], object]) -> threading.Thread:
    """Run ``work`` in a thread that a failed test does not wait for."""
    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    return thread
