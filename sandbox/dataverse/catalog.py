"""The tables the sandbox knows: the shipped ones from ``schema/``, and those made at run time."""

from __future__ import annotations

import functools
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

from sandbox.dataverse.one_to_many import Collection, collections_of
from sandbox.dataverse.query_switches import QuerySwitches
from sandbox.dataverse.unit_of_work import Refused

SCHEMA = Path(__file__).parent / "schema"
KINDS = {"id", "guid", "string", "memo", "integer", "bigint", "boolean", "picklist", "state", "status", "lookup"} | {
    "multiselectpicklist",
    "decimal",
    "double",
    "money",
    "datetime",
}


@dataclass(frozen=True, slots=True)
class Column:
    """One column's facts.

    ``kind`` is one of ``KINDS``. ``to`` maps each table a lookup may point to onto the navigation property that binds
    it, in its real casing. ``choices`` maps values to labels; empty where the values are not known, and then any
    integer is taken; ``global_choice`` names the global choice they were taken from. Dates have a ``behavior``
    (UserLocal, DateOnly, TimeZoneIndependent) and a ``format``. ``relationships`` maps a table that a lookup made at
    run time points to onto the names of the relationship and of the collection on that table's side; ``on_delete`` says
    what becomes of a row when the one it points to is deleted: Restrict (that one stays), RemoveLink or Cascade.
    """

    name: str
    kind: str
    schema_name: str
    to: Mapping[str, str] = field(default_factory=dict)
    choices: Mapping[int, str] = field(default_factory=dict)
    length: int | None = None
    minimum: Decimal | None = None
    maximum: Decimal | None = None
    precision: int | None = None
    behavior: str = "UserLocal"
    format: str = "DateAndTime"
    required: str = ""
    read_only: bool = False
    label: str = ""
    global_choice: str = ""
    relationships: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    on_delete: str = "Restrict"

    @property
    def property_name(self) -> str:
        """What the Web API calls the column: lookups are read as ``_name_value``."""
        return f"_{self.name}_value" if self.kind == "lookup" else self.name

    @property
    def date_only(self) -> bool:
        """Whether the value is a calendar date without a time (``Edm.Date``)."""
        return self.kind == "datetime" and self.behavior == "DateOnly"


@dataclass(frozen=True, slots=True)
class Key:
    """An alternate key: columns whose values together name one row.

    ``status`` is ``Active``, or ``Failed`` when rows that were there already are not told apart by it.
    """

    name: str
    schema_name: str
    columns: tuple[str, ...]
    status: str = "Active"


@dataclass(frozen=True, slots=True)
class Table:
    """One table: its names, its columns, and the ways in that the Web API offers."""

    name: str
    label: str
    set_name: str
    id_column: str
    name_column: str | None
    columns: Mapping[str, Column]
    schema_name: str
    custom: bool = False
    keys: tuple[Key, ...] = ()
    change_tracking: bool = True
    """Whether changes can be asked for (``Prefer: odata.track-changes``)."""
    navigations: Mapping[str, tuple[Column, frozenset[str]]] = field(init=False)
    """Navigation property (exact case) → the lookup it binds, and the tables it may point to."""
    properties: Mapping[str, Column] = field(init=False)
    """Property name as read (``_x_value`` for lookups) → column."""
    lookups: tuple[Column, ...] = field(init=False)
    money: tuple[Column, ...] = field(init=False)
    """Money columns that have a ``_base`` twin."""

    def __post_init__(self) -> None:
        navigations: dict[str, tuple[Column, frozenset[str]]] = {}
        lookups = tuple(column for column in self.columns.values() if column.kind == "lookup")
        for column in lookups:
            for target, navigation in column.to.items():
                known = navigations.get(navigation, (column, frozenset[str]()))[1]
                navigations[navigation] = (column, known | {target})
        money = (column for column in self.columns.values() if column.kind == "money")
        object.__setattr__(self, "navigations", navigations)
        object.__setattr__(self, "lookups", lookups)
        object.__setattr__(self, "properties", {c.property_name: c for c in self.columns.values()})
        object.__setattr__(self, "money", tuple(c for c in money if f"{c.name}_base" in self.columns))

    def column(self, name: str) -> Column:
        """The column of this logical name; an unknown one is refused."""
        column = self.columns.get(name)
        if column is None:
            raise Refused(f"'{self.name}' entity doesn't contain attribute with Name = '{name}'.", "0x80041103")
        return column


class Catalog:
    """All tables by logical name and by entity set name."""

    def __init__(self) -> None:
        self._tables = dict(_shipped())
        self._sets = {table.set_name: table for table in self._tables.values()}
        self._collections: dict[str, Mapping[str, Collection]] = {}
        self.queries = QuerySwitches()

    def __iter__(self) -> Iterator[Table]:
        return iter(list(self._tables.values()))

    def find(self, name: str) -> Table | None:
        """The table of this logical name, if there is one."""
        return self._tables.get(name)

    def table(self, name: str) -> Table:
        """The table of this logical name; an unknown one is refused."""
        table = self._tables.get(name)
        if table is None:
            raise Refused(f"The entity with a name = '{name}' was not found in the MetadataCache.", "0x80041102", 404)
        return table

    def by_set(self, set_name: str) -> Table | None:
        """The table of this entity set name (exact case), if there is one."""
        return self._sets.get(set_name)

    def collections(self, table: Table) -> Mapping[str, Collection]:
        """A table's collection-valued navigation properties: the rows that point to one of its rows."""
        if not self._collections:
            self._collections = collections_of(self._tables)
        return self._collections.get(table.name, {})

    def put(self, table: Table) -> None:
        """Add a table, or replace it by a version with more columns."""
        self._collections = {}
        self._tables[table.name] = table
        self._sets[table.set_name] = table

    def drop(self, name: str) -> None:
        """Forget a table again, when the transaction that made it was rolled back."""
        self._collections = {}
        self._sets.pop(self._tables.pop(name).set_name)


def column_from(name: str, facts: Mapping[str, Any]) -> Column:
    """A column from its entry in a schema file."""
    kind = facts["type"]
    if kind not in KINDS:
        raise ValueError(f"Column {name}: unknown type {kind!r}.")
    to: Mapping[str, str] = facts.get("to", {})
    return Column(
        name=name,
        kind=kind,
        schema_name=facts.get("schema") or next((n for n in to.values() if n.lower() == name), name),
        to=to,
        choices={int(value): label for value, label in facts.get("choices", {}).items()},
        length=facts.get("length"),
        minimum=Decimal(facts["min"]) if "min" in facts else None,
        maximum=Decimal(facts["max"]) if "max" in facts else None,
        precision=facts.get("precision"),
        behavior=facts.get("behavior", "UserLocal"),
        format=facts.get("format", "DateOnly" if facts.get("behavior") == "DateOnly" else "DateAndTime"),
        required=facts.get("required", ""),
        read_only=facts.get("readonly", False),
        label=facts.get("label", ""),
        global_choice=facts.get("global_choice", ""),
        relationships={one: (name, many) for one, (name, many) in facts.get("relationships", {}).items()},
        on_delete=facts.get("on_delete", "Restrict"),
    )


def table_from(facts: Mapping[str, Any], common: Mapping[str, Column]) -> Table:
    """A table from its schema file."""
    columns = {name: common[name] for name in facts["common"]}
    columns |= {name: column_from(name, entry) for name, entry in facts["columns"].items()}
    return Table(
        name=facts["table"],
        label=facts["label"],
        set_name=facts["set"],
        id_column=facts["id"],
        name_column=facts["name"],
        columns=dict(sorted(columns.items())),
        schema_name=facts.get("schema", facts["table"]),
        custom=facts.get("custom", False),
        keys=tuple(Key(k["name"], k.get("schema", k["name"]), tuple(k["columns"])) for k in facts.get("keys", ())),
        change_tracking=facts.get("change_tracking", True),
    )


def facts_of(table: Table) -> dict[str, Any]:
    """The opposite of ``table_from``: what is written down of a table made at run time."""
    columns = {column.name: _entry(column) for column in table.columns.values()}
    names = {"table": table.name, "schema": table.schema_name, "label": table.label, "set": table.set_name}
    key = {"id": table.id_column, "name": table.name_column, "custom": table.custom}
    keys = [{"name": k.name, "schema": k.schema_name, "columns": k.columns} for k in table.keys if k.status == "Active"]
    tracking = {"change_tracking": table.change_tracking}
    return names | key | tracking | {"common": [], "columns": columns, "keys": keys}


def _entry(column: Column) -> dict[str, Any]:
    entry = {
        "type": column.kind,
        "schema": column.schema_name,
        "to": dict(column.to),
        "choices": {str(value): label for value, label in column.choices.items()},
        "length": column.length,
        "min": None if column.minimum is None else str(column.minimum),
        "max": None if column.maximum is None else str(column.maximum),
        "precision": column.precision,
        "behavior": column.behavior,
        "format": column.format,
        "required": column.required,
        "readonly": column.read_only,
        "label": column.label,
        "global_choice": column.global_choice,
        "relationships": dict(column.relationships),
        "on_delete": column.on_delete,
    }
    return {name: fact for name, fact in entry.items() if fact is not None}


@functools.cache
def common_columns() -> Mapping[str, Column]:
    """Columns that many tables share, by name."""
    facts = json.loads((SCHEMA / "_common.json").read_text("utf-8"))["columns"]
    return {name: column_from(name, entry) for name, entry in facts.items()}


def shipped_columns(table: str) -> frozenset[str]:
    """The columns a table has had from the first day; none for a table made at run time."""
    table_shipped = _shipped().get(table)
    return frozenset(table_shipped.columns if table_shipped else ())


@functools.cache
def _shipped() -> Mapping[str, Table]:
    files = sorted(path for path in SCHEMA.glob("*.json") if not path.name.startswith("_"))
    tables = (table_from(json.loads(path.read_text("utf-8")), common_columns()) for path in files)
    return {table.name: table for table in tables}
