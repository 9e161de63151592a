"""What registering would have to do: what was read held against what is wanted. Pure; nothing is written."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from uuid import UUID

from mappings import tables
from service import command_table
from service.registering.reading import Found, InSolution, Row
from service.registering.wanted import (
    DISABLED,
    ENDPOINT,
    ENDPOINT_COMPONENT,
    OPTION_VALUES,
    PREFIX,
    PUBLISHER,
    STEP_COMPONENT,
    TABLE_COMPONENT,
    VERSION,
    WATCHED,
    EventQueue,
    Watched,
    address_of,
    chosen,
    endpoint_values,
    same,
    step_values,
)

KEY, STATE, SOLUTION, HANDED = "key", "state", "solution", "the sender's"
TIES = {
    "_eventhandler_value": "service endpoint",
    "_sdkmessageid_value": "message",
    "_sdkmessagefilterid_value": "table",
}


class Standing(StrEnum):
    """How one thing stands."""

    MISSING = "missing"
    DIFFERS = "differs"
    THERE = "already there"
    OFF = "there, but switched off"
    STRANGER = "not ours"
    """It posts to the same queue, or hangs on what is ours, and was made by somebody else; it is left alone."""


@dataclass(frozen=True, slots=True)
class Differs:
    """One column that is other than wanted, in words; a key is never among them, only that it can't be known."""

    what: str
    there: str
    wanted: str

    def __str__(self) -> str:
        return f"{self.what}: {self.there} -> {self.wanted}"


@dataclass(frozen=True, slots=True)
class Write:
    """One request that brings it about."""

    method: str
    path: str
    body: Mapping[str, object] = field(repr=False)
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Item:
    """One thing: its kind and name, how it stands, in what it differs, and the writes that mend it."""

    what: str
    name: str
    id: UUID | None
    standing: Standing
    differs: tuple[Differs, ...] = ()
    writes: tuple[Write, ...] = ()
    table: str | None = None
    """The table of the row, for a link to it."""
    note: str = ""

    @property
    def changes(self) -> bool:
        """Whether something that is there already would be other afterwards, in more than what was asked for by name:
        a key handed over, or a step switched on."""
        rewritten = any("If-Match" in write.headers for write in self.writes)
        return rewritten and any(one.what not in (KEY, STATE, SOLUTION) for one in self.differs)


def difference(found: Found, events: EventQueue, *, renew_key: bool = False, switch_on: bool = False) -> list[Item]:
    """Everything in the order in which it has to be made; what is not ours comes last."""
    items = list(_solution(found.solution)) if found.solution else []
    items.append(table_item(found.table, found.solution))
    items.append(_endpoint(found, events, renew_key))
    items += [_step(found, watched, switch_on) for watched in WATCHED]
    items += strangers(found.endpoints, found.steps, found.images, events)
    return items


def _solution(solution: InSolution) -> Iterator[Item]:
    if solution.row is not None:
        note = "It was imported as managed; nothing is added to it." if solution.managed else ""
        id = UUID(str(solution.row["solutionid"]))
        yield Item("solution", solution.name, id, Standing.THERE, table="solution", note=note)
        return
    owner = solution.publisher or chosen("publisher")
    if solution.publisher is None:
        body = {
            "publisherid": str(owner),
            "uniquename": PUBLISHER,
            "friendlyname": "PSA Connector",
            "customizationprefix": PREFIX,
            "customizationoptionvalueprefix": OPTION_VALUES,
        }
        write = Write("POST", "publishers", body)
        yield Item("publisher", PUBLISHER, owner, Standing.MISSING, writes=(write,), table="publisher")
    id = chosen(f"solution/{solution.name}")
    named: dict[str, object] = {"solutionid": str(id), "uniquename": solution.name, "friendlyname": solution.name}
    owned = {"version": VERSION, "publisherid@odata.bind": f"/publishers({owner})"}
    write = Write("POST", "solutions", named | owned)
    yield Item("solution", solution.name, id, Standing.MISSING, writes=(write,), table="solution")


def table_item(found: Row | None, solution: InSolution | None) -> Item:
    """The command table, with the columns it lacks."""
    name = tables.COMMAND
    into = _into(solution)
    if found is None:
        made = Write("POST", "EntityDefinitions", command_table.definition(), into)
        return Item("table", name, None, Standing.MISSING, writes=(made,))
    there = {str(column["LogicalName"]) for column in found["Attributes"]}
    missing = {column: body for column, body in command_table.columns().items() if column not in there}
    path = f"EntityDefinitions(LogicalName='{name}')/Attributes"
    differs = [Differs(column, "missing", "a column") for column in missing]
    writes = [Write("POST", path, body, into) for body in missing.values()]
    id = UUID(str(found["MetadataId"])) if found.get("MetadataId") else None
    return _known("table", name, id, None, differs, writes, solution, TABLE_COMPONENT)


def _endpoint(found: Found, events: EventQueue, renew_key: bool) -> Item:
    wanted, there = endpoint_values(events), found.endpoint
    into = _into(found.solution)
    path, body = f"serviceendpoints({ENDPOINT})", dict(wanted) | {"saskey": events.key}
    what, name, table = "service endpoint", events.queue, "serviceendpoint"
    if there is None:
        made = Write("PATCH", path, body, {"If-None-Match": "*", **into})
        return Item(what, name, ENDPOINT, Standing.MISSING, writes=(made,), table=table)
    differs = [
        Differs(column, _word(there.get(column)), _word(value))
        for column, value in wanted.items()
        if not same(column, there.get(column), value)
    ]
    if there.get("issaskeyset") is False:
        differs.append(Differs(KEY, "none is set", HANDED))
    elif differs or renew_key:
        # Whoever moves the endpoint elsewhere, or signs under another name, has another key as well.
        differs.append(Differs(KEY, "it can't be read back", HANDED))
    writes = [Write("PATCH", path, body, {"If-Match": "*"})] if differs else []
    return _known(what, name, ENDPOINT, table, differs, writes, found.solution, ENDPOINT_COMPONENT)


def _step(found: Found, watched: Watched, switch_on: bool) -> Item:
    message, filter_id = found.messages[watched.table]
    plain = step_values(watched)
    tied = {
        "_eventhandler_value": str(ENDPOINT),
        "_sdkmessageid_value": str(message),
        "_sdkmessagefilterid_value": str(filter_id),
    }
    body = dict(plain) | {
        "eventhandler_serviceendpoint@odata.bind": f"/serviceendpoints({ENDPOINT})",
        "sdkmessageid@odata.bind": f"/sdkmessages({message})",
        "sdkmessagefilterid@odata.bind": f"/sdkmessagefilters({filter_id})",
    }
    path, table = f"sdkmessageprocessingsteps({watched.id})", "sdkmessageprocessingstep"
    there = found.steps.get(watched.id)
    if there is None:
        made = Write("PATCH", path, body, {"If-None-Match": "*", **_into(found.solution)})
        return Item("step", watched.table, watched.id, Standing.MISSING, writes=(made,), table=table)
    differs = step_differs(there, watched)
    differs += [
        Differs(word, _word(there.get(column)), _word(tied[column]))
        for column, word in TIES.items()
        if str(there.get(column) or "").lower() != tied[column]
    ]
    writes = [Write("PATCH", path, body, {"If-Match": "*"})] if differs else []
    if is_off(there) and switch_on:
        differs.append(Differs(STATE, "switched off", "switched on"))
        writes.append(Write("PATCH", path, {"statecode": 0, "statuscode": 1}, {"If-Match": "*"}))
    item = _known("step", watched.table, watched.id, table, differs, writes, found.solution, STEP_COMPONENT)
    if is_off(there) and not switch_on:
        note = "Its events are not posted until it is switched on: --switch-on."
        return Item(item.what, item.name, item.id, Standing.OFF, item.differs, item.writes, item.table, note)
    return item


def step_differs(there: Row, watched: Watched) -> list[Differs]:
    """In which columns of its own a step is other than wanted."""
    wanted = step_values(watched)
    return [
        Differs(column, _word(there.get(column)), _word(value))
        for column, value in wanted.items()
        if not same(column, there.get(column), value)
    ]


def is_off(step: Row) -> bool:
    """Whether a step posts nothing because it is disabled."""
    return step.get("statecode") == DISABLED


def strangers(
    endpoints: Mapping[UUID, Row], steps: Mapping[UUID, Row], images: object, events: EventQueue
) -> Iterator[Item]:
    """What others registered on the same queue, or on what is ours: each posts or carries something more."""
    same_queue = {
        id
        for id, row in endpoints.items()
        if id == ENDPOINT
        or (row.get("path") == events.queue and address_of(row.get("namespaceaddress")) == address_of(events.address))
    }
    ours = {watched.id: watched for watched in WATCHED}
    for id in sorted(same_queue - {ENDPOINT}):
        note = "It posts to the same queue under another id; what comes twice is done once, and costs twice."
        yield Item(
            "service endpoint", str(endpoints[id].get("name")), id, Standing.STRANGER, (), (), "serviceendpoint", note
        )
    for id, row in steps.items():
        handler = row.get("_eventhandler_value")
        if id in ours or handler is None or UUID(str(handler)) not in same_queue:
            continue
        note = "It posts to the same queue; what this service does not know there is dead-lettered."
        yield Item("step", str(row.get("name")), id, Standing.STRANGER, (), (), "sdkmessageprocessingstep", note)
    for image in images if isinstance(images, list) else []:
        step = UUID(str(image["_sdkmessageprocessingstepid_value"]))
        if step in ours:
            note = f"It hangs on {ours[step].name}; nobody reads it, and it makes every message longer."
            id = UUID(str(image["sdkmessageprocessingstepimageid"]))
            table = "sdkmessageprocessingstepimage"
            yield Item("image", str(image.get("name")), id, Standing.STRANGER, (), (), table, note)


def _known(
    what: str,
    name: str,
    id: UUID | None,
    table: str | None,
    differs: list[Differs],
    writes: list[Write],
    solution: InSolution | None,
    component: int,
) -> Item:
    """Something that is there, which may have to be added to the solution as well."""
    if solution is not None and not solution.managed and id is not None and id not in solution.components:
        body = {
            "ComponentId": str(id),
            "ComponentType": component,
            "SolutionUniqueName": solution.name,
            "AddRequiredComponents": False,
        }
        differs = [*differs, Differs(SOLUTION, "not in it", solution.name)]
        writes = [*writes, Write("POST", "AddSolutionComponent", body)]
    standing = Standing.DIFFERS if writes else Standing.THERE
    return Item(what, name, id, standing, tuple(differs), tuple(writes), table)


def _into(solution: InSolution | None) -> Mapping[str, str]:
    """The header that lets what is made belong to the solution."""
    return {} if solution is None or solution.managed else {"MSCRM.SolutionUniqueName": solution.name}


def _word(value: object) -> str:
    return "empty" if value is None else str(value)
