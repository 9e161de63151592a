"""A role as it is in an environment, held against its definition. Read only; what is to be done about it is told."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from connector.dataverse.client import DataverseClient
from connector.errors import Misconfigured
from service.checks.needed import ACT_FOR_OTHERS, not_used
from service.checks.schema import ONLY_WITH_PRODUCT, definitions
from service.registering.reading import Row, rows, solution_named
from service.registering.wanted import ROLE_COMPONENT, chosen
from service.roles.definition import DEPTHS, Role
from service.settings import Settings

CAN_BE = {"Basic": "canbebasic", "Local": "canbelocal", "Deep": "canbedeep", "Global": "canbeglobal"}


@dataclass(frozen=True, slots=True)
class Privilege:
    """One privilege of the definition, as this environment calls it."""

    name: str
    id: UUID
    depth: str
    """Wanted; the deepest there is where the wanted one is not offered."""


@dataclass(frozen=True, slots=True)
class Standing:
    """What is there of a role. ``held`` has depths by the name of the privilege, ``extra`` what is held beyond it."""

    role: Role
    unit: UUID
    """The root business unit."""
    row: Row | None
    wanted: Sequence[Privilege]
    absent: Sequence[str]
    """Tables and privileges this environment does not have, and should."""
    held: Mapping[UUID, str]
    names: Mapping[UUID, str]
    solution: str | None
    """The solution it is to be part of, where there is one that can take it."""
    outside: bool
    """Whether it is not part of that solution yet."""

    @property
    def lacking(self) -> Sequence[Privilege]:
        """What is missing or does not reach far enough."""
        return [one for one in self.wanted if _reach(self.held.get(one.id)) < _reach(one.depth)]

    @property
    def extra(self) -> Sequence[str]:
        """Names of privileges that the definition does not ask for; they are left as they are."""
        ours = {one.id for one in self.wanted}
        return sorted(self.names[id] for id in self.held if id not in ours)


def standing(client: DataverseClient, role: Role, settings: Settings, solution: str) -> Standing:
    """Look at everything. Raises ``ConnectorError``; ``Misconfigured`` where the name is taken by another role."""
    wanted, absent = privileges_of(client, role, settings)
    units = rows(client, "businessunits", ("businessunitid",), "_parentbusinessunitid_value eq null")
    if len(units) != 1:
        raise Misconfigured("unreadable-answer", f"{client.url} shows {len(units)} root business units to this user.")
    unit = UUID(str(units[0]["businessunitid"]))
    named = role.name.replace("'", "''")
    which = f"roleid eq {role.id} or (name eq '{named}' and _businessunitid_value eq {unit})"
    found = rows(client, "roles", ("roleid", "name", "_businessunitid_value"), which)
    other = next((one for one in found if UUID(str(one["roleid"])) != role.id), None)
    if other is not None:
        raise Misconfigured(
            "role-name-taken",
            f"A role called {role.name} is there already, and it is not this service's: {client.url}/main.aspx"
            f"?pagetype=entityrecord&etn=role&id={other['roleid']} Rename it, or delete it, first.",
        )
    held, names = held_by(client, role.id) if found else ({}, {})
    within = solution_named(client, solution)
    takes = within.row is not None and not within.managed
    outside = takes and bool(found) and role.id not in within.components
    row = found[0] if found else None
    return Standing(role, unit, row, wanted, absent, held, names, solution if takes else None, outside)


def privileges_of(
    client: DataverseClient, role: Role, settings: Settings, *, by_name: bool = False
) -> tuple[list[Privilege], list[str]]:
    """The privileges of a role by their ids here, and what of it this environment does not have.

    A table whose definition offers no privilege of a kind is guarded by another's. What the settings make needless is
    left out. ``by_name``: for whoever may not read which privileges there are, those that guard no table of the role
    are taken as the definition has them, without an id of here.
    """
    found = {str(one["LogicalName"]): one for one in definitions(client, [one.table for one in role.tables])}
    wanted: dict[UUID, Privilege] = {}
    for rights in role.tables:
        offered = {str(one["PrivilegeType"]): one for one in found.get(rights.table, {}).get("Privileges") or ()}
        for right in rights.rights:
            if right in offered and not not_used(rights.table, right, settings):
                one = offered[right]
                id = UUID(str(one["PrivilegeId"]))
                can_be = {depth: bool(one[f"CanBe{depth}"]) for depth in DEPTHS}
                wanted[id] = Privilege(str(one["Name"]), id, _depth(rights.depth, can_be))
    named = [one for one in role.privileges if one.name != ACT_FOR_OTHERS or settings.commands.acting == "user"]
    if named:
        which = " or ".join(f"name eq '{one.name}'" for one in named)
        try:
            listed = rows(client, "privileges", ("name", "privilegeid", *CAN_BE.values()), which)
        except Misconfigured:
            if not by_name:
                raise
            listed = [
                {
                    "name": one.name,
                    "privilegeid": chosen(f"privilege/{one.name}"),
                    **dict.fromkeys(CAN_BE.values(), True),
                }
                for one in named
            ]
        there = {str(one["name"]).lower(): one for one in listed}
        for one in named:
            if (row := there.get(one.name.lower())) is not None:
                id = UUID(str(row["privilegeid"]))
                can_be = {depth: bool(row[column]) for depth, column in CAN_BE.items()}
                wanted[id] = Privilege(str(row["name"]), id, _depth(one.depth, can_be))
    else:
        there = {}
    may_lack = {one.table for one in role.tables if one.optional} | ONLY_WITH_PRODUCT
    absent = [one.table for one in role.tables if one.table not in found and one.table not in may_lack]
    absent += [one.name for one in named if one.name.lower() not in there]
    return list(wanted.values()), absent


def held_by(client: DataverseClient, role: UUID) -> tuple[dict[UUID, str], dict[UUID, str]]:
    """Depths and names of the privileges a role has, by their ids."""
    answer = client.send("GET", f"RetrieveRolePrivilegesRole(RoleId={role})").json
    given: Any = answer.get("RolePrivileges") if isinstance(answer, Mapping) else None
    if not isinstance(given, list):
        raise Misconfigured("unreadable-answer", f"{client.url} does not answer as Dataverse does.")
    held = {UUID(str(one["PrivilegeId"])): str(one["Depth"]) for one in given}
    return held, {UUID(str(one["PrivilegeId"])): str(one.get("PrivilegeName") or one["PrivilegeId"]) for one in given}


def added_to_solution(role: Role, solution: str) -> Mapping[str, object]:
    """The body that adds a role to a solution."""
    return {
        "ComponentId": str(role.id),
        "ComponentType": ROLE_COMPONENT,
        "SolutionUniqueName": solution,
        "AddRequiredComponents": False,
    }


def given(unit: UUID, privileges: Iterable[Privilege]) -> Mapping[str, object]:
    """The body that gives a role these privileges."""
    return {
        "Privileges": [
            {"PrivilegeId": str(one.id), "Depth": one.depth, "BusinessUnitId": str(unit)} for one in privileges
        ]
    }


def _depth(wanted: str, can_be: Mapping[str, bool]) -> str:
    """The wanted depth; where it is not offered, the deepest below it that is, else the least above."""
    at = DEPTHS.index(wanted)
    below = [depth for depth in DEPTHS[: at + 1] if can_be[depth]]
    above = [depth for depth in DEPTHS[at:] if can_be[depth]]
    return below[-1] if below else above[0] if above else wanted


def _reach(depth: str | None) -> int:
    return DEPTHS.index(depth) if depth in DEPTHS else -1
