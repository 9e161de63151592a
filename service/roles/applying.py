"""Brings a role into an environment, and gives it to somebody."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from connector.dataverse.client import DataverseClient
from connector.errors import Misconfigured
from service.not_configured import NotConfigured
from service.registering.reading import Row, rows, value
from service.roles.standing import Privilege, Standing, added_to_solution, given, held_by

USER_COLUMNS = ("systemuserid", "fullname", "domainname", "isdisabled", "_businessunitid_value")
BEGIN = 3
"""Characters that a name has in common with one it may have been meant to be."""
FEW = 5
"""Users that are named."""


@dataclass(frozen=True, slots=True)
class Holder:
    """Somebody who is to have a role, and whether they have it already."""

    id: UUID
    name: str
    unit: UUID
    has_it: bool


def make(client: DataverseClient, found: Standing) -> list[Privilege]:
    """Create or complete the role; what is held beyond its definition stays. Returns what it lacks afterwards all the
    same. Raises ``ConnectorError``."""
    role = found.role
    if found.row is None:
        body = {"name": role.name, "isinherited": 1, "businessunitid@odata.bind": f"/businessunits({found.unit})"}
        into = {"MSCRM.SolutionUniqueName": found.solution} if found.solution else {}
        client.send("PATCH", f"roles({role.id})", body, {"If-None-Match": "*", **into})
    elif found.outside and found.solution:
        client.send("POST", "AddSolutionComponent", added_to_solution(role, found.solution))
    if not (lacking := found.lacking):
        return []
    path = f"roles({role.id})/Microsoft.Dynamics.CRM.AddPrivilegesRole"
    client.send("POST", path, given(found.unit, lacking))
    held, names = held_by(client, role.id)
    after = Standing(role, found.unit, {}, found.wanted, found.absent, held, names, found.solution, outside=False)
    return list(after.lacking)


def holder(client: DataverseClient, name: str, role: UUID) -> Holder:
    """The user or application user of this name or id. Raises ``NotConfigured`` where none or several are meant."""
    said, begin = (text.replace("'", "''") for text in (name, name[:BEGIN]))
    try:
        id = UUID(name)
        which = f"systemuserid eq {id} or applicationid eq {id} or azureactivedirectoryobjectid eq {id}"
    except ValueError:
        which = f"domainname eq '{said}' or internalemailaddress eq '{said}' or fullname eq '{said}'"
    found = rows(client, "systemusers", USER_COLUMNS, which)
    if len(found) != 1:
        told = _in_words(found) or "nobody"
        near = (
            ""
            if found
            else _in_words(rows(client, "systemusers", USER_COLUMNS, f"startswith(fullname,'{begin}')")[:FEW])
        )
        meant = f" There are: {near}." if near else ""
        raise NotConfigured([f"--to {name!r} means {told} in {client.url}; name one user by an id.{meant}"])
    (row,) = found
    if row.get("isdisabled"):
        raise NotConfigured([f"{row['fullname']} ({row['systemuserid']}) is disabled; enable that user first."])
    path = f"systemusers({row['systemuserid']})/systemuserroles_association?$select=roleid,_parentrootroleid_value"
    has_it = any(role in (_id(one, "roleid"), _id(one, "_parentrootroleid_value")) for one in value(client, path))
    unit = UUID(str(row["_businessunitid_value"]))
    return Holder(UUID(str(row["systemuserid"])), str(row["fullname"]), unit, has_it)


def _in_words(users: Sequence[Row]) -> str:
    return ", ".join(f"{one['fullname']} ({one['systemuserid']})" for one in users)


def give(client: DataverseClient, found: Standing, to: Holder) -> None:
    """Give the role, in the business unit of whoever gets it. Raises ``ConnectorError``.

    A role of the root business unit is there once more in every unit below, and users take that of their own.
    """
    id = found.role.id
    if to.unit != found.unit:
        which = f"_parentrootroleid_value eq {id} and _businessunitid_value eq {to.unit}"
        copies = rows(client, "roles", ("roleid",), which)
        if not copies:
            raise Misconfigured(
                "no-role-in-unit",
                f"The business unit of {to.name} has no role {found.role.name} yet; Dataverse makes it by itself, so "
                "try again in a minute.",
            )
        id = UUID(str(copies[0]["roleid"]))
    reference = {"@odata.id": f"{client.url}/api/data/v9.2/roles({id})"}
    client.send("POST", f"systemusers({to.id})/systemuserroles_association/$ref", reference)


def _id(row: Row, column: str) -> UUID | None:
    return UUID(str(row[column])) if row.get(column) else None
