"""What an environment says about the columns of some tables, as far as a profile depends on it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, cast
from urllib.parse import quote

from connector.dataverse.client import DataverseClient
from connector.errors import Misconfigured

NAMESPACE = "Microsoft.Dynamics.CRM."
_MORE = {
    "String": ("StringAttributeMetadata", "$select=LogicalName,MaxLength"),
    "Memo": ("MemoAttributeMetadata", "$select=LogicalName,MaxLength"),
    "Decimal": ("DecimalAttributeMetadata", "$select=LogicalName,Precision"),
    "DateTime": ("DateTimeAttributeMetadata", "$select=LogicalName,DateTimeBehavior"),
    "Picklist": (
        "PicklistAttributeMetadata",
        "$select=LogicalName&$expand=OptionSet($select=Options),GlobalOptionSet($select=Options)",
    ),
}
"""What the list of a table's columns leaves out, by type: where it stands, and what is asked of it."""


@dataclass(frozen=True, slots=True)
class Column:
    """One column. Facts of other types are left empty: ``length`` in characters, ``precision`` in decimal places."""

    name: str
    type: str
    readable: bool = True
    writable: bool = True
    targets: frozenset[str] = frozenset()
    length: int | None = None
    precision: int | None = None
    behavior: str | None = None
    options: frozenset[int] = frozenset()


@dataclass(slots=True)
class Columns:
    """The columns of the tables that are there, by table and name; a table that is not there is left out.

    ``details`` of a type are asked for once, when a column of that type is first looked at closely.
    """

    client: DataverseClient
    tables: Mapping[str, Mapping[str, Column]]
    _asked: dict[tuple[str, str], Mapping[str, Mapping[str, Any]]] = field(default_factory=dict)

    def has(self, table: str, column: str) -> bool:
        """Whether the environment has this column."""
        return column in self.tables.get(table, {})

    def closely(self, table: str, name: str) -> Column | None:
        """Everything about one column; ``None`` if there is none of this name."""
        column = self.tables.get(table, {}).get(name)
        if column is None or column.type not in _MORE:
            return column
        more = self._details(table, column.type).get(name, {})
        return Column(
            name=name,
            type=column.type,
            readable=column.readable,
            writable=column.writable,
            length=more.get("MaxLength"),
            precision=more.get("Precision"),
            behavior=(more.get("DateTimeBehavior") or {}).get("Value"),
            options=frozenset(_options(more)),
        )

    def _details(self, table: str, type: str) -> Mapping[str, Mapping[str, Any]]:
        if (table, type) not in self._asked:
            metadata_type, query = _MORE[type]
            path = f"EntityDefinitions(LogicalName='{table}')/Attributes/{NAMESPACE}{metadata_type}?{query}"
            self._asked[table, type] = {str(one["LogicalName"]): one for one in _values(self.client, path)}
        return self._asked[table, type]


def columns_of(client: DataverseClient, tables: Collection[str]) -> Columns:
    """Ask for all columns of these tables, in one request. Raises ``ConnectorError``."""
    condition = quote(" or ".join(f"LogicalName eq '{name}'" for name in sorted(tables)), safe="'")
    path = (
        f"EntityDefinitions?$select=LogicalName&$filter={condition}"
        "&$expand=Attributes($select=LogicalName,AttributeType,IsValidForRead,IsValidForCreate,IsValidForUpdate),"
        "ManyToOneRelationships($select=ReferencingAttribute,ReferencedEntity)"
    )
    try:
        return Columns(client, {str(one["LogicalName"]): dict(_columns(one)) for one in _values(client, path)})
    except (KeyError, TypeError) as error:
        raise Misconfigured("unreadable-metadata", f"EntityDefinitions has an unknown shape: {error}.") from error


def messages_of(client: DataverseClient, names: Iterable[str]) -> frozenset[str]:
    """Which of these actions the environment has: each is announced as a message. Raises ``ConnectorError``."""
    condition = quote(" or ".join(f"name eq '{name}'" for name in names), safe="'")
    return frozenset(str(one["name"]) for one in _values(client, f"sdkmessages?$select=name&$filter={condition}"))


def _columns(table: Mapping[str, Any]) -> Iterator[tuple[str, Column]]:
    targets: dict[str, set[str]] = {}
    for relation in table["ManyToOneRelationships"]:
        targets.setdefault(str(relation["ReferencingAttribute"]), set()).add(str(relation["ReferencedEntity"]))
    for one in table["Attributes"]:
        name = str(one["LogicalName"])
        yield (
            name,
            Column(
                name=name,
                type=str(one["AttributeType"]),
                readable=bool(one["IsValidForRead"]),
                writable=bool(one["IsValidForCreate"]) and bool(one["IsValidForUpdate"]),
                targets=frozenset(targets.get(name, ())),
            ),
        )


def _options(more: Mapping[str, Any]) -> Iterator[int]:
    for kind in ("OptionSet", "GlobalOptionSet"):
        for option in (more.get(kind) or {}).get("Options", ()):
            yield int(option["Value"])


def _values(client: DataverseClient, path: str) -> list[Mapping[str, Any]]:
    answer = client.send("GET", path).json
    if not isinstance(answer, Mapping) or not isinstance(answer.get("value"), list):
        raise Misconfigured("unreadable-answer", f"{client.url} does not answer as Dataverse does.")
    return cast(list[Mapping[str, Any]], answer["value"])
