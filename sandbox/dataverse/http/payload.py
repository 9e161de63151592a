"""The body of a create or update → column values, refused as Dataverse refuses what it cannot read."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, date, datetime, tzinfo
from decimal import Decimal
from typing import Any
from uuid import UUID

from sandbox.dataverse.catalog import Column, Table
from sandbox.dataverse.cells import DECIMALS, INTEGERS, TEXTS
from sandbox.dataverse.http.exchange import Request, split_url
from sandbox.dataverse.http.json_text import load
from sandbox.dataverse.http.keys import GUID, locate
from sandbox.dataverse.odata.values import edm_type
from sandbox.dataverse.refusals import direct_reference, invalid_property, literal, payload, undeclared, unsupported
from sandbox.dataverse.time_zones import midnight, zone_of
from sandbox.dataverse.transaction import Transaction
from sandbox.dataverse.unit_of_work import Cell, Link, Refused, Row

BIND = "@odata.bind"
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


def values_of(uow: Transaction, table: Table, request: Request, body: Mapping[str, Any], *, creating: bool) -> Row:
    """The columns a JSON object sets. Read-only columns are left aside without an error, as Dataverse does.

    A related row inside it (behind a single-valued navigation property) is created with it, where the row itself is.
    """
    cells: Row = {}
    for name, value in body.items():
        if name.endswith(BIND):
            column, cell = _bound(uow, table, request, name.removesuffix(BIND), value)
        elif "@" in name:
            continue
        elif isinstance(value, dict) and name in table.navigations and creating:
            column, cell = _inner(uow, table, request, name, value)
        else:
            column, cell = _plain(uow, table, name, value)
        if column.read_only or (column.kind == "id" and not creating):
            continue
        cells[column.name] = cell
    return cells


def _plain(uow: Transaction, table: Table, name: str, value: Any) -> tuple[Column, Cell]:
    column = table.properties.get(name)
    if column is not None and column.kind != "lookup":
        if column.kind != "datetime" or column.date_only:
            return column, from_json(table, column, value)
        zone = uow.store.dates.zone_of_plain_dates(zone_of(uow.store, uow.user))
        return column, from_json(table, column, value, zone)
    if column is not None or (name in table.columns and name not in table.navigations):
        raise direct_reference()
    if name not in table.navigations:
        raise invalid_property(table.set_name, name, table.name)
    if value is None:
        return table.navigations[name][0], None
    if isinstance(value, dict):
        raise payload(table.set_name, f"Deep update of navigation property '{name}' is not allowed.")
    raise payload(
        table.set_name,
        "Microsoft.OData.ODataException: A 'PrimitiveValue' node with non-null value was found when trying to read "
        f"the value of the property '{name}'; however, a 'StartArray' node, a 'StartObject' node, or a "
        "'PrimitiveValue' node with null value was expected.",
    )


def _inner(uow: Transaction, table: Table, request: Request, name: str, body: Mapping[str, Any]) -> tuple[Column, Cell]:
    column, targets = table.navigations[name]
    if len(targets) != 1:
        raise unsupported(f"creating a related row behind '{name}', which may lead to {' or '.join(sorted(targets))}")
    target = uow.catalog.table(next(iter(targets)))
    values = values_of(uow, target, request, body, creating=True)
    return column, Link(target.name, uow.create(target.name, values))


def _bound(uow: Transaction, table: Table, request: Request, name: str, value: Any) -> tuple[Column, Cell]:
    found = table.navigations.get(name)
    if found is None:
        raise undeclared(table.set_name, name)
    column, targets = found
    if value is None:
        return column, None
    if not isinstance(value, str):
        raise literal(table.set_name, str(value), "Edm.String")
    link = resolve(uow, request, value)
    if link.table not in targets:
        raise payload(
            table.set_name,
            f"Microsoft.OData.ODataException: The navigation property '{name}' cannot be bound to "
            f"'Microsoft.Dynamics.CRM.{link.table}'.",
        )
    return column, link


def resolve(uow: Transaction, request: Request, reference: str) -> Link:
    """The row a bind names: ``/set(id)``, ``/set(key='v')``, a full URL, or ``$1`` for one made in the change set."""
    path = split_url(follow(request, reference))[0]
    match = ROW.match(path)
    table = uow.catalog.by_set(match.group(1)) if match else None
    if match is None or table is None:
        raise Refused(f"Invalid URI: '{reference}' does not name a row.", "0x80048d19")
    return Link(table.name, locate(uow, table, match.group(2)).existing())


def follow(request: Request, reference: str) -> str:
    """``$1`` at the beginning of a reference replaced by the path of the row that Content-ID made."""
    match = re.match(r"/?\$(\w+)", reference)
    if match is None:
        return reference
    made = request.references.get(match.group(1))
    if made is None:
        raise Refused(f"Content-ID Reference: '${match.group(1)}' does not exist in the batch context.", "0x80048d19")
    return made + reference[match.end() :]


def from_json(table: Table, column: Column, value: Any, zone: tzinfo = UTC) -> Cell:
    """A JSON value as the column's cell; a value of another JSON type is refused. ``zone``: where plain dates begin."""
    if value is None:
        return None
    cell = _cell(column, value, zone)
    if cell is None:
        raise literal(table.set_name, str(value), edm_type(column))
    return cell


def _cell(column: Column, value: Any, zone: tzinfo) -> Cell:
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
        return _moment(column, value, zone)
    match = GUID.fullmatch(value)
    return UUID(match.group(1)) if match else None


def _moment(column: Column, text: str, zone: tzinfo) -> Cell:
    try:
        if DAY.match(text):
            day = date.fromisoformat(text)
            return day if column.date_only else midnight(column, day, zone)
        if MOMENT.match(text) and not column.date_only:
            return datetime.fromisoformat(re.sub(r"(\.\d{6})\d+", r"\1", text)).astimezone(UTC)
    except (ValueError, OverflowError):
        return None
    return None


def parameters(request: Request, what: str) -> Mapping[str, object]:
    """An action's parameters."""
    return read_object(request, what)
