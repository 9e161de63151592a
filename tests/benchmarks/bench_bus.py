"""Messages a second through the sandbox's Service Bus with the official client, and whose processor time it takes.

In memory and durable, at 0 and 5 milliseconds added to each round trip (about what Azure adds within a region). Where
the broker's share of a processor is the smaller one, the client is the bottleneck; with latency, nobody is.
"""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import time
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from azure.servicebus import ServiceBusClient, ServiceBusMessage
from azure.servicebus.aio import ServiceBusClient as AioClient
from azure.servicebus.aio import ServiceBusReceiver, ServiceBusSender

from tests.benchmarks.rivals import printed

ROOT = Path(__file__).parents[2]
BODY = b'{"entry": "x"}' * 150
"""About two kilobytes, as an event of Dataverse."""
BATCH, AT_ONCE, SENDERS = 100, 50, 8
MANY, SOME = 3_000, 600
"""Messages without and with latency, for what is fast; a fifth of them for what is done one after another."""


class Bus:
    """A broker in another process."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process
        self.connection = self.said()

    def said(self) -> str:
        assert self._process.stdout is not None
        return self._process.stdout.readline().strip()

    def used(self) -> float:
        """Seconds of a processor it has used."""
        assert self._process.stdin is not None
        self._process.stdin.write("\n")
        self._process.stdin.flush()
        return float(self.said())

    def measure(self, way: str, messages: int, work: Callable[[], None], where: dict[str, object]) -> None:
        """Do it, and print how fast that was."""
        begun = self._now()
        work()
        self._tell(way, messages, begun, where)

    async def measured(
        self, way: str, messages: int, work: list[Coroutine[Any, Any, None]], where: dict[str, object]
    ) -> None:
        """Do all of it at the same time, and print how fast that was."""
        begun = self._now()
        await asyncio.gather(*work)
        self._tell(way, messages, begun, where)

    def _now(self) -> tuple[float, float, float]:
        return time.perf_counter(), self.used(), time.process_time()

    def _tell(self, way: str, messages: int, begun: tuple[float, float, float], where: dict[str, object]) -> None:
        client = time.process_time() - begun[2]
        seconds, broker = time.perf_counter() - begun[0], self.used() - begun[1]
        printed(
            way=way,
            **where,
            messages=messages,
            messages_per_second=round(messages / seconds),
            broker_processor_percent=round(100 * broker / seconds),
            client_processor_percent=round(100 * client / seconds),
        )


@contextmanager
def started(milliseconds: int, file: Path | None) -> Iterator[Bus]:
    command = [sys.executable, str(ROOT / "tests/benchmarks/bus_process.py"), str(milliseconds)]
    command += [] if file is None else [str(file)]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    with subprocess.Popen(  # noqa: S603
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
    ) as process:
        yield Bus(process)


def some(count: int) -> list[ServiceBusMessage]:
    return [ServiceBusMessage(BODY) for _ in range(count)]


@pytest.mark.parametrize("milliseconds", [0, 5])
@pytest.mark.parametrize("durable", [False, True], ids=["memory", "durable"])
def bench_messages_through_the_bus(milliseconds: int, durable: bool, tmp_path: Path) -> None:
    where: dict[str, object] = {"storage": "sqlite" if durable else "memory", "added_milliseconds": milliseconds}
    count = SOME if milliseconds else MANY
    with started(milliseconds, tmp_path / "bus.sqlite" if durable else None) as bus:
        one_by_one(bus, count // 5, where)
        asyncio.run(together(bus, count, where))


def one_by_one(bus: Bus, count: int, where: dict[str, object]) -> None:
    """One client that waits for every answer."""
    with (
        ServiceBusClient.from_connection_string(bus.connection) as client,
        client.get_queue_sender("q") as sender,
        client.get_queue_receiver("q") as receiver,
    ):

        def send() -> None:
            for message in some(count):
                sender.send_messages(message)

        def receive() -> None:
            for _ in range(count):
                (message,) = receiver.receive_messages(max_wait_time=30)
                receiver.complete_message(message)

        bus.measure("bus-send-one-by-one", count, send, where)
        bus.measure("bus-receive-and-complete-one-by-one", count, receive, where)


async def together(bus: Bus, count: int, where: dict[str, object]) -> None:
    """Asynchronous clients that have many requests under way, as the service has."""
    async with AioClient.from_connection_string(bus.connection) as client:
        senders = [client.get_queue_sender("q") for _ in range(SENDERS)]
        receivers = [client.get_queue_receiver("q") for _ in range(4)]
        await asyncio.gather(*(each.__aenter__() for each in senders), *(each.__aenter__() for each in receivers))

        async def send(sender: ServiceBusSender) -> None:
            for message in some(count // SENDERS):
                await sender.send_messages(message)

        async def send_batches(sender: ServiceBusSender) -> None:
            for _ in range(count // BATCH):
                await sender.send_messages(some(BATCH))

        left = count

        async def receive(receiver: ServiceBusReceiver) -> None:
            nonlocal left
            while left > 0:
                wanted = min(AT_ONCE, left)
                left -= wanted
                while wanted:
                    messages = await receiver.receive_messages(max_message_count=wanted, max_wait_time=30)
                    await asyncio.gather(*(receiver.complete_message(message) for message in messages))
                    wanted -= len(messages)

        each_sends = [send(each) for each in senders]
        await bus.measured(f"bus-send-by-{SENDERS}", count // SENDERS * SENDERS, each_sends, where)
        await bus.measured(f"bus-send-batches-of-{BATCH}", count, [send_batches(senders[0])], where)
        each_receives = [receive(each) for each in receivers]
        await bus.measured(f"bus-receive-and-complete-by-{len(receivers)}", count, each_receives, where)
        await asyncio.gather(*(each.close() for each in (*senders, *receivers)))
