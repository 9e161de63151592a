"""Marks backlog rows ready from the command line: the same command a message would carry, carried out in-process."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, cast
from uuid import UUID, uuid4

from connector.dataverse.changes import Create, Record
from connector.errors import Rejected
from handlers import command_record
from handlers.fixed_point import Settled, Unsettled
from handlers.plan import Plan, Refuse
from handlers.readiness import MOST_ROWS
from handlers.rows import row
from mappings.backlog import Backlog
from mappings.messages import MarkReady
from service.app import App

MOST_CONTRACTS = 500
"""What one command may name; ``MOST_ROWS`` is what it may mark."""


@dataclass(frozen=True, slots=True)
class Marked:
    """What came of one command. ``failure`` is a sentence when the command could not be carried out."""

    command: UUID
    backlog: Backlog
    rows: tuple[UUID, ...] = ()
    refused: Mapping[UUID, str] = field(default_factory=dict)
    failure: str | None = None


@dataclass(frozen=True, slots=True)
class Preview:
    """What a command would mark, and what it would refuse."""

    rows: tuple[UUID, ...]
    refused: Mapping[UUID, str]


def commands(
    backlog: Backlog, requested_by: str, *, rows: Sequence[UUID] = (), contracts: Sequence[UUID] = ()
) -> Iterator[MarkReady]:
    """As few commands as hold these rows, or whatever is open on these contracts; each under a fresh id."""
    for begin in range(0, len(rows), MOST_ROWS):
        part = tuple(rows[begin : begin + MOST_ROWS])
        yield MarkReady(command=uuid4(), requested_by=requested_by, backlog=backlog, rows=part)
    for begin in range(0, len(contracts), MOST_CONTRACTS):
        part = tuple(contracts[begin : begin + MOST_CONTRACTS])
        yield MarkReady(command=uuid4(), requested_by=requested_by, backlog=backlog, contracts=part)


def preview(app: App, command: MarkReady) -> Preview:
    """The first plan of the command, read and not committed. Raises ``ConnectorError`` when it would be refused."""
    handler = app.mission.readiness
    decision = handler.decide(command, handler.gather([command], app.dataverse)[command], {})
    if isinstance(decision, Refuse):
        raise Rejected(decision.code, decision.sentence)
    if not isinstance(decision, Plan) or not isinstance(record := decision.change_sets[0].changes[0], Create):
        raise TypeError("A command without a record begins by writing its selection down.")
    selected = command_record.selection_of(row(Record(record.row, "", record.values)))
    selection = cast(Mapping[str, Any], selected)
    return Preview(
        tuple(UUID(id) for id, _ in selection["rows"]), {UUID(id): why for id, why in selection["refused"].items()}
    )


def carry_out(app: App, command: MarkReady) -> Marked:
    """Mark, here and now."""
    match app.execute(command):
        case Settled(outcome=outcome):
            refused = cast(Mapping[str, str], outcome["refused"])
            return Marked(
                command.command,
                command.backlog,
                tuple(UUID(id) for id in cast(list[str], outcome["marked"])),
                {UUID(id): why for id, why in refused.items()},
            )
        case Unsettled(failure=failure):
            return Marked(command.command, command.backlog, failure=f"{failure.sentence} ({failure.code})")
