"""Renewing the locks of a whole batch: together, and only while its work goes on."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Event

from connector.delivery import Delivery
from connector.envelope import Envelope
from connector.inbox import Outgoing, Received
from connector.recoverability import Policy
from connector.settlement import Settlement
from tests.connector.fakes import LOCK, NOW, FakeInbox, FakeQueue, JumpingTime
from tests.connector.local_bus import Bus
from tests.connector.worker_case import DONE

Renewing = Callable[[Event, FakeQueue, ThreadPoolExecutor], Awaitable[None]]


async def carried(count: int, at_once: int, renewing: Renewing) -> FakeQueue:
    """Carry a batch whose work ends when ``renewing``, which is called once per renewal, sets the event."""
    time = JumpingTime()
    queue = FakeQueue(time)
    may_finish = Event()

    def slow(envelopes: Sequence[Envelope]) -> list[Settlement]:
        assert may_finish.wait(10)
        return [DONE for _ in envelopes]

    envelopes = [Envelope(str(number), b"", None, locked_until=NOW + LOCK) for number in range(count)]
    with ThreadPoolExecutor(1) as executor:
        queue.renewing = lambda: renewing(may_finish, queue, executor)
        delivery = Delivery(
            slow,
            executor,
            policy=Policy(),
            settle_at_once=at_once,
            settle_within=60,
            longest=1800,
            paused=lambda _: None,
            now=time.now,
            sleep=time.sleep,
        )
        carrying = asyncio.ensure_future(delivery.carry(FakeInbox(queue), [Received(each) for each in envelopes]))
        await time.advance(31)
        async with asyncio.timeout(10):
            await carrying
    assert len(queue.done) == count
    return queue


def test_the_locks_of_a_batch_are_renewed_together() -> None:
    async def scenario() -> None:
        all_started = asyncio.Event()

        async def renewing(may_finish: Event, queue: FakeQueue, _: ThreadPoolExecutor) -> None:
            if len(queue.renewed) == 5:
                all_started.set()
            async with asyncio.timeout(5):
                await all_started.wait()
            may_finish.set()

        queue = await carried(5, 16, renewing)
        assert queue.renewed == ["0", "1", "2", "3", "4"]

    asyncio.run(scenario())


def test_renewing_stops_when_the_work_is_done() -> None:
    async def scenario() -> None:
        async def renewing(may_finish: Event, _: FakeQueue, executor: ThreadPoolExecutor) -> None:
            may_finish.set()
            # The one thread takes this up after the work, so the work has ended while two renewals are under way.
            await asyncio.get_running_loop().run_in_executor(executor, int)

        queue = await carried(40, 2, renewing)
        assert queue.renewed == ["0", "1"]

    asyncio.run(scenario())


def test_a_real_queue_renews_many_locks_at_once(bus: Bus) -> None:
    async def scenario() -> None:
        await bus.send(*(Outgoing(b"{}", f"{bus.id}-{number}") for number in range(30)))
        received = await bus.inbox.receive(30, 5)
        bus.clock.advance(timedelta(seconds=20))
        ends = await asyncio.gather(*map(bus.inbox.renew, received))
        assert len(ends) == 30
        for before, end in zip(received, ends, strict=True):
            assert end is not None
            assert before.envelope.locked_until is not None
            assert end >= before.envelope.locked_until + timedelta(seconds=19)
        assert all(await asyncio.gather(*map(bus.inbox.complete, received)))

    bus.run(scenario())
