"""The unmodified azure-servicebus SDK, asynchronous, over real sockets: the way the service itself uses it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from datetime import timedelta

import pytest
from azure.servicebus import NEXT_AVAILABLE_SESSION, ServiceBusMessage
from azure.servicebus.aio import ServiceBusClient
from azure.servicebus.exceptions import MessageLockLostError

from tests.sandbox.servicebus.conftest import Bus


class Line:
    """A client with senders and receivers, on a loop of their own."""

    def __init__(self, bus: Bus) -> None:
        self.runner = asyncio.Runner()
        self.client = ServiceBusClient.from_connection_string(bus.server.connection_string("root"), retry_total=0)
        self.sender = self.client.get_queue_sender("orders")
        self.receiver = self.client.get_queue_receiver("orders")
        self.sessions = self.client.get_queue_sender("sessions")
        self.topic = self.client.get_topic_sender("news")
        self.subscription = self.client.get_subscription_receiver("news", "approved")
        self.waiting = self.client.get_queue_receiver("sessions", session_id=NEXT_AVAILABLE_SESSION, max_wait_time=20)
        self._shared = (self.sender, self.receiver, self.sessions, self.topic, self.subscription)
        self.runner.run(self._open())

    async def _open(self) -> None:
        await asyncio.gather(*(each.__aenter__() for each in self._shared))

    async def _close(self) -> None:
        await asyncio.gather(*(each.close() for each in (*self._shared, self.waiting)))
        await self.client.close()

    def close(self) -> None:
        self.runner.run(self._close())
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


def test_who_waits_for_a_session_gets_it_when_a_message_comes(bus: Bus, line: Line) -> None:
    async def scenario() -> str:
        receiver = line.waiting
        waiting = asyncio.create_task(receiver.__aenter__())
        await asyncio.sleep(0)
        await line.sessions.send_messages(ServiceBusMessage("x", session_id="late"))
        await waiting
        (message,) = await receiver.receive_messages(max_wait_time=5)
        await receiver.session.set_state(b"state")
        assert bytes(await receiver.session.get_state()) == b"state"
        await receiver.session.set_state(None)
        await receiver.complete_message(message)
        return str(message.session_id)

    assert line.runner.run(scenario()) == "late"


def test_subscriptions_work_asynchronously(bus: Bus, line: Line) -> None:
    async def scenario() -> list[str]:
        await line.topic.send_messages([ServiceBusMessage(str(n), subject="approved") for n in range(3)])
        await line.topic.send_messages(ServiceBusMessage("no", subject="rejected"))
        messages = await line.subscription.receive_messages(max_message_count=3, max_wait_time=5)
        await asyncio.gather(*(line.subscription.complete_message(message) for message in messages))
        return [str(message) for message in messages]

    assert line.runner.run(scenario()) == ["0", "1", "2"]
    counts = bus.counts("news/Subscriptions/approved")
    assert (counts.active, counts.locked) == (0, 0)
