"""The body of a create or update → column values, refused as Dataverse refuses what it cannot read."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from sandbox.dataverse.catalog import Catalog, Column, Table
from sandbox.dataverse.cells import DECIMALS, INTEGERS, TEXTS
from sandbox.dataverse.http.exchange import Request, split_url
from sandbox.dataverse.http.json_text import load
from sandbox.dataverse.odata.sql import edm_type
from sandbox.dataverse.refusals import direct_reference, invalid_property, literal, payload, undeclared, unsupported
from sandbox.dataverse.unit_of_work import Cell, Link, Refused, Row

BIND = "@odata.bind"
GUID = re.compile(r"\{?([0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12})\}?")
ROW = re.compile(r"^/?(\w+)\((.+)\)$")
DAY = re.compile(r"\d{4}-\d\d-\d\d$")
MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$")


def read_object(request: Request, what: str) -> dict[str, Any]:
    """The request's body as a JSON object."""
    try:
        value = load(request.body or b"{}")
    except ValueError as error:
        raise payload(what, f"Newtonsoft.Json.JsonReaderException: {error}") from None
    if not isinstance(value, dict):
        raise payload(what, "Microsoft.OData.ODataException: a 'StartObject' node was expected.")
    return value


def read_values(catalog: Catalog, table: Table, request: Request, *, creating: bool) -> Row:
    """The columns the body sets. Read-only columns are left aside without an error, as Dataverse does."""
    cells: Row = {}
    for name, value in read_object(request, table.set_name).items():
        if name.endswith(BIND):
            column, cell = _bound(catalog, table, request, name.removesuffix(BIND), value)
        elif "@" in name:
            continue
        else:
            column, cell = _plain(table, name, value)
        if column.read_only or (column.kind == "id" and not creating):
            continue
        cells[column.name] = cell
    return cells


def _plain(table: Table, name: str, value: Any) -> tuple[Column, Cell]:
    column = table.properties.get(name)
    if column is not None and column.kind != "lookup":
        return column, from_json(table, column, value)
    if column is not None or (name in table.columns and name not in table.navigations):
        raise direct_reference()
    if name not in table.navigations:
        raise invalid_property(table.set_name, name, table.name)
    if value is None:
        return table.navigations[name][0], None
    if isinstance(value, dict):
        raise unsupported(f"creating a related row inside the body of another ('{name}')")
    raise payload(
        table.set_name,
        "Microsoft.OData.ODataException: A 'PrimitiveValue' node with non-null value was found when trying to read "
        f"the value of the property '{name}'; however, a 'StartArray' node, a 'StartObject' node, or a "
        "'PrimitiveValue' node with null value was expected.",
    )


def _bound(catalog: Catalog, table: Table, request: Request, name: str, value: Any) -> tuple[Column, Cell]:
    found = table.navigations.get(name)
    if found is None:
        raise undeclared(table.set_name, name)
    column, targets = found
    if value is None:
        return column, None
    if not isinstance(value, str):
        raise literal(table.set_name, str(value), "Edm.String")
    link = resolve(catalog, request, value)
    if link.table not in targets:
        raise payload(
            table.set_name,
            f"Microsoft.OData.ODataException: The navigation property '{name}' cannot be bound to "
            f"'Microsoft.Dynamics.CRM.{link.table}'.",
        )
    return column, link


def resolve(catalog: Catalog, request: Request, reference: str) -> Link:
    """The row a bind names: ``/set(id)``, a full URL, or ``$1`` for a row made earlier in the change set."""
    path = split_url(follow(request, reference))[0]
    match = ROW.match(path)
    table = catalog.by_set(match.group(1)) if match else None
    if match is None or table is None:
        raise Refused(f"Invalid URI: '{reference}' does not name a row.", "0x80048d19")
    return Link(table.name, parse_key(table, match.group(2)))


def follow(request: Request, reference: str) -> str:
    """``$1`` at the beginning of a reference replaced by the path of the row that Content-ID made."""
    match = re.match(r"/?\$(\w+)", reference)
    if match is None:
        return reference
    made = request.references.get(match.group(1))
    if made is None:
        raise Refused(f"Content-ID Reference: '${match.group(1)}' does not exist in the batch context.", "0x80048d19")
    return made + reference[match.end() :]


def parse_key(table: Table, key: str) -> UUID:
    """The id between the parentheses of ``set(id)``."""
    key = key.removeprefix(f"{table.id_column}=").strip()
    match = GUID.fullmatch(key)
    if match:
        return UUID(match.group(1))
    if "=" in key:
        raise unsupported(f"alternate keys ({table.set_name}({key}))")
    raise Refused(
        f"The key in the request URI is not valid for resource 'Microsoft.Dynamics.CRM.{table.name}': '{key}' is no "
        "GUID.",
        "0x80060888",
    )


def from_json(table: Table, column: Column, value: Any) -> Cell:
    """A JSON value as the column's cell; a value of another JSON type is refused."""
    if value is None:
        return None
    cell = _cell(column, value)
    if cell is None:
        raise literal(table.set_name, str(value), edm_type(column))
    return cell


def _cell(column: Column, value: Any) -> Cell:
    kind = column.kind
    if kind in TEXTS:
        return value if isinstance(value, str) else None
    if kind == "boolean":
        return value if isinstance(value, bool) else None
    if kind in INTEGERS:
        return value if isinstance(value, int) and not isinstance(value, bool) else None
    if kind in DECIMALS:
        return Decimal(value) if isinstance(value, int | Decimal) and not isinstance(value, bool) else None
    if not isinstance(value, str):
        return None
    if kind == "datetime":
        return _moment(column, value)
    match = GUID.fullmatch(value)
    return UUID(match.group(1)) if match else None


def _moment(column: Column, text: str) -> Cell:
    try:
        if DAY.match(text):
            day = date.fromisoformat(text)
            return day if column.date_only else datetime(day.year, day.month, day.day, tzinfo=UTC)
        if MOMENT.match(text) and not column.date_only:
            return datetime.fromisoformat(re.sub(r"(\.\d{6})\d+", r"\1", text)).astimezone(UTC)
    except (ValueError, OverflowError):
        return None
    return None


def parameters(request: Request, what: str) -> Mapping[str, object]:
    """An action's parameters."""
    return read_object(request, what)
