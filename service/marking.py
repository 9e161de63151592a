"""Marks backlog rows ready from the command line: the same command a message would carry, carried out in-process."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import cast
from uuid import UUID, uuid4

from handlers.fixed_point import Settled, Unsettled
from mappings.backlog import Backlog
from mappings.messages import MarkReady
from service.app import App

MOST_CONTRACTS = 500
MOST_ROWS = 5000
"""What one command may name."""


@dataclass(frozen=True, slots=True)
class Marked:
    """What came of one command. ``failure`` is a sentence when the command could not be carried out."""

    command: UUID
    backlog: Backlog
    rows: tuple[UUID, ...] = ()
    refused: Mapping[UUID, str] = field(default_factory=dict)
    failure: str | None = None


def mark_contracts(app: App, backlog: Backlog, contracts: Sequence[UUID], requested_by: str) -> Iterator[Marked]:
    """Mark whatever is open on these contracts, in as few commands as hold them."""
    for begin in range(0, len(contracts), MOST_CONTRACTS):
        part = tuple(contracts[begin : begin + MOST_CONTRACTS])
        command = MarkReady(command=uuid4(), requested_by=requested_by, backlog=backlog, contracts=part)
        yield _carried_out(app, command)


def mark_rows(app: App, backlog: Backlog, rows: Sequence[UUID], requested_by: str) -> Iterator[Marked]:
    """Mark exactly these rows."""
    for begin in range(0, len(rows), MOST_ROWS):
        part = tuple(rows[begin : begin + MOST_ROWS])
        yield _carried_out(app, MarkReady(command=uuid4(), requested_by=requested_by, backlog=backlog, rows=part))


def _carried_out(app: App, command: MarkReady) -> Marked:
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
