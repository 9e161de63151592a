"""What is refused where processing steps, their images and service endpoints are registered.

Which property an image is taken of depends on the message; its code is shown publicly, those of the others are
inferred. Steps and endpoints are solution components: where unmanaged customizations are blocked they are neither made
nor changed, while switching one on or off and giving it to another owner stay allowed (Microsoft Learn, "Block
unmanaged customizations in Dataverse").
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final
from uuid import UUID

from sandbox.dataverse.bulk_tables import no_step_on_bulk
from sandbox.dataverse.refusals import no_unmanaged, unsupported
from sandbox.dataverse.switches import Switches
from sandbox.dataverse.transaction import Transaction
from sandbox.dataverse.unit_of_work import ActionBinding, Cell, Link, Refused, Row, UnitOfWork

Guard = Callable[[Transaction, UUID | None, Mapping[str, Cell]], None]
STEP: Final = "sdkmessageprocessingstep"
IMAGE: Final = "sdkmessageprocessingstepimage"
ENDPOINT: Final = "serviceendpoint"
ALLOWED: Final = frozenset({"statecode", "statuscode", "ownerid"})
"""What may be changed although unmanaged customizations are blocked."""
BUS: Final = frozenset({2, 5, 6})
"""The contracts of endpoints on a service bus: queue, topic, persistent queue."""
NEEDED_BY_BUS: Final = ("path", "solutionnamespace", "connectionmode", "userclaim")
_POST_OPERATION, _ASYNCHRONOUS = 40, 1
_PRE, _POST, _BOTH = 0, 1, 2
_SNAPSHOTS: Final = {"Create": {_POST}, "Update": {_PRE, _POST, _BOTH}, "Delete": {_PRE}}
"""Which images a message has: a row that is made has none before, one that is deleted none after."""


def guards(switches: Switches) -> dict[str, Guard]:
    """What is asked before a registration is written, by table."""

    def unmanaged(_work: Transaction, id: UUID | None, values: Mapping[str, Cell]) -> None:
        if switches.block_unmanaged_customizations and (id is None or set(values) - ALLOWED):
            raise no_unmanaged()

    return {
        STEP: _all(unmanaged, no_step_on_bulk, _step),
        IMAGE: _all(unmanaged, _image),
        ENDPOINT: _all(unmanaged, _endpoint),
    }


def _all(*guards: Guard) -> Guard:
    def ask(work: Transaction, id: UUID | None, values: Mapping[str, Cell]) -> None:
        for guard in guards:
            guard(work, id, values)

    return ask


def _endpoint(work: Transaction, id: UUID | None, values: Mapping[str, Cell]) -> None:
    row = _after(work, ENDPOINT, id, values)
    for name in ("name", "contract") + (NEEDED_BY_BUS if row.get("contract") in BUS else ()):
        if row.get(name) is None:
            raise Refused(f"Required field '{name}' is missing.", "0x80040203")


def _check(_work: UnitOfWork, _bound: UUID | None, _given: Mapping[str, object]) -> Link | None:
    raise unsupported("TriggerServiceEndpointCheck; change a row that a step hears of instead")


ACTIONS: Final = (ActionBinding("TriggerServiceEndpointCheck", None, _check),)


def _step(work: Transaction, id: UUID | None, values: Mapping[str, Cell]) -> None:
    row = _after(work, STEP, id, values)
    if not isinstance(row.get("sdkmessageid"), Link):
        raise Refused("Required field 'sdkmessageid' is missing.", "0x80040203")
    handler = row.get("eventhandler")
    if not isinstance(handler, Link):
        raise Refused("Required field 'eventhandler' is missing.", "0x80040203")
    if handler.table != ENDPOINT:
        raise unsupported(f"processing steps handled by a {handler.table}; only posts to service endpoints are made")
    if row.get("mode") == _ASYNCHRONOUS and row.get("stage") != _POST_OPERATION:
        raise Refused("Only steps of the post-operation stage (40) can be asynchronous.", "0x80040203")
    if row.get("stage") != _POST_OPERATION:
        raise unsupported("posts to service endpoints from other stages than post-operation (40)")


def _image(work: Transaction, id: UUID | None, values: Mapping[str, Cell]) -> None:
    row = _after(work, IMAGE, id, values)
    message = _message(work, row)
    if message not in _SNAPSHOTS:
        return
    name, wanted = row.get("messagepropertyname"), "Id" if message == "Create" else "Target"
    if not isinstance(name, str):
        raise Refused("Required field 'messagepropertyname' is missing.", "0x80040203")
    if name.lower() != wanted.lower():
        raise Refused(f"Message property name '{name}' is not valid on message {message}.", "0x8004416b")
    if row.get("imagetype") not in _SNAPSHOTS[message]:
        raise Refused(f"Image type {row.get('imagetype')} is not valid on message {message}.", "0x80040203")


def _message(work: Transaction, image: Row) -> str | None:
    """The name of the message an image's step is registered on."""
    row: Row | None = image
    for column in ("sdkmessageprocessingstepid", "sdkmessageid"):
        link = None if row is None else row.get(column)
        row = work.get(link.table, link.id) if isinstance(link, Link) else None
    name = None if row is None else row.get("name")
    return name if isinstance(name, str) else None


def _after(work: Transaction, table: str, id: UUID | None, values: Mapping[str, Cell]) -> Row:
    """The row as it will be."""
    return ((work.get(table, id) if id else None) or {}) | dict(values)
