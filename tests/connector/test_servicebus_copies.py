"""Copies of a message that carry it on: later, afresh, or after a wait, each under an id that can be derived."""

from __future__ import annotations

from datetime import timedelta

from connector import servicebus
from connector.inbox import copy_id
from tests.connector.local_bus import QUEUE, Bus
from tests.connector.test_servicebus import message


def test_a_delayed_copy_arrives_when_due_under_its_derived_id_with_everything_it_needs(bus: Bus) -> None:
    async def scenario() -> None:
        await bus.send(message(bus.id, correlation_id="c1", properties={"k": "v"}))
        first = await bus.one()
        assert await bus.inbox.redeliver_at(first, bus.clock.now() + timedelta(minutes=5), 1)
        assert await bus.inbox.receive(1, 0.2) == []

        bus.clock.advance(timedelta(minutes=5, seconds=1))
        copy = await bus.one()
        envelope = copy.envelope
        assert envelope.message_id == copy_id(bus.id, 1)
        assert (envelope.lineage, envelope.attempt, envelope.correlation_id) == (bus.id, 1, "c1")
        assert (envelope.body, envelope.content_type) == (first.envelope.body, "application/json")
        assert envelope.properties["k"] == "v"
        assert envelope.enqueued_at == first.envelope.enqueued_at

        assert await bus.inbox.redeliver_at(copy, bus.clock.now(), 2)
        third = await bus.one()
        assert third.envelope.message_id == copy_id(bus.id, 2)
        assert third.envelope.enqueued_at == first.envelope.enqueued_at
        assert await bus.inbox.complete(third)
        assert bus.server.counts(QUEUE).active == 0

    bus.run(scenario())


def test_a_second_copy_of_the_same_attempt_is_dropped_by_the_queue(bus: Bus) -> None:
    async def scenario() -> None:
        await bus.send(message(bus.id))
        first = await bus.one()
        await bus.inbox._send_copy(servicebus.envelope_copy(first, bus.clock.now(), 1, 0))
        await bus.inbox.release(first)

        names = []
        for _ in range(2):
            received = await bus.one()
            names.append(received.envelope.message_id)
            if received.envelope.attempt == 0:
                assert await bus.inbox.redeliver_at(received, bus.clock.now(), 1)
            else:
                assert await bus.inbox.complete(received)
        assert sorted(names) == sorted([bus.id, copy_id(bus.id, 1)])
        assert await bus.inbox.receive(1, 0.2) == []

    bus.run(scenario())


def test_no_copy_is_made_when_the_lock_has_run_out_and_the_message_comes_again(bus: Bus) -> None:
    async def scenario() -> None:
        await bus.send(message(bus.id))
        received = await bus.one()
        bus.clock.advance(timedelta(seconds=31))

        assert not await bus.inbox.redeliver_at(received, bus.clock.now(), 1)
        assert not await bus.inbox.complete(received)
        assert await bus.inbox.renew(received) is None

        again = await bus.one()
        assert (again.envelope.message_id, again.envelope.delivery_count) == (bus.id, 1)
        assert bus.inbox.counts["lock-lost"] == 3
        assert await bus.inbox.complete(again)

    bus.run(scenario())


def test_a_message_given_back_too_often_is_replaced_by_a_fresh_copy_of_the_same_attempt(bus: Bus) -> None:
    async def scenario() -> None:
        await bus.send(message(bus.id))
        for _ in range(servicebus.WEARY + 1):
            assert await bus.inbox.release(await bus.one())

        fresh = await bus.one()
        envelope = fresh.envelope
        assert envelope.message_id == copy_id(bus.id, 0, 1)
        assert (envelope.lineage, envelope.attempt, envelope.delivery_count) == (bus.id, 0, 0)
        assert await bus.inbox.complete(fresh)
        assert bus.server.counts(QUEUE).active == 0

    bus.run(scenario())


def test_a_wait_that_was_no_attempt_is_carried_by_a_copy_of_the_same_attempt_under_an_id_of_its_own(bus: Bus) -> None:
    async def scenario() -> None:
        await bus.send(message(bus.id))
        names = []
        for attempt in (0, 0, 0, 1, 1, 2):
            received = await bus.one()
            names.append((received.envelope.message_id, received.envelope.attempt, received.envelope.lineage))
            assert await bus.inbox.redeliver_at(received, bus.clock.now(), attempt)
        last = await bus.one()
        names.append((last.envelope.message_id, last.envelope.attempt, last.envelope.lineage))
        assert await bus.inbox.complete(last)

        assert names == [
            (bus.id, 0, bus.id),
            (copy_id(bus.id, 0, 1), 0, bus.id),
            (copy_id(bus.id, 0, 2), 0, bus.id),
            (copy_id(bus.id, 0, 3), 0, bus.id),
            (copy_id(bus.id, 1), 1, bus.id),
            (copy_id(bus.id, 1, 1), 1, bus.id),
            (copy_id(bus.id, 2), 2, bus.id),
        ]
        assert bus.server.counts(QUEUE).active == 0

    bus.run(scenario())


def test_a_message_that_waited_and_is_then_given_back_too_often_is_still_refreshed_under_a_new_id(bus: Bus) -> None:
    async def scenario() -> None:
        await bus.send(message(bus.id))
        assert await bus.inbox.redeliver_at(await bus.one(), bus.clock.now(), 0)
        for _ in range(servicebus.WEARY + 1):
            assert await bus.inbox.release(await bus.one())

        fresh = await bus.one()
        assert fresh.envelope.message_id == copy_id(bus.id, 0, 2)
        assert (fresh.envelope.attempt, fresh.envelope.delivery_count) == (0, 0)
        assert await bus.inbox.complete(fresh)

    bus.run(scenario())
