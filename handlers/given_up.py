"""Writes down why a command to invoice a contract was given up, where nothing came of it and nobody else says so.

The attempt is withdrawn: the same command may be given again, and calls then. As it takes the attempt's place, a change
set of an earlier try that was never answered can't land any more.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from connector.dataverse.access import Dataverse
from connector.dataverse.changes import ChangeSet, Committed, Create, Update
from connector.dataverse.query import Query, any_of
from connector.errors import ConnectorError
from connector.settlement import DeadLetter
from handlers import command_record
from handlers.command_record import Kind, State
from handlers.fence import partition
from handlers.reading import ask
from handlers.replies import Ended
from mappings import keys, tables
from mappings.invoice_run import refused
from mappings.messages import CreateInvoices
from mappings.replies import Why
from mappings.row import Row

log = logging.getLogger(__name__)

GIVEN_UP = "given_up"
"""In the outcome of a withdrawn attempt: nobody is at it any more."""


@dataclass(frozen=True, slots=True)
class GivenUp:
    """Writes it down of messages that are put aside. They are put aside all the same where that can't be written."""

    dataverse: Dataverse

    def answer(self, ended: Sequence[Ended]) -> None:
        """Write down why commands to invoice are put aside."""
        why = {
            one.command: Why(code=one.settlement.code, sentence=one.settlement.sentence)
            for one in ended
            if isinstance(one.command, CreateInvoices) and isinstance(one.settlement, DeadLetter)
        }
        write_down(why, self.dataverse)


def write_down(
    given_up: Mapping[CreateInvoices, Why], dataverse: Dataverse, passing: Collection[CreateInvoices] = ()
) -> None:
    """Write down why commands were given up; an attempt that was made speaks for itself. Nothing is raised.

    ``passing``: those that may come to their end all the same, as their message or somebody else goes on with them.
    """
    if not given_up:
        return
    ids = {one: keys.attempt_id(one.contract, one.command) for one in given_up}
    try:
        (found,) = ask(
            dataverse,
            Query(tables.COMMAND, command_record.COLUMNS, any_of(f"{tables.COMMAND}id", sorted(ids.values()))),
        )
        known = {row.id: row for row in found}
        changes = {
            one: _change(one, why, known.get(ids[one]), is_over=one not in passing) for one, why in given_up.items()
        }
        wanted = [(one, change) for one, change in changes.items() if change is not None]
        outcomes = dataverse.commit([ChangeSet((change,), partition(one.contract)) for one, change in wanted])
    except ConnectorError as failure:
        log.warning("Why %d commands were given up could not be written down. %s", len(given_up), failure)
        return
    for (one, _), outcome in zip(wanted, outcomes, strict=True):
        if not isinstance(outcome, Committed):
            log.warning("%s: why it was given up could not be written down. %s", one, outcome)


def _change(command: CreateInvoices, why: Why, attempt: Row | None, *, is_over: bool) -> Create | Update | None:
    outcome: dict[str, object] = {"outcome": refused(why.code).value, "invoices": []}
    outcome |= {"code": why.code, "because": why.sentence} | ({GIVEN_UP: True} if is_over else {})
    if attempt is not None:
        is_withdrawn = command_record.state_of(attempt) is State.WITHDRAWN
        return command_record.turned(attempt, State.WITHDRAWN, outcome) if is_withdrawn else None
    return command_record.created(
        keys.attempt_id(command.contract, command.command),
        Kind.ATTEMPT,
        str(command.contract),
        command.requested_by,
        State.WITHDRAWN,
        outcome=outcome,
        name=command_record.attempt_name(command.command),
    )
