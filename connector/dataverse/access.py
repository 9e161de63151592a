"""What the handlers may do with Dataverse: read in bulk, and commit change sets. Nothing else."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Protocol, runtime_checkable

from connector.dataverse.change_tracking import Changed
from connector.dataverse.changes import ChangeSet, Committed, Record
from connector.dataverse.query import Query
from connector.errors import ConnectorError


class Reader(Protocol):
    """Answers many questions in few requests."""

    def query(self, questions: Sequence[Query]) -> list[list[Record]]:
        """Answer every question, in order, following all pages. Raises ``ConnectorError``."""
        ...


class Writer(Protocol):
    """Carries out change sets; each stands or falls alone."""

    def commit(self, change_sets: Sequence[ChangeSet]) -> list[Committed | ConnectorError]:
        """One outcome per change set, in order. Never raises a ``ConnectorError``: it is the outcome."""
        ...


@runtime_checkable
class LooksAfterwards(Protocol):
    """Answers questions in the very request that carries out change sets, where that goes."""

    def commit_and_look(
        self, change_sets: Sequence[ChangeSet], questions: Sequence[Query]
    ) -> tuple[list[Committed | ConnectorError], list[list[Record]] | None]:
        """As ``commit``, and an answer to each question, none older than the writes; ``None``: ask by yourself."""
        ...


class Dataverse(Reader, Writer, Protocol):
    """Both sides."""


class Tracking(Protocol):
    """Says what changed in a table since it was last asked."""

    def enabled(self, tables: Iterable[str]) -> frozenset[str]:
        """Those of these tables that track their changes."""
        ...

    def since(self, name: str, columns: Sequence[str], token: str | None) -> Iterator[Changed]:
        """The changes since a token, page by page; without one, all rows. Raises ``ConnectorError``."""
        ...


class Scanner(Reader, Protocol):
    """Reads more rows than are held at once."""

    @property
    def tracking(self) -> Tracking:
        """What changed, where tables track it."""
        ...

    def scan(self, question: Query) -> Iterator[list[Record]]:
        """Answer one question page by page. Raises ``ConnectorError``."""
        ...
