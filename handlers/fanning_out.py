"""Sends the commands of a run that came as a message: one for each of its contracts, before the message is ended.

Their ids follow from the run and the contract, so sending them again does no harm. After them goes a message that has
somebody look whether the run has come to its end.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import cast
from uuid import UUID

from connector.inbox import Outgoing
from connector.settlement import Complete
from handlers.replies import Ended, Send
from mappings.invoice_run import command
from mappings.messages import CreateManyInvoices, LookAtRun


@dataclass(frozen=True, slots=True)
class FanningOut:
    """``commands``: the queue that commands are received from."""

    send: Send
    commands: str

    def answer(self, ended: Sequence[Ended]) -> None:
        """Send the commands of the runs among these. Raises ``ConnectorError``."""
        messages = [
            message
            for one in ended
            if isinstance(one.command, CreateManyInvoices) and isinstance(one.settlement, Complete)
            for message in _commands(one.command, one.outcome)
        ]
        if messages:
            self.send(self.commands, messages)


def _commands(run: CreateManyInvoices, outcome: Mapping[str, object]) -> list[Outgoing]:
    if run.dry_run:
        return []
    contracts = [UUID(id) for id in cast(Sequence[str], outcome["contracts"])]
    each = [
        command(run.command, id, run.requested_by, correlation=run.correlation, confirmed=run.confirmed)
        for id in contracts
    ]
    return [
        *(
            Outgoing(one.model_dump_json(exclude_none=True).encode(), str(one.command), correlation_id=one.correlation)
            for one in each
        ),
        Outgoing(LookAtRun(run=run.command).model_dump_json().encode(), f"{run.command}/end"),
    ]
