"""Change tracking: a table says what changed or went since a token it gave out (``Prefer: odata.track-changes``).

A first call reads the table once from end to end, because only its last page bears a token. Tokens live as long as the
environment keeps them (seven days unless an administrator says otherwise).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import quote
from uuid import UUID

from connector.dataverse.changes import Record
from connector.dataverse.metadata import Metadata, Table
from connector.dataverse.reads import Reads
from connector.dataverse.translation import to_record
from connector.errors import Misconfigured, Rejected

EXPIRED = "token-expired"
"""The code of a token that is older than what the environment keeps."""


@dataclass(frozen=True, slots=True)
class Changed:
    """A page of what changed. ``token`` is on the last page only: what changes afterwards is asked for with it."""

    records: tuple[Record, ...]
    deleted: tuple[UUID, ...]
    token: str | None


class ChangeTracking:
    """What one environment says of its tables' changes. ``ask`` is given a path and returns the parsed answer."""

    def __init__(self, reads: Reads, metadata: Metadata, ask: Callable[[str], object]) -> None:
        self._reads = reads
        self._metadata = metadata
        self._ask = ask

    def enabled(self, tables: Iterable[str]) -> frozenset[str]:
        """Those of these tables that track their changes in this environment."""
        condition = quote(" or ".join(f"LogicalName eq '{name}'" for name in sorted(tables)), safe="'")
        answer = self._ask(f"EntityDefinitions?$select=LogicalName,ChangeTrackingEnabled&$filter={condition}")
        rows = answer.get("value", []) if isinstance(answer, dict) else []
        return frozenset(str(row["LogicalName"]) for row in rows if row.get("ChangeTrackingEnabled") is True)

    def since(self, name: str, columns: Sequence[str], token: str | None) -> Iterator[Changed]:
        """The changes since ``token``, page by page; without one, all rows.

        Raises ``Rejected`` with the code ``token-expired`` when the environment no longer answers to the token.
        """
        table = self._metadata.table(name)
        selected = ",".join(table.wire_name(column) for column in columns)
        path = f"{table.set_name}?$select={selected}" + (f"&$deltatoken={token}" if token else "")
        for page in self._reads.pages(path, "odata.track-changes"):
            yield _changed(table, columns, page)


def is_expired(refused: Rejected) -> bool:
    """Whether a refusal says that everything has to be read anew."""
    return refused.code == EXPIRED


def _changed(table: Table, columns: Sequence[str], page: Mapping[str, object]) -> Changed:
    rows = page["value"]
    if not isinstance(rows, list):
        raise Misconfigured("unreadable-answer", f"Dataverse told the changes of {table.name} in an unknown shape.")
    gone = [row for row in rows if "$deletedEntity" in str(row.get("@odata.context", ""))]
    there = [row for row in rows if "$deletedEntity" not in str(row.get("@odata.context", ""))]
    return Changed(
        tuple(to_record(table, columns, row) for row in there),
        tuple(UUID(str(row["id"])) for row in gone),
        _token(page.get("@odata.deltaLink"), table),
    )


def _token(link: object, table: Table) -> str | None:
    """The token as it stands in the link, encoded as it is there: it is given back word for word."""
    if not isinstance(link, str):
        return None
    for part in link.partition("?")[2].split("&"):
        name, _, value = part.partition("=")
        if name in ("$deltatoken", "%24deltatoken"):
            return value
    raise Misconfigured("unreadable-answer", f"Dataverse told the changes of {table.name} without a token.")
