"""What the billing clerk does in the demo: commands sent as messages, and the outcomes read from their records."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from uuid import UUID, uuid4

from connector.dataverse.access import Reader
from connector.dataverse.query import Query, any_of
from connector.inbox import Outgoing
from connector.outbox import send
from handlers import command_record
from handlers.command_record import State
from handlers.reading import ask
from mappings import keys, tables
from mappings.backlog import Backlog
from mappings.messages import CreateInvoices, MarkReady
from service.demo.patience import Patience
from service.local_world import CLERK


def to_mark(contracts: Iterable[UUID]) -> list[MarkReady]:
    """Mark all three backlogs of these contracts ready."""
    named = tuple(contracts)
    return [MarkReady(command=uuid4(), requested_by=CLERK, backlog=backlog, contracts=named) for backlog in Backlog]


def to_invoice(contracts: Iterable[UUID]) -> list[CreateInvoices]:
    """Create the invoice of each contract."""
    return [CreateInvoices(command=uuid4(), requested_by=CLERK, contract=contract) for contract in contracts]


def give(connection_string: str, queue: str, commands: Sequence[MarkReady | CreateInvoices]) -> None:
    """Send commands as messages, each under its own id."""
    messages = [Outgoing(one.model_dump_json().encode(), str(one.command)) for one in commands]
    asyncio.run(send(connection_string, queue, *messages))


def outcomes(
    dataverse: Reader, commands: Sequence[MarkReady | CreateInvoices], patience: Patience
) -> list[Mapping[str, object]]:
    """Wait until every command's record says that it is done; what came of each, in order."""
    ids = [_record(command) for command in commands]
    found: dict[UUID, Mapping[str, object]] = {}

    def all_done() -> bool:
        (records,) = ask(dataverse, Query(tables.COMMAND, command_record.COLUMNS, any_of(f"{tables.COMMAND}id", ids)))
        for record in records:
            if command_record.state_of(record) is State.DONE:
                found[record.id] = command_record.outcome_of(record)
        return len(found) == len(ids)

    patience.until(f"The outcome of {len(ids)} commands", all_done)
    return [found[id] for id in ids]


def _record(command: MarkReady | CreateInvoices) -> UUID:
    if isinstance(command, MarkReady):
        return keys.command_row_id(command.command)
    return keys.attempt_id(command.contract, command.command)
