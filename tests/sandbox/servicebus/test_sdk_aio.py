"""The unmodified azure-servicebus SDK, asynchronous, over real sockets: the way the service itself uses it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta

import pytest
from azure.servicebus import ServiceBusMessage
from azure.servicebus.aio import ServiceBusClient, ServiceBusReceiver
from azure.servicebus.exceptions import MessageLockLostError, ServiceBusAuthenticationError

from tests.sandbox.servicebus.conftest import Bus


def run(bus: Bus, work: Callable[[ServiceBusClient], Awaitable[None]], key: str = "root-key=") -> None:
    """Run a coroutine with a client, on a loop of its own."""

    async def main() -> None:
        connection = bus.server.connection_string("root").replace("root-key=", key)
        async with ServiceBusClient.from_connection_string(connection, retry_total=0) as client:
            await work(client)

    asyncio.run(main())


def test_many_messages_are_settled_at_once_each_as_its_handler_decided(bus: Bus) -> None:
    async def work(client: ServiceBusClient) -> None:
        async with client.get_queue_sender("orders") as sender:
            await sender.send_messages([ServiceBusMessage(str(number)) for number in range(40)])
            (number,) = await sender.schedule_messages(ServiceBusMessage("s"), bus.now() + timedelta(hours=1))
            await sender.cancel_scheduled_messages(number)
        async with client.get_queue_receiver("orders") as receiver:
            messages = await receiver.receive_messages(max_message_count=40, max_wait_time=5)
            assert [str(message) for message in messages] == [str(number) for number in range(40)]
            decisions: list[Callable[..., Awaitable[None]]] = [
                receiver.complete_message,
                receiver.abandon_message,
                receiver.dead_letter_message,
                receiver.defer_message,
            ]
            await asyncio.gather(*(decisions[index % 4](message) for index, message in enumerate(messages)))
            counts = bus.counts()
            assert (counts.active, counts.locked, counts.dead_letter, counts.deferred) == (10, 0, 10, 10)

    run(bus, work)


def test_a_lock_can_be_renewed_and_is_lost_when_it_is_not(bus: Bus) -> None:
    async def work(client: ServiceBusClient) -> None:
        bus.sender().send_messages(ServiceBusMessage("x"))
        async with client.get_queue_receiver("orders") as receiver:
            (message,) = await receiver.receive_messages(max_wait_time=5)
            bus.clock.advance(timedelta(seconds=59))
            await receiver.renew_message_lock(message)
            bus.clock.advance(timedelta(seconds=59))
            assert bus.counts().locked == 1
            bus.clock.advance(timedelta(seconds=1))
            with pytest.raises(MessageLockLostError):
                await receiver.complete_message(message)

    run(bus, work)


def test_a_waiting_receiver_gets_a_message_the_moment_it_is_sent(bus: Bus) -> None:
    async def work(client: ServiceBusClient) -> None:
        async with client.get_queue_receiver("orders") as receiver:
            waiting = asyncio.create_task(_one(receiver))
            await asyncio.sleep(0)
            await asyncio.to_thread(bus.sender().send_messages, ServiceBusMessage("now"))
            assert await waiting == "now"

    run(bus, work)


async def _one(receiver: ServiceBusReceiver) -> str:
    (message,) = await receiver.receive_messages(max_wait_time=10)
    await receiver.complete_message(message)
    return str(message)


def test_a_wrong_key_is_refused_with_an_authentication_error(bus: Bus) -> None:
    async def work(client: ServiceBusClient) -> None:
        with pytest.raises(ServiceBusAuthenticationError):
            async with client.get_queue_sender("orders"):
                pass

    run(bus, work, key="wrong")
