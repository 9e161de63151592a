"""A local Service Bus for tests: one server, one inbox and one outbox on one loop, which tests borrow.

The SDK takes half a second to open anything and as long to close it, so both are opened once.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from datetime import timedelta
from typing import Any

from azure.servicebus import ServiceBusReceivedMessage, ServiceBusSubQueue

from connector.bus_connection import close_quietly, connect
from connector.inbox import Outgoing, Received
from connector.outbox import Outbox
from connector.servicebus import ServiceBusInbox
from sandbox.clock import Clock
from sandbox.servicebus import QueueSettings, ServiceBusServer, SharedKey
from sandbox.servicebus.sas import SEND

QUEUE = "work"
SETTINGS = QueueSettings(
    QUEUE, lock_duration=timedelta(seconds=30), max_delivery_count=60, duplicate_detection_window=timedelta(days=1)
)


class Bus:
    """A local Service Bus, an inbox and an outbox on its one queue, and its clock; all on one loop."""

    def __init__(self) -> None:
        self.runner = asyncio.Runner()
        self.id = "m0"
        """A message id that no other test uses: the queue remembers ids for a day."""
        self.clock = Clock()
        keys = [SharedKey("root", "key"), SharedKey("sender", "other", frozenset({SEND}), QUEUE)]
        self.server = ServiceBusServer([SETTINGS], keys, self.clock)
        self.runner.run(self.server.start())
        self.connection = self.server.connection_string("root")
        self.runner.run(self._open())

    async def _open(self) -> None:
        self.inbox = ServiceBusInbox(self.connection, QUEUE, now=self.clock.now)
        self.outbox = Outbox(self.connection, QUEUE)

    def run(self, scenario: Coroutine[Any, Any, None]) -> None:
        """Run one test's scenario."""
        self.runner.run(scenario)

    async def send(self, *messages: Outgoing) -> None:
        """Put messages into the queue."""
        await self.outbox.send(messages)

    async def one(self) -> Received:
        """Receive a message that is there."""
        [received] = await self.inbox.receive(1, 5)
        return received

    async def dead_letters(self, count: int) -> list[ServiceBusReceivedMessage]:
        """What was put aside."""
        client = connect(self.connection)
        receiver = client.get_queue_receiver(QUEUE, sub_queue=ServiceBusSubQueue.DEAD_LETTER)
        try:
            return await receiver.receive_messages(max_message_count=count, max_wait_time=5)
        finally:
            await close_quietly(receiver, client)

    async def empty(self) -> None:
        """Take out what a test left behind."""
        self.clock.advance(timedelta(minutes=10))
        while self.left():
            for received in await self.inbox.receive(100, 1):
                await self.inbox.complete(received)
        self.inbox.counts.clear()

    def left(self) -> int:
        """How many messages are still in the queue."""
        counts = self.server.counts(QUEUE)
        return counts.active + counts.locked + counts.scheduled

    async def _close(self) -> None:
        await self.inbox.close()
        await self.outbox.__aexit__()
        await self.server.stop()

    def close(self) -> None:
        """Close everything."""
        self.run(self._close())
        self.runner.close()
