"""The OData types of columns and literals, and a literal as a column's value."""

from __future__ import annotations

from datetime import UTC, date, datetime, tzinfo
from decimal import Decimal, InvalidOperation
from uuid import UUID

from sandbox.dataverse.catalog import Column
from sandbox.dataverse.cells import DECIMALS, INTEGERS, TEXTS
from sandbox.dataverse.odata.tokens import Literal
from sandbox.dataverse.refusals import bad_query, unsupported
from sandbox.dataverse.time_zones import midnight
from sandbox.dataverse.unit_of_work import Cell

KINDS = {"eq": "Equal", "ne": "NotEqual", "gt": "GreaterThan", "lt": "LessThan"} | {
    "ge": "GreaterThanOrEqual",
    "le": "LessThanOrEqual",
}


def edm_type(column: Column) -> str:
    """The OData type of the property."""
    if column.kind in ("id", "guid", "lookup"):
        return "Edm.Guid"
    if column.kind in TEXTS:
        return "Edm.String"
    if column.kind == "bigint":
        return "Edm.Int64"
    if column.kind in INTEGERS:
        return "Edm.Int32"
    if column.kind == "double":
        return "Edm.Double"
    if column.kind in DECIMALS:
        return "Edm.Decimal"
    if column.kind == "boolean":
        return "Edm.Boolean"
    return "Edm.Date" if column.date_only else "Edm.DateTimeOffset"


def literal_type(value: Literal) -> str:
    """The OData type of a literal."""
    if isinstance(value, bool):
        return "Edm.Boolean"
    if isinstance(value, datetime):
        return "Edm.DateTimeOffset"
    names = {str: "Edm.String", int: "Edm.Int32", Decimal: "Edm.Decimal", UUID: "Edm.Guid", date: "Edm.Date"}
    return names.get(type(value), "null")


def mismatch(left: str, right: str, operator: str) -> Exception:
    """The refusal of a comparison of two types that cannot be compared."""
    return bad_query(
        f"A binary operator with incompatible types was detected. Found operand types '{left}' and '{right}' for "
        f"operator kind '{KINDS[operator]}'."
    )


def as_cell(column: Column, value: Literal, operator: str = "eq", zone: tzinfo = UTC) -> Cell:
    """A literal as a value of the column; one of another type is refused. ``zone``: where a plain date begins."""
    edm = edm_type(column)
    if edm == literal_type(value) and column.kind != "datetime":
        return value
    if isinstance(value, int) and not isinstance(value, bool):
        if column.kind in DECIMALS:
            return Decimal(value)
        if column.kind == "bigint":
            return value
    if column.kind == "double" and isinstance(value, Decimal):
        return value
    if edm == "Edm.Date" and type(value) is date:
        return value
    if edm == "Edm.DateTimeOffset" and isinstance(value, date):
        return value if isinstance(value, datetime) else midnight(column, value, zone)
    raise mismatch(edm, literal_type(value), operator)


def as_id(text: str) -> UUID | str:
    """An id in quotes as an id; any other text as it is."""
    try:
        return UUID(text)
    except ValueError:
        return text


def from_text(column: Column, text: str) -> Cell:
    """A value given as a string whatever the column's type, as the query functions of Dataverse take it."""
    try:
        if column.kind in ("id", "guid", "lookup"):
            return UUID(text)
        if column.kind in INTEGERS:
            return int(text)
        if column.kind in DECIMALS:
            return Decimal(text)
        if column.kind == "boolean" and text.lower() in ("true", "false", "1", "0"):
            return text.lower() in ("true", "1")
    except (ValueError, InvalidOperation):
        raise bad_query(f"'{text}' is not a value of '{column.property_name}' ({edm_type(column)}).") from None
    if column.kind in TEXTS:
        return text
    raise unsupported(f"a list of {edm_type(column)} values in a query function")
