"""What the handlers may do with Dataverse: read in bulk, and commit change sets. Nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

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


class Dataverse(Reader, Writer, Protocol):
    """Both sides."""
