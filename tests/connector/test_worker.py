from __future__ import annotations

import asyncio
import threading
from collections.abc import Sequence
from datetime import timedelta

from connector.envelope import Envelope
from connector.settlement import DeadLetter, RedeliverAt, Settlement
from tests.connector.fakes import NOW
from tests.connector.worker_case import DONE, Case, all_done


def test_messages_are_processed_and_settled_as_told() -> None:
    when = NOW + timedelta(minutes=5)
    verdicts: dict[str, Settlement] = {
        "a": DONE,
        "b": RedeliverAt(when, 3, "later"),
        "c": DeadLetter("bad", "It is bad."),
    }

    async def scenario() -> None:
        case = Case(lambda envelopes: [verdicts[e.message_id] for e in envelopes])
        case.queue.put("a", "b", "c")
        async with case.running():
            await case.until(lambda: len(case.queue.done) == 3)
        assert sorted(case.queue.done, key=str) == [
            ("a", "complete"),
            ("b", "redeliver", when, 3),
            ("c", "dead-letter", "bad", "It is bad."),
        ]
        assert case.worker.status().counts == {"completed": 1, "redelivered": 1, "dead-lettered": 1}

    asyncio.run(scenario())


def test_batches_grow_while_full_and_shrink_when_the_queue_runs_dry() -> None:
    async def scenario() -> None:
        case = Case(all_done)
        case.queue.put(*(f"m{number}" for number in range(20)))
        async with case.running():
            await case.until(lambda: len(case.queue.done) == 20)
            await case.time.advance(1)
            case.queue.put("late")
            await case.until(lambda: len(case.queue.done) == 21)
        assert case.queue.batches == [1, 2, 4, 8, 5, 1]

    asyncio.run(scenario())


def test_locks_are_renewed_at_half_their_time_while_a_batch_is_at_work() -> None:
    may_finish = threading.Event()

    def slow(envelopes: Sequence[Envelope]) -> list[Settlement]:
        assert may_finish.wait(10)
        return [DONE for _ in envelopes]

    async def scenario() -> None:
        case = Case(slow)
        case.queue.put("a")
        async with case.running():
            await case.until(lambda: case.queue.locked == {"a"})
            await case.time.advance(29)
            assert case.queue.renewed == []
            await case.time.advance(70)
            assert case.queue.renewed == ["a", "a", "a"]
            may_finish.set()
            await case.until(lambda: case.queue.done == [("a", "complete")])

    asyncio.run(scenario())


def test_a_message_whose_lock_was_lost_at_work_is_not_settled() -> None:
    may_finish = threading.Event()

    def slow(envelopes: Sequence[Envelope]) -> list[Settlement]:
        assert may_finish.wait(10)
        return [DONE for _ in envelopes]

    async def scenario() -> None:
        case = Case(slow)
        case.queue.renew_to = lambda _: None
        case.queue.put("a")
        async with case.running():
            await case.until(lambda: case.queue.locked == {"a"})
            await case.time.advance(40)
            may_finish.set()
            await case.until(lambda: case.worker.status().counts.get("lock-lost") == 1)
        assert case.queue.done == []

    asyncio.run(scenario())


def test_stopping_finishes_the_batch_at_work_and_leaves_no_lock_behind() -> None:
    at_work, may_finish = threading.Event(), threading.Event()

    def slow(envelopes: Sequence[Envelope]) -> list[Settlement]:
        at_work.set()
        assert may_finish.wait(10)
        return [DONE for _ in envelopes]

    async def scenario() -> None:
        case = Case(slow, receivers=3)
        case.queue.put("a")
        run = asyncio.ensure_future(case.worker.run())
        await case.until(at_work.is_set)
        case.worker.stop()
        await case.time.advance(6)
        assert not run.done()
        case.queue.put("b")
        may_finish.set()
        async with asyncio.timeout(10):
            await run
        assert case.queue.done == [("a", "complete")]
        assert [envelope.message_id for envelope in case.queue.waiting] == ["b"]
        assert case.queue.locked == set()
        assert case.queue.opened == case.queue.closed == 3

    asyncio.run(scenario())


def test_a_message_that_arrives_while_stopping_is_given_back() -> None:
    async def scenario() -> None:
        case = Case(all_done)
        run = asyncio.ensure_future(case.worker.run())
        await case.time.advance(1)
        case.worker.stop()
        await asyncio.sleep(0)
        case.queue.put("late")
        async with asyncio.timeout(10):
            await run
        assert case.queue.done == [("late", "release")]

    asyncio.run(scenario())


def test_a_worker_told_to_stop_before_it_runs_does_nothing() -> None:
    async def scenario() -> None:
        case = Case(all_done)
        case.queue.put("a")
        case.worker.stop()
        await case.worker.run()
        assert case.queue.opened == 0

    asyncio.run(scenario())
