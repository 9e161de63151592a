"""The worker and its inbox, with the official SDK in between, on a Service Bus that goes wrong: nothing is lost."""

from __future__ import annotations

import asyncio
import gc
import warnings
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta

import pytest
from azure.servicebus.aio import ServiceBusReceiver

from connector.envelope import Envelope
from connector.errors import Transient
from connector.inbox import Outgoing
from connector.outbox import Outbox
from connector.servicebus import LOCK_MARGIN, ServiceBusInbox
from connector.settlement import Complete, Settlement
from connector.worker import Pace, Worker
from sandbox.servicebus.faults import BusFaults
from tests.connector.local_bus import QUEUE, Bus

LOCK = timedelta(seconds=31)


@pytest.fixture(scope="module")
def shared_bus() -> Iterator[Bus]:
    """A bus of its own: the SDK forgets to close some of the sockets whose links or connections were closed under it,
    and these go only when both the server and whoever holds them are gone."""
    bus = Bus()
    yield bus
    with forgotten_sockets():
        bus.run(bus._close())
        bus.run(asyncio.sleep(0.05))
    bus.runner.close()


@contextmanager
def forgotten_sockets() -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        yield
        gc.collect()


@pytest.fixture
def faults(bus: Bus, caplog: pytest.LogCaptureFixture) -> Iterator[BusFaults]:
    caplog.set_level("CRITICAL")  # a logged error would keep hold of the SDK's objects
    with forgotten_sockets():
        yield bus.server.faults
        bus.server.faults.forget()


def numbered(bus: Bus, count: int) -> list[Outgoing]:
    return [Outgoing(b"{}", f"{bus.id}-{number}") for number in range(count)]


def test_a_worker_loses_no_message_whatever_the_bus_does_to_it(bus: Bus, faults: BusFaults) -> None:
    handled: Counter[str] = Counter()

    def process(envelopes: Sequence[Envelope]) -> list[Settlement]:
        handled.update(envelope.lineage for envelope in envelopes)
        return [Complete("done") for _ in envelopes]

    async def scenario() -> None:
        planned = [
            faults.duplicate(entity=QUEUE, times=3, probability=0.3, seed=1),
            faults.reorder(entity=QUEUE, times=3, probability=0.3, seed=2),
            faults.latency(2, entity=QUEUE, probability=0.3, seed=3),
            faults.lose_lock(entity=QUEUE, times=3, probability=0.3, seed=4),
            faults.lose_lock(entity=QUEUE, operation="deliver", times=2, probability=0.3, seed=5),
            faults.refuse_settlement(entity=QUEUE, times=2, probability=0.3, seed=6),
            faults.drop_connection(entity=QUEUE, operation="settle", probability=0.2, seed=7),
            faults.drop_connection(entity=QUEUE, operation="settle", probability=0.2, seed=8, carried_out=True),
            faults.drop_connection(entity=QUEUE, operation="deliver", probability=0.2, seed=9),
            faults.detach_link(entity=QUEUE, operation="credit", probability=0.3, seed=10),
            faults.detach_link(entity=QUEUE, operation="settle", probability=0.2, seed=11),
            faults.server_busy(entity=QUEUE, operation="credit", probability=0.3, seed=12),
        ]
        await bus.send(*numbered(bus, 60))
        planned.append(faults.server_busy(entity=QUEUE, operation="attach"))
        worker = Worker(
            lambda: ServiceBusInbox(bus.connection, QUEUE, now=bus.clock.now),
            process,
            lambda: None,
            pace=Pace(receivers=2, largest_batch=6, max_wait=0.3, silence=600, close_within=600, drain=600),
            now=bus.clock.now,
            sleep=lambda seconds: asyncio.sleep(seconds / 20),  # waits between attempts are short, the others are not
        )
        run = asyncio.ensure_future(worker.run())
        async with asyncio.timeout(60):
            while bus.left():
                await asyncio.sleep(0.1)
                counts = bus.server.counts(QUEUE)
                if counts.locked and not counts.active:
                    bus.clock.advance(LOCK)
            worker.stop()
            await run
        assert set(handled) == {f"{bus.id}-{number}" for number in range(60)}
        assert bus.server.counts(QUEUE).dead_letter == 0
        assert [fault.kind for fault in planned if not fault.struck] == []

    bus.run(scenario())


@contextmanager
def impatient(inbox: ServiceBusInbox) -> Iterator[None]:
    """Wait half a second for a confirmation, and not a minute."""
    receiver = inbox._receiver
    assert isinstance(receiver, ServiceBusReceiver)
    before, receiver._config.timeout = receiver._config.timeout, 0.5
    yield
    receiver._config.timeout = before


@pytest.mark.parametrize(
    ("carried_out", "confirmed", "counts"), [(True, False, {"lock-lost": 1}), (False, True, {"completed": 1})]
)
def test_a_completion_that_nobody_confirms_is_asked_about_and_never_taken_for_done_by_guess(
    bus: Bus, faults: BusFaults, carried_out: bool, confirmed: bool, counts: dict[str, int]
) -> None:
    async def scenario() -> None:
        await bus.send(*numbered(bus, 1))
        received = await bus.one()
        swallowed = faults.swallow_confirmation(entity=QUEUE, carried_out=carried_out)
        with impatient(bus.inbox):
            assert await bus.inbox.complete(received) is confirmed
        assert (bus.left(), bus.inbox.counts, swallowed.struck) == (0, counts, 1)

    bus.run(scenario())


def test_a_completion_confirmed_by_nobody_at_all_leaves_the_message_to_come_again(bus: Bus, faults: BusFaults) -> None:
    async def scenario() -> None:
        await bus.send(*numbered(bus, 1))
        received = await bus.one()
        faults.swallow_confirmation(entity=QUEUE, carried_out=False)
        faults.server_busy(entity=QUEUE, operation="update-disposition", times=None)
        with impatient(bus.inbox):
            assert not await bus.inbox.complete(received)
        assert bus.inbox.counts == {"unconfirmed": 1}
        bus.clock.advance(LOCK)
        assert (await bus.one()).envelope.delivery_count == 1

    bus.run(scenario())


def test_a_send_cut_off_after_it_was_taken_in_is_made_again_and_there_is_one_message(
    bus: Bus, faults: BusFaults
) -> None:
    async def scenario() -> None:
        cut = faults.drop_connection(entity=QUEUE, operation="send", carried_out=True)
        async with Outbox(bus.connection, QUEUE) as outbox:
            await outbox.send(numbered(bus, 1))
        assert (bus.left(), cut.struck) == (1, 1)

    bus.run(scenario())


def test_a_busy_service_is_no_fault_of_ours(bus: Bus, faults: BusFaults) -> None:
    async def scenario() -> None:
        faults.server_busy(entity=QUEUE, times=None)
        inbox = ServiceBusInbox(bus.connection, QUEUE)
        try:
            with pytest.raises(Transient):
                await inbox.open()
        finally:
            await inbox.close()

    bus.run(scenario())


def test_a_lock_that_was_not_renewed_for_a_moment_is_not_lost_while_it_lasts(bus: Bus, faults: BusFaults) -> None:
    async def scenario() -> None:
        await bus.send(*numbered(bus, 1))
        received = await bus.one()
        end = received.envelope.locked_until
        bus.clock.advance(LOCK / 2)
        busy = faults.server_busy(entity=QUEUE, operation="renew-lock", times=None)
        assert await bus.inbox.renew(received) == end, "as it was, to be asked for again"
        assert busy.struck
        faults.forget()
        later = await bus.inbox.renew(received)
        assert end is not None
        assert later is not None
        assert later > end
        assert await bus.inbox.complete(received)
        assert bus.inbox.counts == {"completed": 1}

    bus.run(scenario())


def test_a_lock_that_ends_without_being_renewed_is_lost(bus: Bus, faults: BusFaults) -> None:
    async def scenario() -> None:
        await bus.send(*numbered(bus, 1))
        received = await bus.one()
        faults.server_busy(entity=QUEUE, operation="renew-lock", times=None)
        bus.clock.advance(LOCK - LOCK_MARGIN)
        assert await bus.inbox.renew(received) is None
        assert bus.inbox.counts == {"lock-lost": 1}

    bus.run(scenario())
