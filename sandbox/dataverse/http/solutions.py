"""Solutions: what is made under a solution's name belongs to it, others are added to it, and it is exported.

POST ExportSolution        {"SolutionName": …, "Managed": false}     → {"ExportSolutionFile": base64 of a zip}
POST AddSolutionComponent  {"ComponentId": …, "ComponentType": 95, "SolutionUniqueName": …, …}     → {"id": …}

Only components a service of one's own registers are understood: tables, roles, steps, their images, service endpoints.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable
from typing import Final
from uuid import UUID

from sandbox.dataverse.http.exchange import Answer, Request
from sandbox.dataverse.http.payload import read_object
from sandbox.dataverse.http.solution_file import archive
from sandbox.dataverse.http.table_facts import metadata_id
from sandbox.dataverse.refusals import missing, payload, unsupported
from sandbox.dataverse.security.guard import Guard
from sandbox.dataverse.transaction import Transaction
from sandbox.dataverse.unit_of_work import Link, Refused, Row, Written

HEADER: Final = "mscrm.solutionuniquename"
ADD, EXPORT = "AddSolutionComponent", "ExportSolution"
TABLE: Final = 1
TYPES: Final = {"role": 20, "sdkmessageprocessingstep": 92, "sdkmessageprocessingstepimage": 93, "serviceendpoint": 95}
"""The types of components whose rows are written as rows."""
COMPONENT: Final = "solutioncomponent"
_MADE = re.compile(r"EntityDefinitions\(([0-9a-f-]{36})\)$")


def meant(uow: Transaction, request: Request) -> UUID | None:
    """The solution that a write names in its header; an unknown one is refused."""
    name = request.header(HEADER)
    return None if name is None or request.method == "GET" else _named(uow, name)


def keep(uow: Transaction, request: Request, solution: UUID | None, answer: Answer, writes: Iterable[Written]) -> None:
    """Let what was made or changed belong to the solution, and what was deleted to none."""
    for written in [one for one in writes if one.table in TYPES]:
        if written.message == "Delete":
            _forget(uow, TYPES[written.table], written.id)
        elif solution is not None:
            _put(uow, solution, TYPES[written.table], written.id)
    if request.path.startswith("EntityDefinitions"):
        made = _MADE.search(answer.headers.get("OData-EntityId", ""))
        if made is not None and solution is not None:
            _put(uow, solution, TABLE, UUID(made[1]))
        if request.method == "DELETE":
            there = {metadata_id(table.name) for table in uow.catalog}
            for row in uow.find(COMPONENT, componenttype=TABLE):
                if row["objectid"] not in there:
                    uow.delete(COMPONENT, _id(row, "solutioncomponentid"))


def add(uow: Transaction, request: Request, guard: Guard) -> Answer:
    """Let something that is there belong to a solution as well."""
    given = read_object(request, ADD)
    solution = _named(uow, str(given.get("SolutionUniqueName")))
    if guard.rights.reaches is not None:
        guard.rights.need_row("Write", guard.table("solution"), solution)
    kind, id = given.get("ComponentType"), _guid(given.get("ComponentId"))
    tables = {number: name for name, number in TYPES.items()}
    if kind == TABLE:
        if id not in {metadata_id(table.name) for table in uow.catalog}:
            raise missing("entity", id)
    elif kind not in tables:
        raise unsupported(f"solution components of type {kind}")
    elif uow.get(tables[kind], id) is None:
        raise missing(tables[kind], id)
    return _answer(request, ADD, {"id": _put(uow, solution, int(kind), id)})


def export(uow: Transaction, request: Request, guard: Guard) -> Answer:
    """The solution as a file: what belongs to it, and no secret of it."""
    given = read_object(request, EXPORT)
    if set(given) - {"SolutionName", "Managed"}:
        raise unsupported(f"{EXPORT} with more than SolutionName and Managed")
    if not isinstance(given.get("Managed"), bool):
        raise payload(EXPORT, "The parameter 'Managed' needs a value.")
    guard.rights.need("prvExportCustomization")
    solution = _named(uow, str(given.get("SolutionName")))
    content = archive(uow, solution, managed=given["Managed"])
    return _answer(request, EXPORT, {"ExportSolutionFile": base64.b64encode(content).decode()})


def _named(uow: Transaction, name: str) -> UUID:
    for row in uow.find("solution"):
        if str(row["uniquename"]).lower() == name.lower():
            return _id(row, "solutionid")
    raise Refused(f"The solution unique name {name} does not exist.", "0x80048403", 404)


def _put(uow: Transaction, solution: UUID, kind: int, id: UUID) -> UUID:
    of = Link("solution", solution)
    for row in uow.find(COMPONENT, solutionid=of, componenttype=kind, objectid=id):
        return _id(row, "solutioncomponentid")
    return uow.create(COMPONENT, {"solutionid": of, "componenttype": kind, "objectid": id, "rootcomponentbehavior": 0})


def _forget(uow: Transaction, kind: int, id: UUID) -> None:
    for row in uow.find(COMPONENT, componenttype=kind, objectid=id):
        uow.delete(COMPONENT, _id(row, "solutioncomponentid"))


def _id(row: Row, column: str) -> UUID:
    return UUID(str(row[column]))


def _guid(given: object) -> UUID:
    try:
        return UUID(str(given))
    except ValueError as error:
        raise payload(ADD, "The parameter 'ComponentId' needs an Edm.Guid.") from error


def _answer(request: Request, name: str, values: dict[str, object]) -> Answer:
    context = {"@odata.context": f"{request.base}/$metadata#Microsoft.Dynamics.CRM.{name}Response"}
    return Answer(200, json=context | values)
