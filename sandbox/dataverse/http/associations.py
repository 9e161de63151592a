"""Who has which role, who belongs to which team, which price lists a unit has: the ways the Web API has to say so.

GET    systemusers(id)/systemuserroles_association
POST   systemusers(id)/systemuserroles_association/$ref          {"@odata.id": ".../roles(id)"}
DELETE systemusers(id)/systemuserroles_association(roleid)/$ref
POST   teams(id)/Microsoft.Dynamics.CRM.AddMembersTeam           {"Members": [{"systemuserid": …}]}
POST   roles(id)/Microsoft.Dynamics.CRM.AddPrivilegesRole        {"Privileges": [{"PrivilegeId": …, "Depth": "Global"}]}

Likewise ``teamroles_association``, ``teammembership_association``, ``msdyn_organizationalunit_pricelevel``, from both
of their ends.
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
from sandbox.dataverse.many_to_many import KNOWN, OF_PRODUCT, Association, with_end
from sandbox.dataverse.refusals import missing, no_segment, unsupported
from sandbox.dataverse.registrations import ACTIONS as ENDPOINT_CHECKS
from sandbox.dataverse.security.guard import Guard
from sandbox.dataverse.security.memberships import ACTIONS as MEMBERSHIPS
from sandbox.dataverse.security.memberships import drop, put
from sandbox.dataverse.security.privileges import DEPTHS, grant
from sandbox.dataverse.security.sharing import ACTIONS as SHARING
from sandbox.dataverse.transaction import Transaction
from sandbox.dataverse.unit_of_work import ActionBinding, Link, Refused, UnitOfWork

NAMES: Final = tuple(association.name for association in KNOWN)
PATH: Final = re.compile(r"(\w+)(?:\(([0-9a-fA-F-]{36})\))?(/\$ref)?")


def change(uow: Transaction, request: Request, guard: Guard, table: Table, id: UUID, rest: str) -> Answer:
    """Associate two rows, or part them again: 204; or list the rows at the other end."""
    match = PATH.fullmatch(rest)
    name, one, reference = match.groups() if match else (rest, None, None)
    association = next((known for known in with_end(table.name) if known.name == name), None)
    if association is None:
        raise no_segment(rest)
    other = uow.catalog.table(association.other(table.name))
    if request.method == "GET" and one is None and reference is None:
        allow(request.query, {"$select"})
        return _list(uow, request, guard, association, table, id)
    if request.method == "POST" and one is None and reference:
        given = read_object(request, name).get("@odata.id")
        link = resolve(uow, request, given) if isinstance(given, str) else None
        if link is None or link.table != other.name:
            raise Refused(f"An '@odata.id' that names a {other.name} is needed.", "0x80048d19")
        if not uow.store.exists(other, link.id):
            raise missing(other.name, link.id)
        _allowed(guard, association, table, id, link.id)
        put(uow, association.intersect, {table.id_column: id, other.id_column: link.id})
    elif request.method == "DELETE" and one and reference:
        _allowed(guard, association, table, id, UUID(one))
        drop(uow, association.intersect, {table.id_column: id, other.id_column: UUID(one)})
    else:
        raise unsupported(f"{request.method} {request.path}")
    return Answer(204)


def _allowed(guard: Guard, association: Association, table: Table, id: UUID, other: UUID) -> None:
    """Giving a role needs the privilege to assign roles; changing a team needs to write it (inferred).

    Of what the product ties, one end is appended to the other.
    """
    if association.intersect in OF_PRODUCT:
        first = guard.table(association.ends[0])
        ids = (id, other) if table is first else (other, id)
        for access, end, row in zip(("Append", "AppendTo"), association.ends, ids, strict=True):
            guard.rights.need_row(access, guard.table(end), row)
    elif "role" in association.ends:
        guard.rights.need("prvAssignRole")
    else:
        teams = guard.table("team")
        guard.rights.need_row("Write", teams, id if table is teams else other)


def _list(uow: Transaction, request: Request, guard: Guard, association: Association, table: Table, id: UUID) -> Answer:
    other = uow.catalog.table(association.other(table.name))
    visible = guard.reading(other)
    reader = Reader(visible, request)
    select = request.query.get("$select")
    found = [row[other.id_column] for row in uow.find(association.intersect, **{table.id_column: id})]
    held = [key for key in found if isinstance(key, UUID) and visible.store.exists(other, key)]
    rows = [reader.one(other, key, select=select) for key in held]
    plain = [{name: value for name, value in row.items() if name != "@odata.context"} for row in rows]
    return Answer(200, json={"@odata.context": f"{request.base}/$metadata#{other.set_name}", "value": plain})


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


ACTIONS: Final = (ActionBinding("AddPrivilegesRole", "role", _add_privileges), *MEMBERSHIPS, *SHARING, *ENDPOINT_CHECKS)
