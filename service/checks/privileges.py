"""Whether the user has every right the service needs, and deep enough.

A read that is not global is the dangerous one: rows of others are then not refused, they are just not there, and who
looks before creating finds nothing. ``RetrieveUserPrivileges`` would not tell: of what comes through teams it reports
only the basic depth; the message by names reports the true one.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote
from uuid import UUID

from connector.dataverse.client import DataverseClient
from service.checks.finding import Finding, Verdict
from service.checks.needed import ACT_FOR_OTHERS, NEEDED, not_used
from service.checks.schema import by_table, definitions
from service.roles.definition import DEPTHS, WORDS
from service.settings import Settings

AT_ONCE = 50
"""Names in one request, so that its address stays short."""
ROLE = (
    "Run `psa-connector role apply runtime --to USER` as somebody who may, or set it to *organization* in the security "
    "role of the application user; see docs/environment.md."
)


@dataclass(frozen=True, slots=True)
class Wanted:
    """A right on a table, and the privilege that gives it."""

    table: str
    right: str
    privilege: str


def privileges(client: DataverseClient, user: UUID, settings: Settings) -> Iterator[Finding]:
    """What is missing or too shallow, by table; one line where nothing is."""
    area = "privileges"
    wanted = list(_wanted(definitions(client, sorted(NEEDED)), settings))
    if not wanted:
        yield Finding(area, Verdict.FAILED, "Dataverse tells of no table which privileges guard it: nothing is known.")
        return
    others = [ACT_FOR_OTHERS] if settings.commands.acting == "user" else []
    held = depths(client, user, [*(one.privilege for one in wanted), *others])
    lacking = [(one.table, f"{one.right} ({one.privilege})") for one in wanted if one.privilege not in held]
    for table, missing in by_table(lacking).items():
        yield Finding(area, Verdict.WRONG, f"{table}: missing {', '.join(missing)}.", ROLE)
    shallow = [one for one in wanted if held.get(one.privilege, "Global") != "Global"]
    for one in shallow:
        consequence = (
            "rows of others are not there for it, and what is there already could be made a second time"
            if one.right == "Read"
            else "rows of others are refused"
        )
        depth = WORDS[held[one.privilege]]
        sentence = f"{one.table}: {one.privilege} reaches only *{depth}*: {consequence}."
        yield Finding(area, Verdict.WRONG, sentence, ROLE)
    for name in others:
        if name not in held:
            yield Finding(
                area,
                Verdict.WRONG,
                f"{name} is missing: a command that comes as a message can't be carried out as the person who asks.",
                "Give the application user the role Delegate, or set PSA_CONNECTOR_COMMANDS__ACTING=service with "
                "PSA_CONNECTOR_COMMANDS__ALLOWED.",
            )
    if not lacking and not shallow and all(name in held for name in others):
        yield Finding(area, Verdict.OK, f"All {len(wanted) + len(others)} privileges are held, for the organization.")


def shallow_reads(client: DataverseClient, user: UUID, names: Sequence[str]) -> list[str]:
    """Those of these tables of which the user does not read every row of the organization."""
    reads = {
        str(row["LogicalName"]): str(one["Name"])
        for row in definitions(client, sorted(names))
        for one in row["Privileges"] or ()
        if str(one["PrivilegeType"]) == "Read"
    }
    held = depths(client, user, list(reads.values()))
    return [name for name in names if held.get(reads.get(name, "")) != "Global"]


def depths(client: DataverseClient, user: UUID, names: Sequence[str]) -> Mapping[str, str]:
    """The depth of each of these privileges that the user holds, by whatever role or team."""
    found: dict[str, str] = {}
    for begin in range(0, len(names), AT_ONCE):
        asked = quote(json.dumps(names[begin : begin + AT_ONCE]), safe="")
        function = "Microsoft.Dynamics.CRM.RetrieveUserSetOfPrivilegesByNames(PrivilegeNames=@n)"
        answer = client.send("GET", f"systemusers({user})/{function}?@n={asked}").json
        rows = answer.get("RolePrivileges") if isinstance(answer, Mapping) else None
        for row in rows if isinstance(rows, list) else []:
            name, depth = str(row["PrivilegeName"]), str(row["Depth"])
            if depth in DEPTHS and DEPTHS.index(depth) >= DEPTHS.index(found.get(name, "Basic")):
                found[name] = depth
    return found


def _wanted(rows: Sequence[Mapping[str, Any]], settings: Settings) -> Iterator[Wanted]:
    """A table whose definition names no privilege of a kind is guarded by another's."""
    for row in rows:
        table = str(row["LogicalName"])
        offered = {str(one["PrivilegeType"]): str(one["Name"]) for one in row["Privileges"] or ()}
        for right in NEEDED[table].rights:
            if right in offered and not not_used(table, right, settings):
                yield Wanted(table, right, offered[right])
