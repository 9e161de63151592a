"""The unmodified azure-servicebus SDK, asynchronous, over real sockets: the way the service itself uses it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from datetime import timedelta

import pytest
from azure.servicebus import ServiceBusMessage
from azure.servicebus.aio import ServiceBusClient, ServiceBusReceiver, ServiceBusSender
from azure.servicebus.exceptions import MessageLockLostError, ServiceBusAuthenticationError

from tests.sandbox.servicebus.conftest import Bus


class Line:
    """A client with a sender and a receiver on one queue, on a loop of their own."""

    sender: ServiceBusSender
    receiver: ServiceBusReceiver

    def __init__(self, bus: Bus) -> None:
        self.runner = asyncio.Runner()
        self.client = ServiceBusClient.from_connection_string(bus.server.connection_string("root"), retry_total=0)
        self.runner.run(self._open())

    async def _open(self) -> None:
        self.sender = self.client.get_queue_sender("orders")
        self.receiver = self.client.get_queue_receiver("orders")
        await asyncio.gather(self.sender.__aenter__(), self.receiver.__aenter__())

    def close(self) -> None:
        self.runner.run(self.client.close())
        self.runner.close()


@pytest.fixture(scope="module")
def line(shared_bus: Bus) -> Iterator[Line]:
    line = Line(shared_bus)
    yield line
    line.close()


def test_many_messages_are_settled_at_once_each_as_its_handler_decided(bus: Bus, line: Line) -> None:
    async def scenario() -> None:
        await line.sender.send_messages([ServiceBusMessage(str(number)) for number in range(40)])
        receiver = line.receiver
        messages = await receiver.receive_messages(max_message_count=40, max_wait_time=5)
        assert [str(message) for message in messages] == [str(number) for number in range(40)]
        decisions: list[Callable[..., Awaitable[None]]] = [
            receiver.complete_message,
            receiver.abandon_message,
            receiver.dead_letter_message,
            receiver.defer_message,
        ]
        await asyncio.gather(*(decisions[index % 4](message) for index, message in enumerate(messages)))

    line.runner.run(scenario())
    counts = bus.counts()
    assert (counts.active, counts.locked, counts.dead_letter, counts.deferred) == (10, 0, 10, 10)


def test_messages_are_scheduled_and_cancelled(bus: Bus, line: Line) -> None:
    async def scenario() -> None:
        messages = [ServiceBusMessage("a"), ServiceBusMessage("b")]
        numbers = await line.sender.schedule_messages(messages, bus.now() + timedelta(hours=1))
        await line.sender.cancel_scheduled_messages(numbers[0])

    line.runner.run(scenario())
    assert bus.counts().scheduled == 1


def test_a_lock_can_be_renewed_and_is_lost_when_it_is_not(bus: Bus, line: Line) -> None:
    async def scenario() -> None:
        await line.sender.send_messages(ServiceBusMessage("x"))
        (message,) = await line.receiver.receive_messages(max_wait_time=5)
        bus.clock.advance(timedelta(seconds=59))
        await line.receiver.renew_message_lock(message)
        bus.clock.advance(timedelta(seconds=59))
        assert bus.counts().locked == 1
        bus.clock.advance(timedelta(seconds=2))
        with pytest.raises(MessageLockLostError):
            await line.receiver.complete_message(message)

    line.runner.run(scenario())


def test_a_waiting_receiver_gets_a_message_the_moment_it_is_sent(bus: Bus, line: Line) -> None:
    async def scenario() -> str:
        waiting = asyncio.create_task(line.receiver.receive_messages(max_wait_time=10))
        await asyncio.sleep(0)
        await line.sender.send_messages(ServiceBusMessage("now"))
        (message,) = await waiting
        await line.receiver.complete_message(message)
        return str(message)

    assert line.runner.run(scenario()) == "now"
    assert bus.counts().active == bus.counts().locked == 0


def test_a_wrong_key_is_refused_with_an_authentication_error(bus: Bus, line: Line) -> None:
    async def scenario() -> None:
        connection = bus.server.connection_string("root").replace("root-key=", "wrong")
        async with ServiceBusClient.from_connection_string(connection, retry_total=0) as client:
            with pytest.raises(ServiceBusAuthenticationError):
                await client.get_queue_sender("orders").send_messages(ServiceBusMessage("x"))

    line.runner.run(scenario())
