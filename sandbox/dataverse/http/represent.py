"""A row as the Web API shows it, with the annotations the caller asked for."""

from __future__ import annotations

import fnmatch
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any
from uuid import UUID

from sandbox.dataverse.catalog import Column, Table
from sandbox.dataverse.store import Store
from sandbox.dataverse.unit_of_work import Cell, Link, Row

LOOKUP_TABLE = "Microsoft.Dynamics.CRM.lookuplogicalname"
NAVIGATION = "Microsoft.Dynamics.CRM.associatednavigationproperty"
FORMATTED = "OData.Community.Display.V1.FormattedValue"


@dataclass(slots=True)
class Annotations:
    """Which annotations are wanted: the patterns of ``Prefer: odata.include-annotations``."""

    patterns: tuple[str, ...] = ()

    @classmethod
    def of(cls, preferences: Mapping[str, str]) -> Annotations:
        """Read them off a request's preferences."""
        wanted = preferences.get("odata.include-annotations", "")
        return cls(tuple(part.strip() for part in wanted.split(",") if part.strip()))

    def want(self, name: str) -> bool:
        """Whether this annotation is wanted; patterns may end in a star, and one with a minus excludes."""
        if any(part.startswith("-") and fnmatch.fnmatchcase(name, part[1:]) for part in self.patterns):
            return False
        return any(fnmatch.fnmatchcase(name, part) for part in self.patterns)


def etag(version: object) -> str:
    """The ETag of a row version."""
    return f'W/"{version}"'


@dataclass(slots=True)
class Representer:
    """Turns rows into JSON values; remembers the names of rows that lookups point to while it lives."""

    store: Store
    annotations: Annotations
    _names: dict[tuple[str, UUID], str | None] = field(default_factory=dict)

    def record(self, table: Table, row: Row, version: int, columns: Iterable[Column]) -> dict[str, Any]:
        """The row's chosen columns, its ETag first."""
        answer: dict[str, Any] = {"@odata.etag": etag(version)}
        annotated = bool(self.annotations.patterns)
        for column in columns:
            cell = row[column.name]
            name = column.property_name
            answer[name] = cell.id if isinstance(cell, Link) else cell
            if annotated and cell is not None:
                self._annotate(answer, name, column, cell, row)
        return answer

    def _annotate(self, answer: dict[str, Any], name: str, column: Column, cell: Cell, row: Row) -> None:
        if isinstance(cell, Link):
            if self.annotations.want(LOOKUP_TABLE):
                answer[f"{name}@{LOOKUP_TABLE}"] = cell.table
            if self.annotations.want(NAVIGATION):
                answer[f"{name}@{NAVIGATION}"] = column.to[cell.table]
        if self.annotations.want(FORMATTED):
            formatted = self._formatted(column, cell, row)
            if formatted is not None:
                answer[f"{name}@{FORMATTED}"] = formatted

    def _formatted(self, column: Column, cell: Cell, row: Row) -> str | None:
        if isinstance(cell, Link):
            return self._name(cell)
        if isinstance(cell, bool):
            return "Yes" if cell else "No"
        if isinstance(cell, int):
            return column.choices.get(cell, f"{cell:,}")
        return f"{cell:,f}" if isinstance(cell, Decimal) else None

    def _name(self, link: Link) -> str | None:
        key = (link.table, link.id)
        if key not in self._names:
            table = self.store.catalog.find(link.table)
            row = self.store.get(table, link.id) if table else None
            name = row[table.name_column] if row and table and table.name_column else None
            self._names[key] = name if isinstance(name, str) else None
        return self._names[key]
