"""How many rows meet a condition, with the first of them, in one request however many there are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

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
PREFER = {"Prefer": 'odata.include-annotations="Microsoft.Dynamics.CRM.lookuplogicalname"'}


@dataclass(frozen=True, slots=True)
class Counted:
    """How many rows there are, and the first few in the order asked for."""

    count: int
    rows: tuple[Row, ...]

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
            return Counted(count, tuple(row(to_record(table, question.select, one)) for one in rows))
    raise Misconfigured("unreadable-answer", f"{client.url} does not count the rows of {question.table}.")
