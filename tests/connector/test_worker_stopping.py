"""Ending in order: what is at work gets its time, and what does not come to its end is given back."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Sequence
from datetime import timedelta

from connector.breaker import State
from connector.envelope import Envelope
from connector.settlement import Pause, RedeliverAt, Settlement
from tests.connector.fakes import NOW
from tests.connector.worker_case import DONE, Case, all_done


def test_stopping_settles_what_is_done_gives_back_what_hangs_and_holds_no_lock() -> None:
    free = threading.Event()

    def process(envelopes: Sequence[Envelope]) -> list[Settlement]:
        if envelopes[0].message_id == "hangs":
            free.wait(10)
        return [DONE for _ in envelopes]

    async def scenario() -> None:
        case = Case(process, receivers=2)
        run = asyncio.ensure_future(case.worker.run())
        await case.time.advance(1)
        case.queue.put("hangs")
        await case.until(lambda: case.queue.locked == {"hangs"})
        case.queue.put("quick")
        await case.until(lambda: case.queue.done == [("quick", "complete")])
        case.worker.stop()
        await case.time.advance(19)
        assert case.queue.locked == {"hangs"}, "it gets its time"
        await case.time.advance(2)
        async with asyncio.timeout(10):
            await run
        assert case.queue.done == [("quick", "complete"), ("hangs", "release")]
        assert case.queue.locked == set()
        assert case.queue.opened == case.queue.closed

    try:
        asyncio.run(scenario())
    finally:
        free.set()


def test_stopping_does_not_wait_for_a_receive_call_that_hangs() -> None:
    async def scenario() -> None:
        case = Case(all_done)
        case.queue.troubles.append("silence")
        run = asyncio.ensure_future(case.worker.run())
        await case.time.advance(1)
        case.worker.stop()
        await case.time.advance(21)
        async with asyncio.timeout(10):
            await run

    asyncio.run(scenario())


def test_a_batch_that_never_ends_comes_again_as_an_attempt_and_the_receiver_goes_on() -> None:
    free = threading.Event()

    def process(envelopes: Sequence[Envelope]) -> list[Settlement]:
        if envelopes[0].message_id == "hangs":
            free.wait(10)
        return [DONE for _ in envelopes]

    async def scenario() -> None:
        case = Case(process)
        case.queue.put("hangs")
        async with case.running():
            await case.until(lambda: case.queue.locked == {"hangs"})
            await case.time.advance(1799)
            assert case.queue.done == []
            assert len(case.queue.renewed) == 59, "its lock is kept"
            await case.time.advance(1)
            when = NOW + timedelta(seconds=1830)
            await case.until(lambda: case.queue.done == [("hangs", "redeliver", when, 1)])
            case.queue.put("next")
            await case.until(lambda: ("next", "complete") in case.queue.done)

    try:
        asyncio.run(scenario())
    finally:
        free.set()


class Doubtful:
    """Doubts that last until they are told otherwise."""

    doubtful = True
    resumptions = 0

    def resumed(self) -> None:
        """Count it."""
        self.resumptions += 1


def test_the_waits_start_over_only_when_nothing_is_doubted_any_more() -> None:
    doubts, sound = Doubtful(), threading.Event()

    def process(envelopes: Sequence[Envelope]) -> list[Settlement]:
        wait = RedeliverAt(NOW + timedelta(days=1), 0, "wait")
        return [wait if e.message_id == "waits" else DONE if sound.is_set() else Pause("c", "s") for e in envelopes]

    async def scenario() -> None:
        case = Case(process, doubts=doubts)
        case.queue.put("a")
        async with case.running():
            await case.until(lambda: case.worker.status().state is State.PAUSED)
            case.queue.waiting.clear()
            await case.in_time(lambda: case.worker.status().state is State.TRYING)
            assert doubts.resumptions == 1
            case.queue.put("waits")
            await case.until(lambda: ("waits", "redeliver", NOW + timedelta(days=1), 0) in case.queue.done)
            assert case.worker.status().state is State.TRYING, "a wait proves nothing"
            case.queue.put("b")
            await case.until(lambda: case.worker.status().state is State.PAUSED)
            await case.time.advance(9)
            assert doubts.resumptions == 1, "the second wait is twice the first"
            doubts.doubtful = False
            sound.set()
            await case.in_time(lambda: case.worker.status().state is State.RUNNING)
            assert doubts.resumptions == 2

    asyncio.run(scenario())


def test_no_more_is_received_once_a_pause_is_called_for_even_while_its_batch_is_being_settled() -> None:
    async def scenario() -> None:
        case = Case(lambda envelopes: [Pause("c", "s", RedeliverAt(NOW, 3, "later")) for _ in envelopes])
        states: list[State] = []
        case.queue.on_end = lambda: states.append(case.worker.status().state)
        case.queue.put("a")
        async with case.running():
            await case.until(lambda: case.queue.done == [("a", "redeliver", NOW, 3)])
        assert states == [State.PAUSED]

    asyncio.run(scenario())


def test_while_it_is_worth_waiting_messages_gather_in_the_queue_and_make_a_full_batch() -> None:
    async def scenario() -> None:
        tight = [timedelta(seconds=2)]
        case = Case(all_done, linger=lambda: tight[0])
        case.queue.put("a")
        async with case.running():
            await case.time.advance(1)
            case.queue.put("b", "c")
            assert case.queue.locked == set()
            assert case.queue.batches == []
            await case.time.advance(1)
            await case.until(lambda: case.queue.batches == [3])
            tight[0] = timedelta()

    asyncio.run(scenario())


def test_nothing_is_taken_from_the_queue_while_nothing_could_be_done_with_it() -> None:
    async def scenario() -> None:
        left = [timedelta(minutes=5)]
        case = Case(all_done, linger=lambda: left[0])
        case.queue.put("a")
        async with case.running():
            await case.time.advance(60)
            assert case.queue.batches == []
            assert case.worker.status().last_turn[0] >= NOW + timedelta(seconds=55), "the receiver is alive"
            left[0] = timedelta()
            await case.time.advance(5)
            await case.until(lambda: case.queue.done == [("a", "complete")])

    asyncio.run(scenario())
