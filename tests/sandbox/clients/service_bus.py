"""What an azure-servicebus package makes of the sandbox: one JSON object, what came of each scenario, on stdout.

Run by an interpreter of its own, with ``sync`` or ``aio``; the scenarios are said once for both clients.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import azure.servicebus
import azure.servicebus.aio
from azure.servicebus import NEXT_AVAILABLE_SESSION, ServiceBusMessage, ServiceBusReceiveMode

from tests.sandbox.clients.either_client import CONNECTION, LOCK, Bus, clock, done, refused, text

SCENARIOS: dict[str, Callable[[Bus], Awaitable[Any]]] = {}


def scenario(function: Callable[[Bus], Awaitable[Any]]) -> Callable[[Bus], Awaitable[Any]]:
    """One of them, by its name."""
    SCENARIOS[function.__name__] = function
    return function


@scenario
async def everything_a_sender_gives(bus: Bus) -> Any:
    message = ServiceBusMessage(
        "é",
        application_properties={"text": "t", "number": 7, "flag": True},
        message_id="m",
        correlation_id="c",
        content_type="text/plain",
        subject="s",
        to="t",
        reply_to="r",
    )
    await done((await bus.sender()).send_messages(message))
    (got,) = await bus.settle_all(await bus.receiver(), 1)
    properties = {
        key.decode(): value.decode() if isinstance(value, bytes) else value
        for key, value in got.application_properties.items()
    }
    names = ("message_id", "correlation_id", "content_type", "subject", "to", "reply_to")
    return [text(got), properties, [getattr(got, name) for name in names], got.delivery_count]


@scenario
async def batches_in_order(bus: Bus) -> Any:
    sender = await bus.sender()
    batch = await done(sender.create_message_batch())
    for number in range(100):
        batch.add_message(ServiceBusMessage(str(number)))
    await done(sender.send_messages(batch))
    messages = await bus.settle_all(await bus.receiver(), 100)
    return [text(each) for each in messages] == [str(number) for number in range(100)]


@scenario
async def large_messages(bus: Bus) -> Any:
    await bus.send("x" * 200_000)
    (message,) = await bus.settle_all(await bus.receiver(), 1)
    return [len(text(message)), await refused(lambda: bus.send("x" * 300_000))]


@scenario
async def every_way_to_settle(bus: Bus) -> Any:
    receiver, dead_letters = await bus.receiver(), await bus.receiver(sub_queue="deadletter")
    await bus.send("abandon", "defer", "bury")
    (abandoned,) = await bus.receive(receiver)
    await done(receiver.abandon_message(abandoned))
    again, deferred, buried = await bus.receive(receiver, 3)
    await done(receiver.complete_message(again))
    await done(receiver.defer_message(deferred))
    await done(receiver.dead_letter_message(buried, reason="why", error_description="because"))
    (back,) = await done(receiver.receive_deferred_messages([deferred.sequence_number]))
    await done(receiver.complete_message(back))
    (dead,) = await bus.settle_all(dead_letters, 1)
    return [
        [text(again), again.delivery_count],
        text(back),
        [text(dead), dead.dead_letter_reason, dead.dead_letter_error_description, dead.dead_letter_source],
        await refused(lambda: receiver.receive_deferred_messages([deferred.sequence_number])),
    ]


@scenario
async def too_many_deliveries(bus: Bus) -> Any:
    receiver = await bus.receiver()
    await bus.send("poison")
    for _ in range(3):
        await done(receiver.abandon_message((await bus.receive(receiver))[0]))
    (dead,) = await bus.settle_all(await bus.receiver(sub_queue="deadletter"), 1)
    return [text(dead), dead.dead_letter_reason]


@scenario
async def receive_and_delete(bus: Bus) -> Any:
    await bus.send("1", "2")
    messages = await bus.receive(await bus.receiver(receive_mode=ServiceBusReceiveMode.RECEIVE_AND_DELETE), 2)
    return [[text(each) for each in messages], len(await done((await bus.receiver()).peek_messages(5)))]


@scenario
async def peeking(bus: Bus) -> Any:
    receiver = await bus.receiver()
    await bus.send("1", "2")
    peeked = await done(receiver.peek_messages(5, sequence_number=1))
    await bus.settle_all(receiver, 2)
    return [text(each) for each in peeked]


@scenario
async def locks_end_and_are_renewed(bus: Bus) -> Any:
    receiver = await bus.receiver()
    await bus.send("x")
    (message,) = await bus.receive(receiver)
    clock(LOCK - 10)
    await done(receiver.renew_message_lock(message))
    clock(LOCK - 10)
    still = len(await done(receiver.receive_messages(max_wait_time=0.2)))
    clock(LOCK)
    (again,) = await bus.receive(receiver)
    late = await refused(lambda: receiver.complete_message(message))
    await done(receiver.complete_message(again))
    return [still, again.delivery_count, late]


@scenario
async def scheduling(bus: Bus) -> Any:
    sender, receiver = await bus.sender(), await bus.receiver()
    messages = [ServiceBusMessage("one"), ServiceBusMessage("two")]
    first, second = await done(sender.schedule_messages(messages, clock() + timedelta(minutes=5)))
    await done(sender.cancel_scheduled_messages(first))
    before = len(await done(receiver.receive_messages(max_wait_time=0.2)))
    clock(301)
    (came,) = await bus.settle_all(receiver, 1)
    return [before, text(came), await refused(lambda: sender.cancel_scheduled_messages(second))]


@scenario
async def duplicates(bus: Bus) -> Any:
    for _ in range(2):
        await bus.send("x", to="unique", message_id="same")
    first = len(await bus.settle_all(await bus.receiver("unique"), 1))
    more = len(await done((await bus.receiver("unique")).receive_messages(max_wait_time=0.2)))
    clock(601)
    await bus.send("x", to="unique", message_id="same")
    return [first, more, len(await bus.settle_all(await bus.receiver("unique"), 1))]


@scenario
async def lives_end(bus: Bus) -> Any:
    await bus.send("by its sender", to="brief", time_to_live=timedelta(seconds=10))
    clock(11)
    await bus.send("by the queue", to="brief")
    clock(61)
    dead = await bus.settle_all(await bus.receiver("brief", sub_queue="deadletter"), 2)
    return [[text(each), each.dead_letter_reason] for each in dead]


@scenario
async def topics_and_rules(bus: Bus) -> Any:
    messages = [
        ServiceBusMessage("yes", subject="red", application_properties={"n": 2}),
        ServiceBusMessage("no", subject="blue", application_properties={"n": 0}),
    ]
    await done((await bus.topic()).send_messages(messages))
    everything = await bus.settle_all(await bus.subscription("everything"), 2)
    (correlated,) = await bus.settle_all(await bus.subscription("red"), 1)
    (changed,) = await bus.settle_all(await bus.subscription("some"), 1)
    return [
        [text(each) for each in everything],
        text(correlated),
        [text(changed), changed.to, changed.application_properties[b"n"]],
    ]


@scenario
async def dead_letters_of_a_subscription(bus: Bus) -> Any:
    receiver = await bus.subscription("everything")
    await done((await bus.topic()).send_messages(ServiceBusMessage("x", subject="blue")))
    (message,) = await bus.receive(receiver)
    await done(receiver.dead_letter_message(message, reason="r"))
    (dead,) = await bus.settle_all(await bus.subscription("everything", sub_queue="deadletter"), 1)
    return [text(dead), dead.dead_letter_reason, dead.dead_letter_source]


@scenario
async def forwarding(bus: Bus) -> Any:
    await bus.send("x", to="front")
    (message,) = await bus.settle_all(await bus.receiver(), 1)
    return text(message)


@scenario
async def sessions(bus: Bus) -> Any:
    for name, body in (("a", "1"), ("b", "x"), ("a", "2")):
        await bus.send(body, to="sessions", session_id=name)
    held = await bus.session("a")
    other = await refused(lambda: bus.session("a"))
    free = await bus.session(NEXT_AVAILABLE_SESSION, max_wait_time=20)
    next_one = free.session.session_id
    await bus.settle_all(free, 1)
    await done(free.close())
    in_order = [text(each) for each in await bus.settle_all(held, 2)]
    await done(held.session.set_state("half done"))
    state = bytes(await done(held.session.get_state())).decode()
    await done(held.session.set_state(None))
    clock(LOCK - 10)
    await done(held.session.renew_lock())
    clock(LOCK - 10)
    await bus.send("3", to="sessions", session_id="a")
    (late,) = await bus.receive(held)
    clock(LOCK)
    lost = await refused(lambda: held.complete_message(late))
    await done(held.close())
    again = await bus.session("a")
    (message,) = await bus.settle_all(again, 1)
    await done(again.close())
    none = await refused(lambda: bus.session(NEXT_AVAILABLE_SESSION, max_wait_time=0.5))
    return [other, next_one, in_order, state, lost, [text(message), message.delivery_count], none]


@scenario
async def who_may_do_what(bus: Bus) -> Any:
    async def attempt(connection: str, kind: str, queue: str) -> str:
        client = bus.connected(connection)
        link = getattr(client, f"get_queue_{kind}")(queue)

        def act() -> Any:
            if kind == "sender":
                return link.send_messages(ServiceBusMessage("x"))
            return link.receive_messages(max_wait_time=1)

        try:
            return await refused(act)
        finally:
            await done(client.close())

    wrong = CONNECTION.replace("SharedAccessKey=", "SharedAccessKey=wrong")
    only = os.environ["SANDBOX_SEND_ONLY"]
    return [
        await attempt(wrong, "sender", "orders"),
        await attempt(only, "sender", "unique"),
        await attempt(only, "receiver", "unique"),
        await attempt(CONNECTION, "sender", "nowhere"),
    ]


async def main() -> None:
    """Every scenario in its turn."""
    module = azure.servicebus.aio if sys.argv[1] == "aio" else azure.servicebus
    bus = Bus(module)
    print(json.dumps({name: await run(bus) for name, run in SCENARIOS.items()}), flush=True)  # noqa: T201
    os._exit(0)  # closing takes half a second for each link


if __name__ == "__main__":
    asyncio.run(main())
