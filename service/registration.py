"""Makes an environment ready: the command table, the service endpoint, and the steps that post events to it.

Everything goes through the Web API under ids chosen beforehand, so registering twice leaves things as they are and
says so.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

from connector.dataverse.client import DataverseClient
from service.registering.difference import Differs, Item, Standing, difference, table_item
from service.registering.reading import command_table, read
from service.registering.wanted import EventQueue


class Result(StrEnum):
    """What registering did about one thing."""

    MADE = "made"
    CHANGED = "changed"
    THERE = "already there"
    OFF = "there, but switched off"
    CHANGED_OFF = "changed, but switched off"
    LEFT = "not ours, left alone"


@dataclass(frozen=True, slots=True)
class Registered:
    """One thing that is registered now: what kind, its name, what had to be done for it, and what it differed in."""

    what: str
    name: str
    result: Result
    id: UUID | None = None
    table: str | None = None
    differed: tuple[Differs, ...] = ()
    note: str = ""


def register(client: DataverseClient, events: EventQueue, *, renew_key: bool = False) -> list[Registered]:
    """Make or complete everything but a solution; returns what was done about each thing, in order.

    The stored key can't be read back, so an existing endpoint keeps its key unless ``renew_key``. Raises
    ``ConnectorError``; what was made until then stays and is found by the next run.
    """
    return carry_out(client, difference(read(client, events.queue), events, renew_key=renew_key))


def register_command_table(client: DataverseClient) -> Registered:
    """Make the table commands are recorded in, or complete its columns."""
    (done,) = carry_out(client, [table_item(command_table(client), None)])
    return done


def carry_out(client: DataverseClient, items: Iterable[Item]) -> list[Registered]:
    """Write what the difference asks for, each thing created or changed and never both by accident."""
    return [_done(client, item) for item in items]


def _done(client: DataverseClient, item: Item) -> Registered:
    for write in item.writes:
        client.send(write.method, write.path, write.body, write.headers)
    match item.standing:
        case Standing.MISSING:
            result = Result.MADE
        case Standing.OFF:
            result = Result.CHANGED_OFF if item.writes else Result.OFF
        case Standing.STRANGER:
            result = Result.LEFT
        case _:
            result = Result.CHANGED if item.writes else Result.THERE
    return Registered(item.what, item.name, result, item.id, item.table, item.differs, item.note)
