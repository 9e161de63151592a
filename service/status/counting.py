"""How many rows meet a condition, with the first of them, in one request however many there are."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from uuid import UUID

from connector.dataverse.client import DataverseClient
from connector.dataverse.filters import path_of
from connector.dataverse.query import Query
from connector.dataverse.translation import to_record
from connector.errors import Misconfigured
from handlers.rows import row
from mappings.row import Row
from service.status.part import FEW

LIMIT = 5000
"""Dataverse counts no further than this ("Count rows", Web API)."""
SHOWN = "@OData.Community.Display.V1.FormattedValue"
PREFER = {
    "Prefer": 'odata.include-annotations="Microsoft.Dynamics.CRM.lookuplogicalname,'
    'OData.Community.Display.V1.FormattedValue"'
}


@dataclass(frozen=True, slots=True)
class Counted:
    """How many rows there are, and the first few in the order asked for.

    ``shown``: by the id of each, its lookups as people see them.
    """

    count: int
    rows: tuple[Row, ...]
    shown: Mapping[UUID, Mapping[str, str]] = field(default_factory=dict)

    @property
    def is_more(self) -> bool:
        """There may be more than were counted."""
        return self.count >= LIMIT


def counted(client: DataverseClient, question: Query, few: int = FEW) -> Counted:
    """Count what a question asks for, and read the first few of it. Raises ``ConnectorError``."""
    client.metadata.learn({question.table})
    table = client.metadata.table(question.table)
    path = path_of(replace(question, top=few), table)
    answer = client.send("GET", f"{path}&$count=true", headers=PREFER).json
    if isinstance(answer, Mapping):
        count, rows = answer.get("@odata.count"), answer.get("value")
        if isinstance(count, int) and isinstance(rows, list):
            read = tuple(row(to_record(table, question.select, one)) for one in rows)
            told = {one.id: _shown(question.select, given) for one, given in zip(read, rows, strict=True)}
            return Counted(count, read, told)
    raise Misconfigured("unreadable-answer", f"{client.url} does not count the rows of {question.table}.")


def _shown(columns: Iterable[str], given: Mapping[str, object]) -> dict[str, str]:
    """What Dataverse calls the rows that lookups lead to."""
    found = {column: given.get(f"_{column}_value{SHOWN}") for column in columns}
    return {column: text for column, text in found.items() if isinstance(text, str)}
