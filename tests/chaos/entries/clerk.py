"""The clerk: sends commands to mark and to invoice, and events once more."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from uuid import UUID, uuid4

from connector.inbox import Outgoing
from connector.outbox import send
from mappings.backlog import Backlog
from mappings.messages import CreateInvoices, MarkReady
from sandbox.world import COMMANDS, Sandbox
from service.local_world import CLERK


class Clerk:
    """Sits at the queue of commands."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox

    def mark(self, contracts: Iterable[UUID]) -> None:
        """All that may be invoiced of these contracts, in one command."""
        backlog, wanted = Backlog.TIME_AND_MATERIAL, tuple(contracts)
        self._send([MarkReady(command=uuid4(), requested_by=CLERK, backlog=backlog, contracts=wanted, confirmed=True)])

    def invoice(self, contracts: Iterable[UUID]) -> None:
        """A command for each contract."""
        self._send(
            [CreateInvoices(command=uuid4(), requested_by=CLERK, contract=one, confirmed=True) for one in contracts]
        )

    def _send(self, commands: Sequence[MarkReady | CreateInvoices]) -> None:
        bodies = [(str(one.command), one.model_dump_json(exclude_none=True).encode()) for one in commands]
        messages = [Outgoing(body, message_id) for message_id, body in bodies]
        asyncio.run(send(self._sandbox.servicebus, COMMANDS, *messages))
