"""What an environment has of what registering makes, and what else posts to the same queue: read only."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast
from urllib.parse import quote
from uuid import UUID

from connector.dataverse.client import DataverseClient
from connector.errors import Misconfigured
from mappings import tables
from service.registering.wanted import ENDPOINT, PUBLISHER, WATCHED

Row = Mapping[str, Any]
ENDPOINT_COLUMNS = (
    "serviceendpointid",
    "name",
    "contract",
    "connectionmode",
    "authtype",
    "saskeyname",
    "namespaceformat",
    "namespaceaddress",
    "solutionnamespace",
    "path",
    "messageformat",
    "userclaim",
    "issaskeyset",
    "ismanaged",
)
STEP_COLUMNS = (
    "sdkmessageprocessingstepid",
    "name",
    "stage",
    "mode",
    "rank",
    "supporteddeployment",
    "asyncautodelete",
    "filteringattributes",
    "_eventhandler_value",
    "_sdkmessageid_value",
    "_sdkmessagefilterid_value",
    "statecode",
    "ismanaged",
)
IMAGE_COLUMNS = ("sdkmessageprocessingstepimageid", "name", "attributes", "_sdkmessageprocessingstepid_value")


@dataclass(frozen=True, slots=True)
class InSolution:
    """The solution as it is: its row and its publisher's, ``None`` where missing, and the ids of its components."""

    name: str
    row: Row | None
    publisher: UUID | None
    components: frozenset[UUID]

    @property
    def managed(self) -> bool:
        """Whether it was imported as managed, so that nothing can be added to it."""
        return bool(self.row and self.row.get("ismanaged"))


@dataclass(frozen=True, slots=True)
class Found:
    """Everything that was read. ``endpoints`` and ``steps`` hold ours and those that post to the same queue, by id."""

    url: str
    table: Row | None
    endpoints: Mapping[UUID, Row]
    steps: Mapping[UUID, Row]
    images: Sequence[Row]
    messages: Mapping[str, tuple[UUID, UUID]]
    """By watched table: the message *Update* and the filter for that table."""
    solution: InSolution | None

    @property
    def endpoint(self) -> Row | None:
        """Ours."""
        return self.endpoints.get(ENDPOINT)


def read(client: DataverseClient, queue: str, solution: str | None = None) -> Found:
    """Look at everything. Raises ``ConnectorError``; ``Misconfigured`` where a watched table is not announced."""
    table = command_table(client)
    endpoints, steps, images = posting(client, queue)
    messages = _messages(client)
    for watched in WATCHED:
        if watched.table not in messages:
            raise Misconfigured(
                "unknown-table",
                f"Updates of {watched.table} can't be watched; is Project Service Automation installed?",
            )
    within = None if solution is None else solution_named(client, solution)
    return Found(client.url, table, endpoints, steps, images, messages, within)


def posting(client: DataverseClient, queue: str) -> tuple[Mapping[UUID, Row], Mapping[UUID, Row], Sequence[Row]]:
    """Our endpoint and steps, those of others that may post to a queue of this name, and the images of these steps."""
    name = queue.replace("'", "''")
    endpoints = by_id(
        rows(client, "serviceendpoints", ENDPOINT_COLUMNS, f"serviceendpointid eq {ENDPOINT} or path eq '{name}'"),
        "serviceendpointid",
    )
    handlers = (f"_eventhandler_value eq {id}" for id in dict.fromkeys((ENDPOINT, *endpoints)))
    ours = (f"sdkmessageprocessingstepid eq {watched.id}" for watched in WATCHED)
    steps = by_id(
        rows(client, "sdkmessageprocessingsteps", STEP_COLUMNS, " or ".join((*ours, *handlers))),
        "sdkmessageprocessingstepid",
    )
    of = " or ".join(f"_sdkmessageprocessingstepid_value eq {id}" for id in steps)
    images = rows(client, "sdkmessageprocessingstepimages", IMAGE_COLUMNS, of) if of else []
    return endpoints, steps, images


def command_table(client: DataverseClient) -> Row | None:
    """The definition of the command table with the names of its columns, if it is there."""
    condition = quote(f"LogicalName eq '{tables.COMMAND}'", safe="")
    path = (
        f"EntityDefinitions?$select=LogicalName,MetadataId&$filter={condition}&$expand=Attributes($select=LogicalName)"
    )
    found = value(client, path)
    return found[0] if found else None


def solution_named(client: DataverseClient, name: str) -> InSolution:
    """A solution, and what belongs to it; where there is none, the publisher that would own it."""
    said = name.replace("'", "''")
    found = rows(client, "solutions", ("solutionid", "uniquename", "ismanaged", "version"), f"uniquename eq '{said}'")
    if found:
        which = f"_solutionid_value eq {found[0]['solutionid']}"
        components = rows(client, "solutioncomponents", ("objectid",), which)
        return InSolution(name, found[0], None, frozenset(UUID(str(one["objectid"])) for one in components))
    owners = rows(client, "publishers", ("publisherid",), f"uniquename eq '{PUBLISHER}'")
    return InSolution(name, None, UUID(str(owners[0]["publisherid"])) if owners else None, frozenset())


def rows(client: DataverseClient, entity_set: str, columns: Iterable[str], condition: str) -> list[Row]:
    """The rows that meet a condition, a page of them at most: there are never many."""
    return value(client, f"{entity_set}?$select={','.join(columns)}&$filter={quote(condition, safe='')}")


def value(client: DataverseClient, path: str) -> list[Row]:
    """The list that an answer holds. Raises ``ConnectorError``."""
    answer = client.send("GET", path).json
    if not isinstance(answer, dict) or not isinstance(answer.get("value"), list):
        raise Misconfigured("unreadable-answer", f"{client.url} does not answer as Dataverse does.")
    return cast(list[Row], answer["value"])


def by_id(found: Iterable[Row], column: str) -> Mapping[UUID, Row]:
    """Rows by their id."""
    return {UUID(str(row[column])): row for row in found}


def _messages(client: DataverseClient) -> Mapping[str, tuple[UUID, UUID]]:
    watched = " or ".join(f"primaryobjecttypecode eq '{one.table}'" for one in WATCHED)
    columns = ("sdkmessagefilterid", "primaryobjecttypecode", "_sdkmessageid_value")
    found = rows(client, "sdkmessagefilters", columns, f"sdkmessageid/name eq 'Update' and ({watched})")
    return {
        str(row["primaryobjecttypecode"]): (UUID(str(row["_sdkmessageid_value"])), UUID(str(row["sdkmessagefilterid"])))
        for row in found
    }
