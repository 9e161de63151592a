"""Taking back what registering made: what is there of it, what would be lost with it, and what keeps it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote
from uuid import UUID

from connector.dataverse.client import DataverseClient
from connector.errors import Conflict, Misconfigured
from handlers.command_record import State
from mappings import tables
from service.pausing import HOLD_ID, paused_of
from service.registering.reading import Row, posting, rows, value
from service.registering.wanted import ENDPOINT, WATCHED

OPEN = (State.CALLING, State.CALLED, State.IN_DOUBT)
"""What a row of the command table says of an invoice that may have been made, or may yet be."""
COUNTING = {"Prefer": "odata.maxpagesize=1"}
"""Rows are counted by pages: `$top` is not to go with `$count` ("Query data using the Web API", Microsoft Learn)."""
MOST = 5000
"""A count goes no further."""
UNFINISHED = ("psac_commandid", "psac_name", "psac_subject", "psac_state", "psac_requestedby", "psac_selection")
NAMED = 20
"""Doubts that are told one by one."""


@dataclass(frozen=True, slots=True)
class Removed:
    """One thing that goes: its kind and name, the table of its row, its id, and the request that takes it away."""

    what: str
    name: str
    table: str | None
    id: UUID | None
    path: str
    kept_by: str | None = None
    """Rows of this entity set keep it while they say that an invoice is in doubt."""


@dataclass(frozen=True, slots=True)
class Removal:
    """Everything that would go, in order, what is lost with it, and why it may not."""

    going: Sequence[Removed]
    losses: Sequence[str]
    refusals: Sequence[str]


def removal(client: DataverseClient, queue: str, *, with_table: bool) -> Removal:
    """Look at everything; nothing is changed. Raises ``ConnectorError``."""
    endpoints, steps, _ = posting(client, queue)
    going: list[Removed] = []
    losses: list[str] = []
    refusals: list[str] = []
    ours = [watched for watched in WATCHED if watched.id in steps]
    for watched in ours:
        path = f"sdkmessageprocessingsteps({watched.id})"
        going.append(Removed("step", watched.table, "sdkmessageprocessingstep", watched.id, path))
    if ours:
        losses += _waiting(client, [watched.id for watched in ours])
    if ENDPOINT in endpoints:
        path = f"serviceendpoints({ENDPOINT})"
        name = str(endpoints[ENDPOINT].get("path"))
        going.append(Removed("service endpoint", name, "serviceendpoint", ENDPOINT, path))
    there = [steps[watched.id] for watched in ours] + [row for id, row in endpoints.items() if id == ENDPOINT]
    if any(row.get("ismanaged") for row in there):
        refusals.append(
            "It came with a managed solution: what belongs to one goes when the solution is deleted (Power Apps, "
            "Solutions), and not by itself."
        )
    refusals += _others(steps)
    if with_table:
        _table(client, going, losses, refusals)
    return Removal(going, losses, refusals)


def remove(client: DataverseClient, one: Removed) -> None:
    """Take one thing away. Raises ``ConnectorError``; ``Conflict`` where an invoice came to be in doubt meanwhile."""
    keep(client, one)
    client.send("DELETE", one.path)


def keep(client: DataverseClient, one: Removed) -> None:
    """Raise ``Conflict`` where an invoice is in doubt of which only this thing tells."""
    if one.kept_by is not None and (doubts := _doubts(client.url, _unfinished(client, one.kept_by))):
        raise Conflict("invoice-in-doubt", f"The table {one.name} is kept. {doubts[0]}")


def _others(steps: Mapping[UUID, Row]) -> list[str]:
    """Steps of others on our endpoint, which could not post any more."""
    ours = {watched.id for watched in WATCHED}
    return [
        f"The step {row.get('name')} ({id}) posts to the service endpoint too and is not ours; delete or move it first."
        for id, row in steps.items()
        if id not in ours and str(row.get("_eventhandler_value") or "").lower() == str(ENDPOINT)
    ]


def _waiting(client: DataverseClient, steps: Sequence[UUID]) -> list[str]:
    """Events that a step is still to post go with it."""
    of = " or ".join(f"_owningextensionid_value eq {id}" for id in steps)
    try:
        count = _count(client, "asyncoperations", "asyncoperationid", f"statecode ne 3 and ({of})")
    except Misconfigured:
        return ["Whether events wait to be posted can't be seen by this user; those that do are lost."]
    if not count:
        return []
    return [f"{_told(count)} events wait to be posted and are lost; `psa-connector reconcile` finds what they told of."]


def _table(client: DataverseClient, going: list[Removed], losses: list[str], refusals: list[str]) -> None:
    name = tables.COMMAND
    condition = quote(f"LogicalName eq '{name}'", safe="")
    found = value(client, f"EntityDefinitions?$select=LogicalName,EntitySetName,IsManaged&$filter={condition}")
    if not found:
        return
    if found[0].get("IsManaged"):
        refusals.append(f"The table {name} came with a managed solution; it goes when the solution is deleted.")
    entity_set = str(found[0]["EntitySetName"])
    going.append(Removed("table", name, None, None, f"EntityDefinitions(LogicalName='{name}')", entity_set))
    kept = _count(client, entity_set, "psac_commandid", None)
    losses.append(
        f"The table {name} holds {_told(kept)} rows: who asked for what, and what keeps a command from being carried "
        "out twice. They are gone with it; `psa-connector audit list --output json` shows them."
    )
    unfinished = _unfinished(client, entity_set)
    losses += _pauses(client, unfinished)
    refusals += _doubts(client.url, unfinished)


def _unfinished(client: DataverseClient, entity_set: str) -> list[Row]:
    """The rows that say that an invoice may have been made, and the one that says whether the services are paused."""
    unsure = " or ".join(f"psac_state eq '{state.value}'" for state in OPEN)
    return rows(client, entity_set, UNFINISHED, f"{unsure} or psac_commandid eq {HOLD_ID}")


def _pauses(client: DataverseClient, unfinished: Sequence[Row]) -> list[str]:
    """A pause that is on: it is a row of the table, too."""
    now = client.far_now()
    on = [
        paused_of(row.get("psac_requestedby"), row.get("psac_selection"), now)
        for row in unfinished
        if row["psac_state"] == State.HELD and _holds(row)
    ]
    return [
        f"The services are paused, and nothing holds them once the table is gone. {one.sentence} (asked by {one.by})"
        for one in on
        if not one.is_over(now)
    ]


def _doubts(url: str, unfinished: Sequence[Row]) -> list[str]:
    """Invoices that may have been made, the first of them each in a sentence."""
    found = [row for row in unfinished if not _holds(row)]
    more = [f"{len(found) - NAMED} more rows say so of others."] if len(found) > NAMED else []
    return [_doubt(url, row) for row in found[:NAMED]] + more


def _holds(row: Row) -> bool:
    """Whether this is the row that pauses the services."""
    return UUID(str(row["psac_commandid"])) == HOLD_ID


def _doubt(url: str, row: Row) -> str:
    link = f"{url}/main.aspx?pagetype=entityrecord&etn={tables.COMMAND}&id={row['psac_commandid']}"
    return (
        f"{row.get('psac_name')} for {row.get('psac_subject')} is {row.get('psac_state')}: whether an invoice was made "
        f"is not known, and only this row says so. See `psa-connector invoice resolve`. {link}"
    )


def _count(client: DataverseClient, entity_set: str, column: str, condition: str | None) -> int:
    """How many rows meet a condition, as far as Dataverse counts."""
    query = f"$select={column}&$count=true" + (f"&$filter={quote(condition, safe='')}" if condition else "")
    answer: Any = client.send("GET", f"{entity_set}?{query}", headers=COUNTING).json
    try:
        count, seen = int(answer["@odata.count"]), len(answer["value"])
    except (KeyError, TypeError, ValueError) as error:
        raise Misconfigured("unreadable-answer", f"{client.url} does not answer as Dataverse does.") from error
    if count < seen:
        raise Misconfigured("unreadable-answer", f"{client.url} counts {count} rows of {entity_set} and shows {seen}.")
    return count


def _told(count: int) -> str:
    return f"{MOST} or more" if count >= MOST else str(count)
