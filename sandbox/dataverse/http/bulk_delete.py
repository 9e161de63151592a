"""``BulkDelete``: a system job that deletes what a query finds, row by row; here it is done before the answer comes.

A row that cannot be deleted stays, and the others go all the same. Queries of equality and membership are understood.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, Final
from uuid import UUID, uuid4

from sandbox.dataverse.catalog import Column, Table
from sandbox.dataverse.http.exchange import Answer, Request
from sandbox.dataverse.http.payload import read_object
from sandbox.dataverse.odata.values import from_text
from sandbox.dataverse.refusals import payload, unsupported
from sandbox.dataverse.transaction import Transaction
from sandbox.dataverse.unit_of_work import Cell, Link, Refused, Row

NAME: Final = "BulkDelete"
JOB: Final = 13
"""The operationtype of a bulk deletion."""
SUCCEEDED: Final = (3, 30)


def run(operate: Callable[[Transaction, Request], Answer], uow: Transaction, request: Request) -> Answer:
    """Delete what the queries find, and answer with the job's id."""
    body = read_object(request, NAME)
    queries = body.get("QuerySet")
    if not isinstance(queries, list) or not queries or not all(isinstance(query, Mapping) for query in queries):
        raise payload(NAME, "Microsoft.OData.ODataException: The parameter 'QuerySet' needs queries.")
    if body.get("RecurrencePattern"):
        raise unsupported("bulk deletion that recurs")
    kept = 0
    for query in queries:
        table = uow.catalog.table(str(query.get("EntityName")))
        for id in _found(uow, table, query.get("Criteria") or {}):
            one = replace(request, method="DELETE", path=f"{table.set_name}({id})", headers={}, body=b"")
            try:
                operate(uow, one)
            except Refused:
                kept += 1
    job = uuid4()
    state, status = SUCCEEDED
    values: dict[str, Cell] = {
        "name": str(body.get("JobName") or NAME)[:256],
        "operationtype": JOB,
        "messagename": NAME,
        "ownerid": Link("systemuser", uow.user),
        "statecode": state,
        "statuscode": status,
        "startedon": uow.now,
        "completedon": uow.now,
        "message": f"{kept} rows could not be deleted." if kept else None,
    }
    uow.create("asyncoperation", values, job)
    context = f"{request.base}/$metadata#Microsoft.Dynamics.CRM.BulkDeleteResponse"
    return Answer(200, json={"@odata.context": context, "JobId": job})


def _found(uow: Transaction, table: Table, criteria: Mapping[str, Any]) -> list[UUID]:
    conditions = criteria.get("Conditions") or []
    if criteria.get("Filters") or (criteria.get("FilterOperator", "And") != "And" and len(conditions) > 1):
        raise unsupported("bulk deletion by a query of anything but conditions that all hold")
    wanted = [_condition(table, condition) for condition in conditions]
    rows = [row for row in uow.store.rows(table) if all(_of(row, column) in cells for column, cells in wanted)]
    return [UUID(str(row[table.id_column])) for row in rows]


def _of(row: Row, column: Column) -> Cell:
    cell = row[column.name]
    return cell.id if isinstance(cell, Link) else cell


def _condition(table: Table, condition: Mapping[str, Any]) -> tuple[Column, list[Cell]]:
    if condition.get("Operator") not in ("In", "Equal"):
        raise unsupported(f"the operator {condition.get('Operator')} in a bulk deletion")
    column = table.column(str(condition.get("AttributeName")))
    values = [value.get("Value") if isinstance(value, Mapping) else value for value in condition.get("Values") or []]
    return column, [from_text(column, str(value)) for value in values]
