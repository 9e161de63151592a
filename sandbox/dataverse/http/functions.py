"""Functions of the platform: what a user may do by the names of privileges, and what the time is in a time zone.

GET systemusers(id)/Microsoft.Dynamics.CRM.RetrieveUserSetOfPrivilegesByNames(PrivilegeNames=@n)?@n=["prvReadAccount"]
GET RetrieveRolePrivilegesRole(RoleId=00000000-…)
GET LocalTimeFromUtcTime(TimeZoneCode=@c,UtcTime=@t)?@c=110&@t=2026-01-15T12:00:00Z
"""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any, Final
from uuid import UUID
from zoneinfo import ZoneInfo

from sandbox.dataverse.http.exchange import Answer, Request
from sandbox.dataverse.refusals import bad_query, missing, unsupported
from sandbox.dataverse.security.privileges import DEPTHS, privilege_id
from sandbox.dataverse.security.reach import deepest
from sandbox.dataverse.security.rights import rights_of
from sandbox.dataverse.time_zones import ZONES
from sandbox.dataverse.transaction import Transaction
from sandbox.dataverse.unit_of_work import Link, Refused

BY_NAMES: Final = "RetrieveUserSetOfPrivilegesByNames"
LOCAL_TIME: Final = "LocalTimeFromUtcTime"
OF_ROLE: Final = "RetrieveRolePrivilegesRole"


def privileges_by_names(uow: Transaction, request: Request, user: UUID, arguments: str) -> Answer:
    """The privileges of these names that a user holds, whichever role or team they come from, at their true depth."""
    given = _arguments(request, arguments)
    names = given.get("PrivilegeNames")
    if set(given) != {"PrivilegeNames"} or not isinstance(names, list):
        raise unsupported(f"{BY_NAMES} without a list of PrivilegeNames, or with more")
    if not uow.store.exists(uow.catalog.table("systemuser"), user):
        raise missing("systemuser", user)
    known = {str(row["name"]).lower(): str(row["name"]) for row in uow.find("privilege")}
    for name in names:
        if str(name).lower() not in known:
            raise Refused(f"Privilege with name {name} does not exist.", "0x80040217", 404)
    rights = rights_of(uow, user)
    unit = uow.unit_of(user)
    held = []
    for name in names:
        depth = DEPTHS["Global"] if rights.reaches is None else deepest(rights.reaches.get(str(name).lower(), ()))
        if depth:
            word = next(word for word, mask in DEPTHS.items() if mask == depth)
            facts = {"BusinessUnitId": unit, "Depth": word, "PrivilegeId": privilege_id(str(name))}
            held.append(facts | {"PrivilegeName": known[str(name).lower()]})
    return _answer(request, BY_NAMES, {"RolePrivileges": held})


def privileges_of_role(uow: Transaction, request: Request, arguments: str) -> Answer:
    """The privileges a role has, each at its depth. (System Administrator, which has all of them, tells none.)"""
    name, _, value = arguments.partition("=")
    try:
        role = UUID(request.query.get(value, value))
    except ValueError as error:
        raise bad_query(f"{value} is no Edm.Guid.") from error
    if name.strip() != "RoleId":
        raise unsupported(f"{OF_ROLE} without a RoleId")
    row = uow.get("role", role)
    if row is None:
        raise missing("role", role)
    unit = row["businessunitid"]
    held = []
    for one in uow.find("roleprivileges", roleid=role):
        word = next(word for word, mask in DEPTHS.items() if mask == one["privilegedepthmask"])
        named = uow.get("privilege", UUID(str(one["privilegeid"]))) or {}
        facts = {"BusinessUnitId": unit.id if isinstance(unit, Link) else None, "Depth": word}
        held.append(facts | {"PrivilegeId": one["privilegeid"], "PrivilegeName": named.get("name")})
    return _answer(request, OF_ROLE, {"RolePrivileges": held})


def local_time(request: Request, arguments: str) -> Answer:
    """The time on the clocks of a time zone. (That it is written with a Z behind it is inferred.)"""
    given = _arguments(request, arguments)
    code, told = given.get("TimeZoneCode"), given.get("UtcTime")
    try:
        moment = datetime.fromisoformat(str(told))
    except ValueError as error:
        raise bad_query(f"{told} is no Edm.DateTimeOffset.") from error
    if not isinstance(code, int) or code not in ZONES:
        raise unsupported(f"the time zone code {code}")
    return _answer(request, LOCAL_TIME, {"LocalTime": f"{moment.astimezone(ZoneInfo(ZONES[code])):%Y-%m-%dT%H:%M:%SZ}"})


def _arguments(request: Request, text: str) -> dict[str, Any]:
    """The arguments of a call, ``(Name=@alias,…)``; their values are query options in JSON, or bare."""
    found: dict[str, Any] = {}
    for part in filter(None, text.split(",")):
        name, _, alias = part.partition("=")
        if alias not in request.query:
            raise bad_query(f"The parameter alias {alias} has no value.")
        value = request.query[alias]
        try:
            found[name.strip()] = json.loads(value)
        except ValueError:
            found[name.strip()] = value
    return found


def _answer(request: Request, name: str, values: dict[str, Any]) -> Answer:
    context = {"@odata.context": f"{request.base}/$metadata#Microsoft.Dynamics.CRM.{name}Response"}
    return Answer(200, json=context | values)
