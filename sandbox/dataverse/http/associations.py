"""Giving users roles and roles privileges, the ways the Web API has for it.

GET    systemusers(id)/systemuserroles_association
POST   systemusers(id)/systemuserroles_association/$ref          {"@odata.id": ".../roles(id)"}
DELETE systemusers(id)/systemuserroles_association(roleid)/$ref
POST   roles(id)/Microsoft.Dynamics.CRM.AddPrivilegesRole        {"Privileges": [{"PrivilegeId": …, "Depth": "Global"}]}
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final
from uuid import UUID

from sandbox.dataverse.catalog import Table
from sandbox.dataverse.http.exchange import Answer, Request
from sandbox.dataverse.http.payload import read_object, resolve
from sandbox.dataverse.http.queries import Reader, allow
from sandbox.dataverse.refusals import missing, no_segment, unsupported
from sandbox.dataverse.security.guard import Guard
from sandbox.dataverse.security.privileges import DEPTHS, grant
from sandbox.dataverse.transaction import Transaction
from sandbox.dataverse.unit_of_work import ActionBinding, Link, Refused, UnitOfWork

ROLES: Final = "systemuserroles_association"
ONE: Final = re.compile(rf"{ROLES}\(([0-9a-fA-F-]{{36}})\)/\$ref")


def change(uow: Transaction, request: Request, guard: Guard, table: Table, id: UUID, rest: str) -> Answer:
    """Give a user a role, or take it away: 204; or list the roles a user has."""
    one = ONE.fullmatch(rest)
    if table.name != "systemuser":
        raise no_segment(rest)
    if request.method == "GET" and rest == ROLES:
        allow(request.query, {"$select"})
        return _roles(uow, request, guard, id)
    guard.rights.need("prvAssignRole")
    if request.method == "POST" and rest == f"{ROLES}/$ref":
        reference = read_object(request, ROLES).get("@odata.id")
        link = resolve(uow, request, reference) if isinstance(reference, str) else None
        if link is None or link.table != "role":
            raise Refused("An '@odata.id' that names a role is needed.", "0x80048d19")
        if not uow.store.exists(uow.catalog.table("role"), link.id):
            raise missing("role", link.id)
        if not uow.find("systemuserroles", systemuserid=id, roleid=link.id):
            uow.create("systemuserroles", {"systemuserid": id, "roleid": link.id})
    elif request.method == "DELETE" and one:
        for row in uow.find("systemuserroles", systemuserid=id, roleid=UUID(one.group(1))):
            key = row["systemuserroleid"]
            if isinstance(key, UUID):
                uow.delete("systemuserroles", key)
    else:
        raise unsupported(f"{request.method} {request.path}")
    return Answer(204)


def _roles(uow: Transaction, request: Request, guard: Guard, user: UUID) -> Answer:
    roles = uow.catalog.table("role")
    reader = Reader(guard.reading(roles), request)
    select = request.query.get("$select")
    held = [row["roleid"] for row in uow.find("systemuserroles", systemuserid=user)]
    rows = [reader.one(roles, role, select=select) for role in held if isinstance(role, UUID)]
    plain = [{name: value for name, value in row.items() if name != "@odata.context"} for row in rows]
    return Answer(200, json={"@odata.context": f"{request.base}/$metadata#roles", "value": plain})


def _add_privileges(work: UnitOfWork, id: UUID | None, given: Mapping[str, object]) -> Link | None:
    privileges = given.get("Privileges")
    if id is None or not isinstance(work, Transaction) or not isinstance(privileges, list):
        raise Refused("Required field 'Privileges' is missing.", "0x80048d19")
    for entry in privileges:
        depth = DEPTHS.get(entry.get("Depth", "")) if isinstance(entry, Mapping) else None
        if depth is None or not isinstance(entry.get("PrivilegeId"), str):
            raise Refused(f"A privilege needs PrivilegeId, and Depth, one of {', '.join(DEPTHS)}.", "0x80048d19")
        privilege = UUID(entry["PrivilegeId"])
        if work.get("privilege", privilege) is None:
            raise missing("privilege", privilege)
        grant(work, id, privilege, depth)
    return None


ACTIONS: Final = (ActionBinding("AddPrivilegesRole", "role", _add_privileges),)
