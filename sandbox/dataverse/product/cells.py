"""Reading a row's columns with the type a rule expects, and refusing rows that are not there."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Final
from uuid import UUID

from sandbox.dataverse.unit_of_work import Cell, Link, Refused, Row, UnitOfWork

NOT_FOUND = "0x80040217"
_PLATFORM: Final = ("msdyn_", "billto_", "shipto_")


def existing(work: UnitOfWork, table: str, id: UUID | None) -> Row:
    """The row, or ``Refused`` with 404 as Dataverse words it."""
    row = None if id is None else work.get(table, id)
    if row is None:
        raise Refused(f"Entity '{table}' With Id = {id} Does Not Exist", NOT_FOUND, 404)
    return row


def key(row: Row, table: str) -> UUID:
    """The row's own id."""
    value = row[f"{table}id"]
    if not isinstance(value, UUID):
        raise TypeError(f"{table}id holds {value!r}, which is no id.")
    return value


def link(row: Row, column: str) -> Link | None:
    """A lookup's value."""
    value = row.get(column)
    return value if isinstance(value, Link) else None


def linked(row: Row, column: str) -> UUID | None:
    """The id a lookup points to."""
    value = link(row, column)
    return None if value is None else value.id


def decimal(row: Row, column: str) -> Decimal | None:
    """Money or a decimal; a whole number is one too."""
    value = row.get(column)
    if isinstance(value, Decimal):
        return value
    return Decimal(value) if isinstance(value, int) and not isinstance(value, bool) else None


def amount(row: Row, column: str) -> Decimal:
    """Money or a decimal, zero when the column is empty."""
    return decimal(row, column) or Decimal(0)


def instant(row: Row, column: str) -> datetime | None:
    """A moment, aware UTC."""
    value = row.get(column)
    return value if isinstance(value, datetime) else None


def text(row: Row, column: str) -> str:
    """Text, empty when the column is."""
    value = row.get(column)
    return value if isinstance(value, str) else ""


def filled(values: Mapping[str, Cell]) -> dict[str, Cell]:
    """The columns that hold something: what a creation names."""
    return {column: value for column, value in values.items() if value is not None}


def is_own(column: str) -> bool:
    """Whether a column is an administrator's own: it has another prefix than the product's and the platform's."""
    return "_" in column and not column.startswith(_PLATFORM) and not column.endswith("_base")


def own_columns(row: Mapping[str, Cell]) -> dict[str, Cell]:
    """What the administrator's own columns of a row hold."""
    return {column: value for column, value in row.items() if value is not None and is_own(column)}


def fitting(work: UnitOfWork, table: str, values: Mapping[str, Cell]) -> dict[str, Cell]:
    """The values without those of own columns that the table does not have."""
    columns = work.catalog.table(table).columns
    return {column: value for column, value in values.items() if not is_own(column) or column in columns}
