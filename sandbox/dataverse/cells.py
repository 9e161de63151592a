"""A column's value: checked as the platform checks it, and carried to and from SQLite without losing a digit."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from sandbox.dataverse.catalog import Column, Table
from sandbox.dataverse.unit_of_work import Cell, Link, Refused

EARLIEST = datetime(1753, 1, 1, tzinfo=UTC)
INTEGERS = frozenset({"integer", "bigint", "picklist", "state", "status"})
DECIMALS = frozenset({"decimal", "double", "money"})
TEXTS = frozenset({"string", "memo", "multiselectpicklist"})
LARGEST = {"integer": 2**31 - 1, "bigint": 2**63 - 1, "picklist": 2**31 - 1, "state": 2**31 - 1, "status": 2**31 - 1}
MOST_PLACES = 10
"""Decimal places the platform keeps at most; a column's own precision may be less."""


def checked(table: Table, column: Column, cell: Cell) -> Cell:
    """The value as it will be stored; one the platform would not take is refused with its code."""
    if cell is None:
        return None
    kind = column.kind
    if kind in TEXTS:
        return _text(table, column, cell)
    if kind in INTEGERS:
        return _integer(table, column, cell)
    if kind in DECIMALS:
        return _decimal(table, column, cell)
    if kind == "boolean" and isinstance(cell, bool):
        return cell
    if kind == "datetime":
        return _moment(table, column, cell)
    if kind in ("id", "guid") and isinstance(cell, UUID):
        return cell
    if kind == "lookup":
        return _link(table, column, cell)
    raise wrong_type(table, column, cell)


def wrong_type(table: Table, column: Column, cell: object) -> Refused:
    """The refusal of a value of the wrong type."""
    return Refused(
        f"Incorrect attribute value type {type(cell).__name__} for {table.name}.{column.name} ({column.kind}).",
        "0x80040203",
    )


def out_of_range(table: Table, column: Column, cell: object) -> Refused:
    """The refusal of a number outside the column's limits, or of a choice it does not have."""
    message = f"A validation error occurred. The value {cell} of '{column.name}' on record of type '{table.name}'"
    if column.choices:
        accepted = ",".join(str(value) for value in column.choices)
        return Refused(f"{message} is outside the valid range. Accepted Values: {accepted}", "0x8004431a")
    return Refused(f"{message} is outside the valid range.", "0x80044330")


def _text(table: Table, column: Column, cell: Cell) -> str | None:
    if not isinstance(cell, str):
        raise wrong_type(table, column, cell)
    if column.length is not None and len(cell) > column.length:
        raise Refused(
            f"A validation error occurred. The length of the '{column.name}' attribute of the '{table.name}' entity "
            f"exceeded the maximum allowed length of '{column.length}'.",
            "0x80044331",
        )
    return cell or None  # the platform keeps no empty strings


def _integer(table: Table, column: Column, cell: Cell) -> int:
    if not isinstance(cell, int) or isinstance(cell, bool):
        raise wrong_type(table, column, cell)
    if column.choices:
        if cell not in column.choices:
            raise out_of_range(table, column, cell)
        return cell
    if abs(cell) > LARGEST[column.kind]:
        raise out_of_range(table, column, cell)
    _limits(table, column, Decimal(cell))
    return cell


def _decimal(table: Table, column: Column, cell: Cell) -> Decimal:
    if isinstance(cell, bool) or not isinstance(cell, Decimal | int):
        raise wrong_type(table, column, cell)
    value = Decimal(cell)
    if not value.is_finite():
        raise out_of_range(table, column, cell)
    _limits(table, column, value)
    places = MOST_PLACES if column.precision is None else column.precision
    exponent = value.as_tuple().exponent
    if isinstance(exponent, int) and exponent < -places:
        return value.quantize(Decimal(1).scaleb(-places))
    return value


def _limits(table: Table, column: Column, value: Decimal) -> None:
    low, high = column.minimum, column.maximum
    if (low is not None and value < low) or (high is not None and value > high):
        raise out_of_range(table, column, value)


def _moment(table: Table, column: Column, cell: Cell) -> Cell:
    if column.date_only:
        if isinstance(cell, date) and not isinstance(cell, datetime):
            return cell
        raise wrong_type(table, column, cell)
    if not isinstance(cell, datetime) or cell.tzinfo is None:
        raise wrong_type(table, column, cell)
    moment = cell.astimezone(UTC).replace(microsecond=0)
    if moment < EARLIEST:
        raise Refused(
            f"DateTime is less than minimum value supported by CrmDateTime. Actual value: {moment:%m/%d/%Y %H:%M:%S}, "
            "Minimum value supported: 01/01/1753 00:00:00",
            "0x80040239",
        )
    return moment


def _link(table: Table, column: Column, cell: Cell) -> Link:
    if not isinstance(cell, Link):
        raise wrong_type(table, column, cell)
    if cell.table not in column.to:
        accepted = ", ".join(column.to)
        raise Refused(
            f"{table.name}.{column.name} cannot point to a row of {cell.table}; it points to {accepted}.", "0x80040203"
        )
    return cell


def encode(column: Column, cell: Cell) -> Any:
    """What SQLite keeps. Decimals are text (compared as numbers), instants sortable text, ids lower-case text."""
    if cell is None or isinstance(cell, str):
        return cell
    if isinstance(cell, bool | int):
        return int(cell)
    if isinstance(cell, Link):
        return str(cell.id)
    if isinstance(cell, Decimal):
        return format(cell, "f")
    if isinstance(cell, datetime):
        return cell.astimezone(UTC).replace(tzinfo=None).isoformat()
    if isinstance(cell, date):
        return cell.isoformat()
    return str(cell)


def decode(column: Column, raw: Any, target: str | None = None) -> Cell:
    """The cell that ``encode`` turned into ``raw``; ``target`` is the table a many-target lookup points to."""
    if raw is None:
        return None
    kind = column.kind
    if kind in TEXTS or kind in INTEGERS:
        value: Cell = raw
        return value
    if kind == "boolean":
        return bool(raw)
    if kind == "lookup":
        return Link(target or next(iter(column.to)), UUID(raw))
    if kind in DECIMALS:
        return Decimal(raw)
    if kind == "datetime":
        if column.date_only:
            return date.fromisoformat(raw)
        return datetime.fromisoformat(raw).replace(tzinfo=UTC)
    return UUID(raw)
