"""A row as the Web API shows it, with the annotations the caller asked for."""

from __future__ import annotations

import fnmatch
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, tzinfo
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
    zone: tzinfo = UTC
    """The caller's, in which user-local columns are shown."""
    _currencies: dict[UUID | None, tuple[str, int]] = field(default_factory=dict)
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
                self.annotate(answer, name, column, cell, row)
        return answer

    def annotate(self, answer: dict[str, Any], name: str, column: Column, cell: Cell, row: Row) -> None:
        """Add what was asked for about one value."""
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
            return column.choices.get(int(cell), "Yes" if cell else "No")
        if isinstance(cell, datetime):
            local = cell.astimezone(self.zone) if column.behavior == "UserLocal" else cell
            return _date(local) if column.format == "DateOnly" else f"{_date(local)} {_time(local)}"
        if isinstance(cell, date):
            return _date(cell)
        if column.kind == "multiselectpicklist":
            return "; ".join(column.choices.get(int(value), value) for value in str(cell).split(",") if value.isdigit())
        if isinstance(cell, int):
            return column.choices.get(cell, f"{cell:,}")
        if not isinstance(cell, Decimal):
            return None
        if column.kind != "money":
            return f"{cell:,f}" if column.precision is None else f"{cell:,.{column.precision}f}"
        currency = row.get("transactioncurrencyid") if not column.name.endswith("_base") else None
        symbol, places = self._currency(currency.id if isinstance(currency, Link) else None)
        return f"{'-' if cell < 0 else ''}{symbol}{abs(cell):,.{places}f}"

    def _currency(self, id: UUID | None) -> tuple[str, int]:
        """Symbol and decimal places of a currency; of the organisation's own where none is named."""
        if id not in self._currencies:
            catalog = self.store.catalog
            wanted = id
            if wanted is None:
                base = next((row["basecurrencyid"] for row in self.store.rows(catalog.table("organization"))), None)
                wanted = base.id if isinstance(base, Link) else None
            table = catalog.table("transactioncurrency")
            found = self.store.values(table, wanted, "currencysymbol", "currencyprecision") if wanted else None
            symbol, places = found or (None, None)
            self._currencies[id] = (symbol or "", 2 if places is None else places)
        return self._currencies[id]

    def _name(self, link: Link) -> str | None:
        key = (link.table, link.id)
        if key not in self._names:
            table = self.store.catalog.find(link.table)
            row = self.store.get(table, link.id) if table else None
            name = row[table.name_column] if row and table and table.name_column else None
            self._names[key] = name if isinstance(name, str) else None
        return self._names[key]


def _date(day: date) -> str:
    return f"{day.month}/{day.day}/{day.year}"


def _time(moment: datetime) -> str:
    return f"{moment.hour % 12 or 12}:{moment.minute:02} {'PM' if moment.hour >= 12 else 'AM'}"
