"""Writing single rows: create, update, upsert and delete, with their conditions."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from sandbox.dataverse.catalog import Table
from sandbox.dataverse.http.exchange import Answer, Request
from sandbox.dataverse.http.keys import Address
from sandbox.dataverse.http.payload import BIND, read_object, resolve, values_of
from sandbox.dataverse.http.queries import Reader, allow, not_modified
from sandbox.dataverse.http.represent import etag
from sandbox.dataverse.one_to_many import Collection
from sandbox.dataverse.refusals import bad_query, duplicate, payload, stale
from sandbox.dataverse.transaction import Transaction
from sandbox.dataverse.unit_of_work import Link, Refused

SHAPE = {"$select", "$expand"}


def create(uow: Transaction, request: Request, table: Table) -> Answer:
    """``POST set``: 204 and the new row's address, or 201 and the row. Related rows in the body are made with it."""
    allow(request.query, SHAPE)
    body = read_object(request, table.set_name)
    related: dict[str, tuple[Collection, Any]] = {}
    if any(isinstance(value, list) for value in body.values()):
        for name, collection in uow.catalog.collections(table).items():
            related |= {key: (collection, body.pop(key)) for key in (name, name + BIND) if key in body}
    id = uow.create(table.name, values_of(uow, table, request, body, creating=True))
    for name, (collection, entries) in related.items():
        _relate(uow, request, collection, Link(table.name, id), name, entries)
    return _written(uow, request, table, id, f"{table.set_name}({id})", 201)


def _relate(uow: Transaction, request: Request, collection: Collection, to: Link, name: str, entries: Any) -> None:
    many, lookup = collection.table, collection.lookup.name
    for entry in entries if isinstance(entries, list) else [None]:
        if name.endswith(BIND) and isinstance(entry, str):
            link = resolve(uow, request, entry)
            if link.table != many.name:
                raise payload(to.table, f"'{name}' takes rows of {many.name}, not of {link.table}.")
            uow.update(many.name, link.id, {lookup: to})
        elif isinstance(entry, dict):
            uow.create(many.name, values_of(uow, many, request, entry, creating=True) | {lookup: to})
        else:
            raise payload(to.table, f"Microsoft.OData.ODataException: '{name}' takes a list of rows.")


def retrieve(uow: Transaction, request: Request, address: Address) -> Answer:
    """``GET set(id)``."""
    allow(request.query, SHAPE)
    table, id = address.table, address.existing()
    version = uow.store.version(table, id)
    if version is None:
        raise address.missing()
    query = request.query
    plain = "$expand" not in query and "odata.include-annotations" not in request.preferences
    if plain and not_modified(request, version):
        return Answer(304)
    row = Reader(uow, request).one(table, id, select=query.get("$select"), expand=query.get("$expand"))
    return Answer(200, {"ETag": etag(version)}, row)


def patch(uow: Transaction, request: Request, address: Address) -> Answer:
    """``PATCH set(id)``: update or create; ``If-Match`` only updates, ``If-None-Match: *`` only creates.

    A row made by its alternate key takes the key's values from the URL, unless the body has others.
    """
    allow(request.query, SHAPE)
    table, id = address.table, address.id
    if id is not None:
        uow.lock(table.name, id)
    version = None if id is None else uow.store.version(table, id)
    only_create = request.header("if-none-match")
    if only_create not in (None, "*"):
        raise bad_query("If-None-Match takes only * on an upsert.")
    if only_create and version is not None:
        raise duplicate()
    _matches(request, address, version)
    values = values_of(uow, table, request, read_object(request, table.set_name), creating=version is None)
    if id is not None and values.get(table.id_column, id) != id:
        raise Refused(f"The {table.id_column} in the body differs from the one in the URL.", "0x80040203")
    if id is None or version is None:
        made = uow.create(table.name, address.values | values, id)
        return _written(uow, request, table, made, address.path, 201)
    uow.update(table.name, id, values)
    return _written(uow, request, table, id, address.path, 200)


def delete(uow: Transaction, request: Request, address: Address) -> Answer:
    """``DELETE set(id)``."""
    uow.lock(address.table.name, address.existing())
    version = uow.store.version(address.table, address.existing())
    if version is None:
        raise address.missing()
    _matches(request, address, version)
    uow.delete(address.table.name, address.existing())
    return Answer(204)


def _matches(request: Request, address: Address, version: int | None) -> None:
    wanted = request.header("if-match")
    if wanted is None:
        return
    if version is None:
        raise address.missing()
    if wanted not in ("*", etag(version)):
        raise stale()


def _written(uow: Transaction, request: Request, table: Table, id: UUID, path: str, status: int) -> Answer:
    here = f"{request.base}/{path}"
    if not request.wants_representation:
        return Answer(204, {"OData-EntityId": here, "Location": here})
    query = request.query
    row = Reader(uow, request).one(table, id, select=query.get("$select"), expand=query.get("$expand"))
    return Answer(
        status, {"OData-EntityId": here, "Location": here, "Preference-Applied": "return=representation"}, row
    )
