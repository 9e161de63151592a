"""Dead letters over the official SDK, against the sandbox's Service Bus: looked at, taken, sent again, left alone."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import aclosing, asynccontextmanager
from datetime import timedelta
from uuid import UUID, uuid4

import pytest
from azure.servicebus import ServiceBusMessage
from azure.servicebus.amqp import AmqpAnnotatedMessage

from connector.bus_connection import close_quietly, connect
from connector.dead_letter_queue import TAKEN, DeadLetterQueue, PutAside
from connector.errors import Misconfigured
from connector.inbox import Outgoing
from connector.replays import REPLAY, replay_id
from tests.connector.local_bus import QUEUE, Bus

RUN = UUID(int=1)


@asynccontextmanager
async def letters(bus: Bus, count: int, code: str = "price-missing") -> AsyncIterator[DeadLetterQueue]:
    """So many dead letters, and what opens them; at the end none is left."""
    await bus.send(*(Outgoing(f'{{"n":{n}}}'.encode(), f"{bus.id}-{n}") for n in range(count)))
    await put_aside(bus, count, code)
    try:
        async with DeadLetterQueue(bus.connection, QUEUE, wait=2, now=bus.clock.now) as queue:
            yield queue
    finally:
        await clear(bus)


async def put_aside(bus: Bus, count: int, code: str) -> None:
    while count:
        for received in await bus.inbox.receive(count, 5):
            await bus.inbox.dead_letter(received, code, f"Because of {code}.")
            count -= 1


async def clear(bus: Bus) -> None:
    bus.clock.advance(timedelta(minutes=1))
    async with DeadLetterQueue(bus.connection, QUEUE, wait=2, now=bus.clock.now) as queue:
        everything = {one.sequence for one in await queue.peek()}
        async with aclosing(queue.take(everything)) as parts:
            async for part in parts:
                for one in part:
                    await queue.remove(one)


async def sequences(queue: DeadLetterQueue) -> list[int]:
    return [one.sequence for one in await queue.peek()]


async def removed(queue: DeadLetterQueue, wanted: Iterable[int]) -> list[PutAside]:
    """Those that were there and free, which now are gone."""
    found = []
    async for part in queue.take(set(wanted)):
        for one in part:
            assert await queue.remove(one)
            found.append(one)
    return found


def test_looking_tells_code_sentence_and_message_page_by_page_and_locks_nothing(bus: Bus) -> None:
    async def scenario() -> None:
        async with letters(bus, 3) as queue:
            first, second = await queue.peek(most=2)
            assert (first.code, first.sentence) == ("price-missing", "Because of price-missing.")
            assert (first.envelope.message_id, first.envelope.body) == (f"{bus.id}-0", b'{"n":0}')
            (third,) = await queue.peek(second.sequence)
            assert await queue.peek(third.sequence) == []
            assert len(await removed(queue, [first.sequence, third.sequence])) == 2
            assert await sequences(queue) == [second.sequence]

    bus.run(scenario())


def test_only_what_was_chosen_is_taken_and_those_in_front_are_given_back_at_once(bus: Bus) -> None:
    async def scenario() -> None:
        async with letters(bus, 4) as queue:
            numbers = await sequences(queue)
            assert len(await removed(queue, numbers[3:])) == 1
            assert await sequences(queue) == numbers[:3]
            async with DeadLetterQueue(bus.connection, QUEUE, wait=5, now=bus.clock.now) as other:
                assert len(await removed(other, numbers)) == 3

    bus.run(scenario())


def test_more_than_are_taken_together_come_in_parts_and_stopping_leaves_the_rest(bus: Bus) -> None:
    async def scenario() -> None:
        async with letters(bus, TAKEN + 10) as queue:
            numbers = await sequences(queue)
            parts: list[int] = []
            async with aclosing(queue.take(set(numbers), lambda: bool(parts))) as taking:
                async for part in taking:
                    parts.append(len(part))
                    assert len(part) <= TAKEN
                    for one in part:
                        await queue.remove(one)
            assert len(parts) == 1
            assert await sequences(queue) == numbers[parts[0] :]

    bus.run(scenario())


def test_a_copy_holds_everything_its_sender_wrote_and_begins_anew(bus: Bus) -> None:
    async def scenario() -> None:
        client = connect(bus.connection)
        sender = client.get_queue_sender(QUEUE)
        message = ServiceBusMessage(
            b'{"n":1}',
            message_id=bus.id,
            subject="about",
            reply_to="replies",
            to="someone",
            correlation_id="c1",
            content_type="application/json",
            application_properties={"theirs": "kept"},
        )
        await sender.send_messages(message)
        await close_quietly(sender, client)
        (received,) = await bus.inbox.receive(1, 5)
        assert await bus.inbox.redeliver_at(received, bus.clock.now(), 1)
        (copy,) = await bus.inbox.receive(1, 5)
        await bus.inbox.dead_letter(copy, "price-missing", "None.")
        async with DeadLetterQueue(bus.connection, QUEUE, wait=2, now=bus.clock.now) as queue:
            async for (letter,) in queue.take(set(await sequences(queue))):
                assert letter.envelope.attempt == 1
                assert await queue.send_again([letter], RUN) == []
                assert await queue.remove(letter)
        again = await bus.one()
        envelope = again.envelope
        assert (envelope.attempt, envelope.lineage, envelope.message_id) == (
            0,
            replay_id(letter.envelope, RUN),
            envelope.lineage,
        )
        assert (envelope.body, envelope.content_type, envelope.correlation_id) == (b'{"n":1}', "application/json", "c1")
        assert (envelope.reply_to, envelope.properties["theirs"], envelope.properties[REPLAY]) == ("replies", "kept", 1)
        assert not {"DeadLetterReason", "connector-attempt"} & envelope.properties.keys()

    bus.run(scenario())


def test_sent_again_but_not_removed_it_arrives_once_by_the_same_run_and_anew_by_another(bus: Bus) -> None:
    async def scenario() -> None:
        async with letters(bus, 1) as queue:
            numbers = set(await sequences(queue))

            async def sent(run: UUID) -> PutAside:
                async for (letter,) in queue.take(numbers):
                    await queue.send_again([letter], run)
                    # The lock of whoever was killed runs out.
                    await queue.give_back(letter)
                return letter

            await sent(RUN)
            await sent(RUN)
            assert bus.server.counts(QUEUE).active == 1
            # The copy is refused; what it was refused for is mended, and the first letter sent again.
            await put_aside(bus, 1, "refused")
            await sent(UUID(int=2))
            assert bus.server.counts(QUEUE).active == 1
            assert len(await sequences(queue)) == 2

    bus.run(scenario())


def test_what_somebody_else_has_at_work_is_not_taken_but_still_seen(bus: Bus) -> None:
    async def scenario() -> None:
        async with letters(bus, 2) as one:
            numbers = await sequences(one)
            async with DeadLetterQueue(bus.connection, QUEUE, wait=1, now=bus.clock.now) as other:
                async with aclosing(one.take(set(numbers))) as taking:
                    first, second = await anext(taking)
                    assert await removed(other, numbers) == []
                    assert await sequences(other) == numbers
                    assert await one.remove(first)
                    assert not await one.remove(first)
                    await one.give_back(second)
                assert [each.sequence for each in await removed(other, numbers)] == numbers[1:]

    bus.run(scenario())


def test_two_who_send_the_same_ones_again_at_once_send_each_once(bus: Bus) -> None:
    async def scenario() -> None:
        async with letters(bus, 2 * TAKEN) as queue:
            numbers = set(await sequences(queue))

            async def replay() -> int:
                count = 0
                async with DeadLetterQueue(bus.connection, QUEUE, wait=1, now=bus.clock.now) as own:
                    async for part in own.take(numbers):
                        await own.send_again(part, uuid4())
                        count += sum(await asyncio.gather(*(own.remove(one) for one in part)))
                return count

            assert sum(await asyncio.gather(replay(), replay())) == len(numbers)
            assert bus.server.counts(QUEUE).active == len(numbers)

    bus.run(scenario())


def test_a_message_of_several_values_is_told_from_one_that_can_be_carried_over(bus: Bus) -> None:
    async def scenario() -> None:
        client = connect(bus.connection)
        sender = client.get_queue_sender(QUEUE)
        await sender.send_messages(AmqpAnnotatedMessage(sequence_body=[["a", "b"]]))
        await close_quietly(sender, client)
        await put_aside(bus, 1, "x")
        async with DeadLetterQueue(bus.connection, QUEUE, wait=2, now=bus.clock.now) as queue:
            (seen,) = await queue.peek()
            assert not seen.is_whole
        await clear(bus)

    bus.run(scenario())


def test_a_queue_that_is_not_there_is_said(bus: Bus) -> None:
    async def scenario() -> None:
        async with DeadLetterQueue(bus.connection, "nowhere") as queue:
            with pytest.raises(Misconfigured, match="bus-queue"):
                await queue.peek()

    bus.run(scenario())
