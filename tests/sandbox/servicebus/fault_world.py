"""A Service Bus whose faults are planned with JSON, and the unmodified SDK that meets them, on one loop."""

from __future__ import annotations

import asyncio
import gc
import warnings
from collections.abc import Coroutine, Sequence
from datetime import timedelta
from typing import Any

from azure.servicebus import ServiceBusMessage, ServiceBusReceivedMessage
from azure.servicebus.aio import ServiceBusClient, ServiceBusReceiver, ServiceBusSender

from sandbox.clock import Clock
from sandbox.faults import Faults
from sandbox.faults_http import FaultPlans
from sandbox.servicebus import QueueSettings, ServiceBusServer, SharedKey

PATIENCE = 0.5
"""Seconds the SDK waits for the confirmation of a settlement, of the sixty it waits by default."""


class Line:
    """A queue of its own, with a sender and a receiver, which the SDK opens anew where a fault closed them."""

    sender: ServiceBusSender
    receiver: ServiceBusReceiver

    def __init__(self, world: World, name: str) -> None:
        self.world = world
        self.name = name

    async def open(self) -> None:
        client = self.world.client
        self.sender, self.receiver = (
            client.get_queue_sender(self.name),
            client.get_queue_receiver(self.name, timeout=PATIENCE),
        )
        await asyncio.gather(self.sender.__aenter__(), self.receiver.__aenter__())

    def plan(self, fault: str, operation: str | None = None, **arguments: Any) -> None:
        """Plan a fault for this queue."""
        wanted = {"fault": fault, "entity": self.name.upper(), **arguments}
        self.world.plans.plan(wanted if operation is None else {**wanted, "operation": operation})

    async def send(self, *names: str) -> None:
        await self.sender.send_messages([ServiceBusMessage(name, message_id=name) for name in names], timeout=3)

    async def receive(self, count: int = 1) -> list[ServiceBusReceivedMessage]:
        """So many messages."""
        messages: list[ServiceBusReceivedMessage] = []
        while len(messages) < count:
            more = await self.receiver.receive_messages(max_message_count=count - len(messages), max_wait_time=5)
            assert more, f"only {len(messages)} of {count} messages came"
            messages += more
        return messages

    def counts(self) -> tuple[int, int]:
        """Active and locked."""
        counts = self.world.server.counts(self.name)
        return counts.active, counts.locked


class World:
    """A Service Bus and the SDK on one loop, with a line for every scenario; all opened and closed together."""

    client: ServiceBusClient

    def __init__(self, names: Sequence[str]) -> None:
        self.runner = asyncio.Runner()
        self.clock = Clock()
        self.plans = FaultPlans(Faults(self.clock))
        window = timedelta(minutes=1)
        queues = [QueueSettings(name, duplicate_detection_window=window) for name in names]
        queues.append(QueueSettings("sessions", requires_session=True))
        self.server = ServiceBusServer(queues, [SharedKey("root", "key")], self.clock)
        self.plans.of_bus(self.server.faults)
        self.lines = {name: Line(self, name) for name in names}
        self.runner.run(self._open())

    async def _open(self) -> None:
        await self.server.start()
        self.client = ServiceBusClient.from_connection_string(self.server.connection_string("root"), retry_total=0)
        await asyncio.gather(*(line.open() for line in self.lines.values()))

    def run(self, work: Coroutine[Any, Any, None]) -> None:
        """Run a scenario. The SDK forgets to close the sockets that were cut under it; that is not our matter."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ResourceWarning)
            self.runner.run(work)
            if any(fault["fault"] == "drop_connection" for fault in self.plans.listed()):
                gc.collect()

    async def close(self) -> None:
        ends = [each for line in self.lines.values() for each in (line.sender, line.receiver)]
        await asyncio.gather(*(each.close() for each in ends))
        self.lines.clear()
        await self.client.close()
        await self.server.stop()
        await asyncio.sleep(0.05)
        gc.collect()
