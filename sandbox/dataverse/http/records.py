"""Writing single rows: create, update, upsert and delete, with their conditions."""

from __future__ import annotations

from uuid import UUID

from sandbox.dataverse.catalog import Table
from sandbox.dataverse.http.exchange import Answer, Request
from sandbox.dataverse.http.payload import read_values
from sandbox.dataverse.http.queries import Reader, allow, not_modified
from sandbox.dataverse.http.represent import etag
from sandbox.dataverse.refusals import bad_query, duplicate, missing, stale
from sandbox.dataverse.transaction import Transaction
from sandbox.dataverse.unit_of_work import Refused

SHAPE = {"$select", "$expand"}


def address(request: Request, table: Table, id: UUID) -> str:
    """The row's URL."""
    return f"{request.base}/{table.set_name}({id})"


def create(uow: Transaction, request: Request, table: Table) -> Answer:
    """``POST set``: 204 and the new row's address, or 201 and the row."""
    allow(request.query, SHAPE)
    values = read_values(uow.catalog, table, request, creating=True)
    return _written(uow, request, table, uow.create(table.name, values), 201)


def retrieve(uow: Transaction, request: Request, table: Table, id: UUID) -> Answer:
    """``GET set(id)``."""
    allow(request.query, SHAPE)
    version = uow.store.version(table, id)
    if version is None:
        raise missing(table.name, id)
    if not_modified(request, version):
        return Answer(304)
    query = request.query
    row = Reader(uow, request).one(table, id, select=query.get("$select"), expand=query.get("$expand"))
    return Answer(200, {"ETag": etag(version)}, row)


def patch(uow: Transaction, request: Request, table: Table, id: UUID) -> Answer:
    """``PATCH set(id)``: update or create; ``If-Match`` only updates, ``If-None-Match: *`` only creates."""
    allow(request.query, SHAPE)
    version = uow.store.version(table, id)
    only_create = request.header("if-none-match")
    if only_create not in (None, "*"):
        raise bad_query("If-None-Match takes only * on an upsert.")
    if only_create and version is not None:
        raise duplicate()
    _matches(request, table, id, version)
    values = read_values(uow.catalog, table, request, creating=version is None)
    if values.get(table.id_column, id) != id:
        raise Refused(f"The {table.id_column} in the body differs from the one in the URL.", "0x80040203")
    if version is None:
        return _written(uow, request, table, uow.create(table.name, values, id), 201)
    uow.update(table.name, id, values)
    return _written(uow, request, table, id, 200)


def delete(uow: Transaction, request: Request, table: Table, id: UUID) -> Answer:
    """``DELETE set(id)``."""
    version = uow.store.version(table, id)
    if version is None:
        raise missing(table.name, id)
    _matches(request, table, id, version)
    uow.delete(table.name, id)
    return Answer(204)


def _matches(request: Request, table: Table, id: UUID, version: int | None) -> None:
    wanted = request.header("if-match")
    if wanted is None:
        return
    if version is None:
        raise missing(table.name, id)
    if wanted not in ("*", etag(version)):
        raise stale()


def _written(uow: Transaction, request: Request, table: Table, id: UUID, status: int) -> Answer:
    here = address(request, table, id)
    if not request.wants_representation:
        return Answer(204, {"OData-EntityId": here, "Location": here})
    query = request.query
    row = Reader(uow, request).one(table, id, select=query.get("$select"), expand=query.get("$expand"))
    return Answer(
        status, {"OData-EntityId": here, "Location": here, "Preference-Applied": "return=representation"}, row
    )
