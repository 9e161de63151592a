"""A command sent over the queue is answered on the queue that its message names."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from azure.servicebus import ServiceBusClient, ServiceBusMessage

from sandbox.world import COMMANDS, REPLIES
from service.app import compose
from service.local_world import CLERK, PACE, register_in, sandbox_settings
from tests.flow.test_marking import day_of_work, mark
from tests.flow.world import World

DEADLINE = 60.0


def test_a_marking_sent_as_a_message_is_answered_once_though_it_is_sent_twice(world: World) -> None:
    register_in(world.sandbox)
    row = day_of_work(world)
    command = mark(row, requested_by=CLERK, correlation="case 7")
    send(world, command.model_dump_json(), "first")
    work_until_no_command_waits(world)
    (answer,) = answers(world)
    assert answer["type"] == "psa-connector.command.done"
    assert answer["data"]["outcome"]["marked"] == [row]
    assert answer["data"]["correlation"] == "case 7"


def test_what_can_not_be_read_is_answered_and_put_aside(world: World) -> None:
    register_in(world.sandbox)
    send(world, '{"kind": "mark-ready", "backlog": "products"}', "bad")
    work_until_no_command_waits(world)
    (answer,) = answers(world)
    assert answer["data"]["refused"]["code"] == "unreadable-command"
    assert "requested_by is missing." in answer["data"]["refused"]["sentence"]
    assert world.sandbox.bus.counts(COMMANDS).dead_letter == 1


def send(world: World, body: str, id: str) -> None:
    with (
        ServiceBusClient.from_connection_string(world.sandbox.servicebus) as client,
        client.get_queue_sender(COMMANDS) as sender,
    ):
        for _ in range(2):  # the queue's duplicate detection keeps one
            sender.send_messages(
                ServiceBusMessage(body, message_id=id, content_type="application/json", reply_to=REPLIES)
            )


def answers(world: World) -> list[Any]:
    with (
        ServiceBusClient.from_connection_string(world.sandbox.servicebus) as client,
        client.get_queue_receiver(REPLIES) as receiver,
    ):
        found = receiver.receive_messages(max_message_count=10, max_wait_time=5)
        return [json.loads(b"".join(one.body)) for one in found]


def work_until_no_command_waits(world: World) -> None:
    app = compose(sandbox_settings(world.sandbox), now=world.now, pace=PACE)

    async def work() -> None:
        stop = asyncio.Event()
        running = asyncio.create_task(app.run(stop))
        bus = world.sandbox.bus
        drained = asyncio.create_task(
            asyncio.to_thread(bus.wait_until, COMMANDS, lambda now: not now.active and not now.locked, DEADLINE)
        )
        await asyncio.wait({running, drained}, return_when=asyncio.FIRST_COMPLETED)
        stop.set()
        await running
        assert await drained

    try:
        asyncio.run(work())
    finally:
        app.close()
