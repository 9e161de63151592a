"""The same world with its queues in use: Dataverse posts, real receivers take, and the composed service works."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from datetime import timedelta

from azure.servicebus import ServiceBusClient, ServiceBusMessage, ServiceBusReceivedMessage, ServiceBusSubQueue

from connector.breaker import State
from connector.inbox import Received
from connector.servicebus import ServiceBusInbox
from connector.worker import Pace
from handlers.pipeline import Pipeline
from sandbox.servicebus import QueueCounts
from sandbox.world import EVENTS
from service.app import App, compose
from service.ceiling_settings import WriteCeilingSettings
from service.local_world import register_in, sandbox_settings
from tests.flow.world import World

DEADLINE = 60.0
LOCK = timedelta(seconds=61)
"""A little longer than a message stays locked."""


def listen(world: World) -> None:
    """Have Dataverse post to the queue, as registration does."""
    register_in(world.sandbox)


def run_until_drained(world: World, *, grace: int = 0, ceiling: WriteCeilingSettings | None = None) -> None:
    """The whole service at work, until nothing is left on the queue; then stopped gracefully."""
    _run(world, grace, ceiling, lambda app, over: _wait_until_drained(world, over))


def run_until_paused(world: World, ceiling: WriteCeilingSettings, then: Callable[[], None] | None = None) -> None:
    """The whole service at work under a ceiling until it pauses; with ``then``, on from there until nothing is left."""

    def wait(app: App, over: Callable[[], bool]) -> bool:
        if not _wait_until_paused(app, over):
            return False
        if then is None:
            return True
        then()
        return _wait_until_drained(world, over)

    _run(world, 0, ceiling, wait)


def _run(
    world: World,
    grace: int,
    ceiling: WriteCeilingSettings | None,
    wait: Callable[[App, Callable[[], bool]], bool],
) -> None:
    settings = sandbox_settings(world.sandbox)
    settings = settings.model_copy(
        update={
            "workers": settings.workers.model_copy(update={"approvals": 1, "commands": 1}),
            "actuals": settings.actuals.model_copy(update={"creator": "service", "grace": grace}),
            "write_ceiling": ceiling or settings.write_ceiling,
        }
    )
    app = compose(settings, now=world.now, pace=Pace(max_wait=0.2))

    async def work() -> None:
        stop = asyncio.Event()
        run = asyncio.create_task(app.run(stop))
        waited = asyncio.create_task(asyncio.to_thread(wait, app, run.done))
        await asyncio.wait({run, waited}, return_when=asyncio.FIRST_COMPLETED)
        assert not run.done(), "the service stopped by itself"
        assert await waited, "what was waited for did not come in time"
        stop.set()
        await run

    try:
        asyncio.run(work())
    finally:
        app.close()


def _wait_until_paused(app: App, over: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + DEADLINE
    while time.monotonic() < deadline and not over():
        if app.workers[0].status().state is State.PAUSED:
            return True
        time.sleep(0.02)
    return False


def _wait_until_drained(world: World, over: Callable[[], bool]) -> bool:
    """Wait until Dataverse has nothing left to post and the queue nothing left to deliver, both at once."""
    deadline = time.monotonic() + DEADLINE
    events, bus = world.sandbox.events, world.sandbox.bus
    while (left := deadline - time.monotonic()) > 0 and not over():
        posted = events.idle(left) and bus.wait_until(EVENTS, lambda counts: over() or _is_empty(counts), left)
        if posted and events.idle(0) and _is_empty(bus.counts(EVENTS)):
            return True
    return False


def _is_empty(counts: QueueCounts) -> bool:
    return counts.active == 0 and counts.locked == 0


def dead_letters(world: World) -> list[tuple[str, str]]:
    """Code and sentence of everything that was put aside."""
    with (
        ServiceBusClient.from_connection_string(world.sandbox.servicebus) as client,
        client.get_queue_receiver(EVENTS, sub_queue=ServiceBusSubQueue.DEAD_LETTER) as receiver,
    ):
        found = receiver.peek_messages(max_message_count=50)
        return [(one.dead_letter_reason or "", one.dead_letter_error_description or "") for one in found]


def copy_the_waiting_event(world: World, copies: int) -> None:
    """Post once more what is waiting, as a repeated system job does: the same body, under new message ids."""
    with ServiceBusClient.from_connection_string(world.sandbox.servicebus) as client:
        with client.get_queue_receiver(EVENTS) as receiver:
            (message,) = receiver.peek_messages(max_message_count=1)
        with client.get_queue_sender(EVENTS) as sender:
            for _ in range(copies):
                sender.send_messages(_copy(message))


def _copy(message: ServiceBusReceivedMessage) -> ServiceBusMessage:
    return ServiceBusMessage(
        b"".join(message.body),
        content_type=message.content_type,
        application_properties=message.application_properties,
    )


def work_and_die_before_settling(world: World, pipeline: Pipeline) -> int:
    """A worker takes what waits, writes everything, and is gone before it settles. How many messages it held."""

    async def work() -> int:
        inbox = ServiceBusInbox(world.sandbox.servicebus, EVENTS, now=world.now)
        try:
            received = await inbox.receive(10, 5.0)
            await asyncio.to_thread(pipeline.process, [one.envelope for one in received])
            return len(received)
        finally:
            await inbox.close()

    return asyncio.run(work())


class DiesBeforeCompleting(ServiceBusInbox):
    """Schedules the copy of a delayed retry, and is gone before it completes the original."""

    async def _settle(self, name: str, received: Received, settle: object) -> bool:
        return False


def delay_twice_without_completing(world: World) -> None:
    """The same delivery of one message is delayed by two workers in turn, neither of which completes it."""

    async def delay() -> None:
        inbox = DiesBeforeCompleting(world.sandbox.servicebus, EVENTS, now=world.now)
        try:
            (received,) = await inbox.receive(1, 5.0)
            await inbox.redeliver_at(received, world.now() + timedelta(hours=6), 1)
        finally:
            await inbox.close()

    for _ in range(2):
        asyncio.run(delay())
        world.sandbox.clock.advance(LOCK)
