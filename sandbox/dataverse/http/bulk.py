"""Bulk messages: many rows of one table in one request, all of them or none.

(Microsoft Learn, "Use bulk operation messages"; the answers' shapes follow Microsoft's Web API samples.)
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any, Final

from sandbox.dataverse.bulk_tables import takes
from sandbox.dataverse.catalog import Table
from sandbox.dataverse.http.exchange import Answer, Request, split_url
from sandbox.dataverse.http.json_text import dump
from sandbox.dataverse.http.payload import read_object
from sandbox.dataverse.refusals import duplicate, no_segment, payload
from sandbox.dataverse.transaction import Transaction
from sandbox.dataverse.unit_of_work import Refused

NAMESPACE: Final = "Microsoft.Dynamics.CRM."
MESSAGES: Final = ("CreateMultiple", "UpdateMultiple", "UpsertMultiple")
ROW: Final = re.compile(r"(\w+)\((.+)\)", re.DOTALL)
Operate = Callable[[Transaction, Request], Answer]


def run(operate: Operate, uow: Transaction, request: Request, table: Table, message: str) -> Answer:
    """Carry out one bulk message by carrying out an ordinary request for each of its targets."""
    if message == "DeleteMultiple":
        raise Refused("DeleteMultiple has not yet been implemented.", "", 501)
    if message not in MESSAGES or not takes(uow, message, table.name):
        raise no_segment(f"{NAMESPACE}{message}")
    targets = list(_targets(request, table))
    if message == "CreateMultiple":
        ids = [_create(operate, uow, request, table, target) for target in targets]
        context = f"{request.base}/$metadata#{NAMESPACE}CreateMultipleResponse"
        return Answer(200, json={"@odata.context": context, "Ids": ids})
    seen: set[str] = set()
    for target in targets:
        key = _key(table, target)
        if key.lower() in seen:
            if message == "UpsertMultiple":
                raise duplicate()
            continue
        seen.add(key.lower())
        condition = {"if-match": "*"} if message == "UpdateMultiple" else {}
        operate(uow, _single(request, "PATCH", f"{table.set_name}({key})", target, condition))
    return Answer(204)


def _targets(request: Request, table: Table) -> Iterator[dict[str, Any]]:
    targets = read_object(request, table.set_name).get("Targets")
    if not isinstance(targets, list) or not targets:
        raise payload(table.set_name, "Microsoft.OData.ODataException: The parameter 'Targets' needs rows.")
    wanted = f"{NAMESPACE}{table.name}"
    for target in targets:
        kind = target.get("@odata.type") if isinstance(target, dict) else None
        if not isinstance(kind, str) or kind.removeprefix("#") != wanted:
            raise payload(
                table.set_name,
                f"Microsoft.OData.ODataException: Every entry of 'Targets' needs '@odata.type': '{wanted}'.",
            )
        yield target


def _create(operate: Operate, uow: Transaction, request: Request, table: Table, target: dict[str, Any]) -> str:
    answer = operate(uow, _single(request, "POST", table.set_name, target, {}))
    return answer.headers["OData-EntityId"].rpartition("(")[2].removesuffix(")")


def _key(table: Table, target: dict[str, Any]) -> str:
    """What names the row: its primary key, or ``@odata.id``, which may be an alternate key."""
    id = target.get(table.id_column)
    if isinstance(id, str):
        return id
    address = target.get("@odata.id")
    match = ROW.fullmatch(split_url(address)[0]) if isinstance(address, str) else None
    if match is None or match.group(1) != table.set_name:
        raise Refused(
            f"An entry of 'Targets' names no row: it has neither {table.id_column} nor @odata.id.", "0x80040203"
        )
    return match.group(2)


def _single(request: Request, method: str, path: str, target: dict[str, Any], headers: dict[str, str]) -> Request:
    kept = {
        name: value for name, value in request.headers.items() if name not in ("prefer", "if-match", "if-none-match")
    }
    values = {name: value for name, value in target.items() if name not in ("@odata.type", "@odata.id")}
    return replace(request, method=method, path=path, headers=kept | headers, body=dump(values).encode())
