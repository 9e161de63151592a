"""Makes an environment ready: the command table, the service endpoint, and the steps that post events to it.

Everything goes through the Web API under ids chosen beforehand, so registering twice leaves things as they are and
says so. Names and values: the tables' public reference, and "Azure integration" on the endpoint's contract and format.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import cast
from urllib.parse import quote, urlsplit
from uuid import UUID, uuid5

from connector.dataverse.client import DataverseClient
from connector.errors import Misconfigured
from mappings import tables
from service import command_table

NAMESPACE = UUID("c2b1f6de-3f62-5a2b-9d53-0f9b54f5f0c4")
"""The name space of the ids below; changing it would register everything a second time."""

QUEUE_PERSISTENT = 6
JSON = 2
SAS_KEY = 2
NAMESPACE_ADDRESS = 2
NORMAL = 1
USER_ID = 2
POST_OPERATION = 40
ASYNCHRONOUS = 1
SERVER = 0
DISABLED = 1


class Result(StrEnum):
    """What registering did about one thing."""

    MADE = "made"
    CHANGED = "changed"
    THERE = "already there"
    OFF = "there, but switched off"


@dataclass(frozen=True, slots=True)
class Registered:
    """One thing that is registered now: what kind, its name, and what had to be done for it."""

    what: str
    name: str
    result: Result


@dataclass(frozen=True, slots=True)
class EventQueue:
    """Where Dataverse posts, and the key it signs with; the key's policy should allow sending to this queue only."""

    address: str
    """For example ``sb://fabrikam.servicebus.windows.net/``."""
    queue: str
    key_name: str
    key: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Watched:
    """A table whose updates are posted, and the columns of which one must be among the changed."""

    table: str
    columns: tuple[str, ...]


WATCHED = (
    Watched(tables.TIME_ENTRY, ("msdyn_entrystatus",)),
    Watched(tables.EXPENSE, ("msdyn_expensestatus",)),
    Watched(tables.APPROVAL, ("msdyn_recordstage", "msdyn_salesquantity", "msdyn_billingtype")),
)


def register(client: DataverseClient, events: EventQueue, *, renew_key: bool = False) -> list[Registered]:
    """Make or complete everything; returns what was done about each thing, in the order it was done.

    The stored key can't be read back, so an existing endpoint keeps its key unless ``renew_key``. Raises
    ``ConnectorError``; what was made until then stays and is found by the next run.
    """
    done = [register_command_table(client)]
    endpoint = _id("serviceendpoint")
    done.append(_endpoint(client, endpoint, events, renew_key))
    messages = _rows(client, "sdkmessages", "sdkmessageid", "name eq 'Update'")
    if not messages:
        raise Misconfigured("no-update-message", "This environment does not announce updates; is it Dataverse?")
    done += [_step(client, watched, endpoint, str(messages[0]["sdkmessageid"])) for watched in WATCHED]
    return done


def register_command_table(client: DataverseClient) -> Registered:
    """Make the table commands are recorded in, or complete its columns."""
    name = tables.COMMAND
    condition = quote(f"LogicalName eq '{name}'", safe="")
    found = _value(
        client,
        f"EntityDefinitions?$select=LogicalName&$filter={condition}&$expand=Attributes($select=LogicalName)",
    )
    if not found:
        client.send("POST", "EntityDefinitions", command_table.definition())
        return Registered("table", name, Result.MADE)
    there = {str(column["LogicalName"]) for column in cast(list[Mapping[str, object]], found[0]["Attributes"])}
    missing = [body for column, body in command_table.columns().items() if column not in there]
    for body in missing:
        client.send("POST", f"EntityDefinitions(LogicalName='{name}')/Attributes", body)
    return Registered("table", name, Result.CHANGED if missing else Result.THERE)


def _endpoint(client: DataverseClient, id: UUID, events: EventQueue, renew_key: bool) -> Registered:
    wanted: dict[str, object] = {
        "name": "PSA Connector",
        "contract": QUEUE_PERSISTENT,
        "connectionmode": NORMAL,
        "authtype": SAS_KEY,
        "saskeyname": events.key_name,
        "namespaceformat": NAMESPACE_ADDRESS,
        "namespaceaddress": events.address,
        "solutionnamespace": (urlsplit(events.address).hostname or "").partition(".")[0],
        "path": events.queue,
        "messageformat": JSON,
        "userclaim": USER_ID,
    }
    found = _rows(client, "serviceendpoints", ",".join(wanted), f"serviceendpointid eq {id}")
    there = found[0] if found else None
    same = there is not None and all(there.get(column) == value for column, value in wanted.items())
    if same and not renew_key:
        return Registered("service endpoint", events.queue, Result.THERE)
    # Whoever moves the endpoint elsewhere, or signs under another name, has another key as well.
    return _put(
        client, "serviceendpoints", id, wanted | {"saskey": events.key}, there, "service endpoint", events.queue
    )


def _step(client: DataverseClient, watched: Watched, endpoint: UUID, message: str) -> Registered:
    which = f"primaryobjecttypecode eq '{watched.table}' and _sdkmessageid_value eq {message}"
    filters = _rows(client, "sdkmessagefilters", "sdkmessagefilterid", which)
    if not filters:
        raise Misconfigured(
            "unknown-table", f"Updates of {watched.table} can't be watched; is Project Service Automation installed?"
        )
    plain: dict[str, object] = {
        "name": f"PSA Connector: Update of {watched.table}",
        "stage": POST_OPERATION,
        "mode": ASYNCHRONOUS,
        "rank": 1,
        "supporteddeployment": SERVER,
        "asyncautodelete": True,
        "filteringattributes": ",".join(watched.columns),
    }
    filter_id = str(filters[0]["sdkmessagefilterid"])
    tied = {
        "_eventhandler_value": str(endpoint),
        "_sdkmessageid_value": message,
        "_sdkmessagefilterid_value": filter_id,
    }
    bound = {
        "eventhandler_serviceendpoint@odata.bind": f"/serviceendpoints({endpoint})",
        "sdkmessageid@odata.bind": f"/sdkmessages({message})",
        "sdkmessagefilterid@odata.bind": f"/sdkmessagefilters({filter_id})",
    }
    id = _id(f"step/{watched.table}")
    columns = ",".join((*plain, *tied, "statecode"))
    found = _rows(client, "sdkmessageprocessingsteps", columns, f"sdkmessageprocessingstepid eq {id}")
    there = found[0] if found else None
    if there is not None and all(there.get(column) == value for column, value in (plain | tied).items()):
        result = Result.OFF if there.get("statecode") == DISABLED else Result.THERE
        return Registered("step", watched.table, result)
    return _put(client, "sdkmessageprocessingsteps", id, plain | bound, there, "step", watched.table)


def _put(
    client: DataverseClient,
    entity_set: str,
    id: UUID,
    values: Mapping[str, object],
    there: Mapping[str, object] | None,
    what: str,
    name: str,
) -> Registered:
    """Create the row under its id, or change it; never both by accident."""
    only = {"If-None-Match": "*"} if there is None else {"If-Match": "*"}
    client.send("PATCH", f"{entity_set}({id})", values, only)
    return Registered(what, name, Result.MADE if there is None else Result.CHANGED)


def _rows(client: DataverseClient, entity_set: str, columns: str, condition: str) -> list[Mapping[str, object]]:
    return _value(client, f"{entity_set}?$select={columns}&$filter={quote(condition, safe='')}")


def _value(client: DataverseClient, path: str) -> list[Mapping[str, object]]:
    answer = client.send("GET", path).json
    if not isinstance(answer, dict) or not isinstance(answer.get("value"), list):
        raise Misconfigured("unreadable-answer", f"{client.url} does not answer as Dataverse does.")
    return cast(list[Mapping[str, object]], answer["value"])


def _id(name: str) -> UUID:
    return uuid5(NAMESPACE, name)
