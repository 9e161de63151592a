"""What a path names behind a row: a reference to be set, taken away or read, and a single property.

Each write is carried out as the update of one row that it is.

PUT    accounts(id)/primarycontactid/$ref                      {"@odata.id": ".../contacts(id)"}
DELETE accounts(id)/primarycontactid/$ref
POST   accounts(id)/contact_customer_accounts/$ref             {"@odata.id": ".../contacts(id)"}
DELETE accounts(id)/contact_customer_accounts(id)/$ref         or …/contact_customer_accounts/$ref?$id=.../contacts(id)
PUT    accounts(id)/name                                       {"value": "x"}
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any, Final
from uuid import UUID

from sandbox.dataverse.catalog import Table
from sandbox.dataverse.http.exchange import Answer, Request
from sandbox.dataverse.http.json_text import dump
from sandbox.dataverse.http.payload import BIND, read_object, resolve
from sandbox.dataverse.http.queries import Reader, allow
from sandbox.dataverse.one_to_many import Collection
from sandbox.dataverse.refusals import bad_query, missing, no_segment, payload, unsupported, wrong_method
from sandbox.dataverse.transaction import Transaction
from sandbox.dataverse.unit_of_work import Link

Operate = Callable[[Transaction, Request], Answer]
REFERENCE: Final = re.compile(r"(\w+)(?:\(([0-9a-fA-F-]{36})\))?/\$ref")
VALUE: Final = "/$value"


def write(operate: Operate, uow: Transaction, request: Request, table: Table, id: UUID, rest: str) -> Answer:
    """Change a reference or a single property."""
    match = REFERENCE.fullmatch(rest)
    if match is None:
        return _property(operate, uow, request, table, id, rest)
    name, member = match.groups()
    collection = uow.catalog.collections(table).get(name)
    if collection is not None:
        many = _member(uow, request, collection, table, id, member)
        here = f"/{table.set_name}({id})" if request.method == "POST" else None
        return _update(operate, uow, request, collection.table, many, collection.lookup.to[table.name] + BIND, here)
    if name not in table.navigations or member is not None:
        raise no_segment(rest)
    if request.method not in ("PUT", "DELETE"):
        raise wrong_method(request.method)
    to = _named(request, table) if request.method == "PUT" else None
    return _update(operate, uow, request, table, id, name + BIND, to)


def read(reader: Reader, table: Table, id: UUID, rest: str) -> Answer:
    """A single property, its bare value, or references instead of rows."""
    request, store = reader.request, reader.store
    row = store.get(table, id)
    if row is None:
        raise missing(table.name, id)
    match = REFERENCE.fullmatch(rest)
    if match is not None:
        return _references(reader, table, id, match.group(1))
    name = rest.removesuffix(VALUE)
    column = table.properties[name]
    allow(request.query, set())
    cell = row[column.name]
    value: Any = cell.id if isinstance(cell, Link) else cell
    if value is None:
        return Answer(204)
    if rest.endswith(VALUE):
        return Answer(200, text=value if isinstance(value, str) else dump(value).strip('"'))
    context = f"{request.base}/$metadata#{table.set_name}({id})/{name}"
    return Answer(200, json={"@odata.context": context, "value": value})


def _references(reader: Reader, table: Table, id: UUID, name: str) -> Answer:
    base = reader.request.base
    behind = reader.behind(table, id, name)
    collection = reader.store.catalog.collections(table).get(name)
    if collection is not None:
        rows = behind.json["value"]
        key, target = collection.table.id_column, collection.table.set_name
        ids = [{"@odata.id": f"{base}/{target}({row[key]})"} for row in rows]
        return Answer(200, json={"@odata.context": f"{base}/$metadata#Collection($ref)", "value": ids})
    if behind.json is None:
        return behind
    pointed = reader.store.catalog.by_set(behind.json["@odata.context"].rpartition("#")[2].partition("/")[0])
    if pointed is None:
        raise no_segment(name)
    address = f"{base}/{pointed.set_name}({behind.json[pointed.id_column]})"
    return Answer(200, json={"@odata.context": f"{base}/$metadata#$ref", "@odata.id": address})


def _property(operate: Operate, uow: Transaction, request: Request, table: Table, id: UUID, name: str) -> Answer:
    if name not in table.properties:
        raise unsupported(f"{request.method} {request.path}")
    if request.method == "DELETE":
        return _update(operate, uow, request, table, id, name, None)
    if request.method != "PUT":
        raise wrong_method(request.method)
    body = read_object(request, table.set_name)
    if "value" not in body:
        raise payload(table.set_name, f"Microsoft.OData.ODataException: '{name}' needs a 'value'.")
    return _update(operate, uow, request, table, id, name, body["value"])


def _member(
    uow: Transaction, request: Request, collection: Collection, table: Table, id: UUID, member: str | None
) -> UUID:
    """The row that is to be associated, or whose association is to go."""
    if request.method == "POST" and member is None:
        address = _named(request, table)
    elif request.method == "DELETE" and (member is not None) != ("$id" in request.query):
        address = request.query.get("$id", f"{collection.table.set_name}({member})")
    else:
        raise wrong_method(request.method)
    link = resolve(uow, request, address)
    if link.table != collection.table.name:
        raise bad_query(f"'{collection.name}' takes rows of {collection.table.name}, not of {link.table}.")
    row = uow.get(link.table, link.id)
    if row is None or (request.method == "DELETE" and row[collection.lookup.name] != Link(table.name, id)):
        raise missing(link.table, link.id)
    return link.id


def _named(request: Request, table: Table) -> str:
    address = read_object(request, table.set_name).get("@odata.id")
    if not isinstance(address, str):
        raise payload(table.set_name, "Microsoft.OData.ODataException: An '@odata.id' that names a row is needed.")
    return address


def kept_query(request: Request) -> dict[str, str]:
    """The request's own options (``tag``), without those of OData."""
    return {name: value for name, value in request.query.items() if not name.startswith("$")}


def _update(
    operate: Operate, uow: Transaction, request: Request, table: Table, id: UUID, name: str, value: Any
) -> Answer:
    kept = {key: text for key, text in request.headers.items() if key not in ("prefer", "if-none-match")}
    headers = {"if-match": "*", **kept}
    path = f"{table.set_name}({id})"
    operate(
        uow,
        replace(
            request,
            method="PATCH",
            path=path,
            query=kept_query(request),
            headers=headers,
            body=dump({name: value}).encode(),
        ),
    )
    return Answer(204)
