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
NEXT = "@odata.nextLink"
SHOWN = "@OData.Community.Display.V1.FormattedValue"
EXCEEDED = "Microsoft.Dynamics.CRM.totalrecordcountlimitexceeded"
ANNOTATIONS = (
    f'odata.include-annotations="Microsoft.Dynamics.CRM.lookuplogicalname,{SHOWN.removeprefix("@")},{EXCEEDED}"'
)


@dataclass(frozen=True, slots=True)
class Counted:
    """How many rows there are, and the first few in the order asked for.

    ``shown``: by the id of each, its lookups as people see them. ``is_more``: there may be more than were counted.
    """

    count: int
    rows: tuple[Row, ...]
    shown: Mapping[UUID, Mapping[str, str]] = field(default_factory=dict)
    is_more: bool = False


def counted(client: DataverseClient, question: Query, few: int = FEW) -> Counted:
    """Count what a question asks for, and read the first few of it. Raises ``ConnectorError``.

    The first few are a page: ``$top`` and ``$count`` are not to be used together, whereas a page says how many rows
    there are on all of them (Web API, "Query data: count rows").
    """
    client.metadata.learn({question.table})
    table = client.metadata.table(question.table)
    path = path_of(replace(question, top=None), table)
    prefer = {"Prefer": f"odata.maxpagesize={few},{ANNOTATIONS}"}
    answer = client.send("GET", f"{path}&$count=true", headers=prefer).json
    if isinstance(answer, Mapping):
        count, given = answer.get("@odata.count"), answer.get("value")
        if isinstance(count, int) and isinstance(given, list) and count >= len(given):
            rows = given[:few]
            read = tuple(row(to_record(table, question.select, one)) for one in rows)
            told = {one.id: _shown(question.select, raw) for one, raw in zip(read, rows, strict=True)}
            # A page that goes on although all are said to be on it: there are more, whatever the count is of.
            goes_on = answer.get(NEXT) is not None and count == len(given)
            return Counted(count, read, told, goes_on or count >= LIMIT or answer.get(f"@{EXCEEDED}") is True)
    raise Misconfigured("unreadable-answer", f"{client.url} does not count the rows of {question.table}.")


def _shown(columns: Iterable[str], given: Mapping[str, object]) -> dict[str, str]:
    """What Dataverse calls the rows that lookups lead to."""
    found = {column: given.get(f"_{column}_value{SHOWN}") for column in columns}
    return {column: text for column, text in found.items() if isinstance(text, str)}
