from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import datetime, timedelta

import pytest

from connector.breaker import Breaker, State, Waits
from connector.envelope import Envelope
from connector.errors import ConnectorError, Misconfigured, Throttled, Transient
from connector.recoverability import Policy
from connector.settlement import Complete, DeadLetter, Pause, RedeliverAt, Settlement
from connector.worker import Pace, Worker
from tests.connector.fakes import NOW, FakeQueue, JumpingTime

DONE = Complete("it is done")
Process = Callable[[Sequence[Envelope]], Sequence[Settlement]]


def all_done(envelopes: Sequence[Envelope]) -> list[Settlement]:
    return [DONE for _ in envelopes]


def no_probe() -> None:
    return None


class Case:
    """A worker on a queue in memory."""

    def __init__(self, process: Process, probe: Callable[[], None] = no_probe, receivers: int = 1) -> None:
        self.time = JumpingTime()
        self.queue = FakeQueue(self.time)
        self.worker = Worker(
            self.queue.open,
            process,
            probe,
            pace=Pace(receivers=receivers, largest_batch=8),
            policy=Policy(immediate=0, delays=[timedelta(seconds=30)] * 3, jitter=0),
            breaker=Breaker(Waits(first=timedelta(seconds=5))),
            now=self.time.now,
            sleep=self.time.sleep,
        )

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Run the worker for the block, then stop it gracefully."""
        run = asyncio.ensure_future(self.worker.run())
        try:
            yield
        finally:
            self.worker.stop()
            while not run.done():
                await self.time.advance(1)
                await asyncio.sleep(0.001)
            await run

    async def until(self, condition: Callable[[], bool]) -> None:
        """Let threads and tasks run, at a standing clock, until the condition holds."""
        async with asyncio.timeout(10):
            while not condition():
                await asyncio.sleep(0.001)


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


def test_a_pause_gives_the_message_back_closes_all_receivers_and_goes_on_when_a_probe_succeeds() -> None:
    sound = threading.Event()
    probes: list[datetime] = []

    def process(envelopes: Sequence[Envelope]) -> list[Settlement]:
        return [DONE if sound.is_set() else Pause("missing-privilege", "A role was removed.") for _ in envelopes]

    async def scenario() -> None:
        def probe() -> None:
            probes.append(case.time.now())
            if not sound.is_set():
                raise Misconfigured("missing-privilege", "Still.")

        case = Case(process, probe, receivers=3)
        async with case.running():
            await case.time.advance(1)
            case.queue.put("a")
            await case.until(lambda: case.worker.status().state is State.PAUSED)
            await case.time.advance(5)
            await case.until(lambda: len(probes) == 1 and case.queue.closed == 3)
            assert set(case.queue.done) == {("a", "release")}
            assert [envelope.message_id for envelope in case.queue.waiting] == ["a"]
            assert case.worker.status().code == "missing-privilege"
            opened = case.queue.opened
            await case.time.advance(9)
            assert len(probes) == 1
            sound.set()
            await case.time.advance(1)
            await case.until(lambda: ("a", "complete") in case.queue.done)
            assert case.queue.opened == opened + 3
            assert case.worker.status().state is State.RUNNING

    asyncio.run(scenario())


@pytest.mark.parametrize(
    ("trouble", "wait"),
    [
        (Throttled("throttled", "Later.", timedelta(seconds=90)), 90),
        (RuntimeError("a mistake in the probe"), 10),
    ],
)
def test_a_probe_that_fails_keeps_the_pause_for_as_long_as_it_must(trouble: Exception, wait: float) -> None:
    probes: list[datetime] = []

    async def scenario() -> None:
        def probe() -> None:
            probes.append(case.time.now())
            if len(probes) == 1:
                raise trouble

        case = Case(lambda envelopes: [Pause("c", "s") for _ in envelopes], probe)
        case.queue.put("a")
        async with case.running():
            await case.until(lambda: case.worker.status().state is State.PAUSED)
            await case.time.advance(5)
            await case.until(lambda: len(probes) == 1)
            await case.time.advance(wait - 1)
            assert len(probes) == 1
            await case.time.advance(1)
            await case.until(lambda: len(probes) == 2)

    asyncio.run(scenario())


def test_an_unexpected_exception_completes_nothing_and_strikes_only_the_message_at_fault() -> None:
    def process(envelopes: Sequence[Envelope]) -> list[Settlement]:
        if any(envelope.message_id == "bad" for envelope in envelopes):
            raise ZeroDivisionError
        return [DONE for _ in envelopes]

    async def scenario() -> None:
        case = Case(process)
        case.queue.put("a", "bad", "b", "c", "d")
        async with case.running():
            await case.until(lambda: len(case.queue.done) == 5)
        assert ("bad", "redeliver", NOW + timedelta(seconds=30), 1) in case.queue.done
        assert {entry[0] for entry in case.queue.done if entry[1] == "complete"} == {"a", "b", "c", "d"}

    asyncio.run(scenario())


def test_an_exception_that_never_ends_is_dead_lettered_in_the_end() -> None:
    def process(_: Sequence[Envelope]) -> list[Settlement]:
        raise ZeroDivisionError

    async def scenario() -> None:
        case = Case(process)
        case.queue.put("bad", attempt=3)
        async with case.running():
            await case.until(lambda: len(case.queue.done) == 1)
        [(name, what, code, _)] = case.queue.done
        assert (name, what, code) == ("bad", "dead-letter", "unexpected-error")

    asyncio.run(scenario())


def test_a_process_that_settles_the_wrong_number_completes_nothing() -> None:
    async def scenario() -> None:
        case = Case(lambda _: [DONE, DONE])
        case.queue.put("a")
        async with case.running():
            await case.until(lambda: len(case.queue.done) == 1)
        assert case.queue.done[0][1] == "redeliver"

    asyncio.run(scenario())


def test_a_receiver_that_fell_silent_is_built_anew() -> None:
    async def scenario() -> None:
        case = Case(all_done)
        case.queue.troubles.append("silence")
        case.queue.put("a")
        async with case.running():
            await case.time.advance(64)
            assert case.queue.opened == 1
            await case.time.advance(3)
            await case.until(lambda: case.queue.done == [("a", "complete")])
            assert case.queue.opened == 2

    asyncio.run(scenario())


@pytest.mark.parametrize("trouble", [Transient("bus-unreachable", "Down."), AttributeError("inside the SDK")])
def test_a_receiver_that_fails_is_built_anew_with_growing_waits(trouble: ConnectorError | Exception) -> None:
    async def scenario() -> None:
        case = Case(all_done)
        case.queue.troubles += [trouble] * 3
        case.queue.put("a")
        opened = []
        async with case.running():
            for _ in range(8):
                await case.time.advance(1)
                opened.append(case.queue.opened)
            await case.until(lambda: case.queue.done == [("a", "complete")])
        assert opened == [2, 2, 3, 3, 3, 3, 4, 4]

    asyncio.run(scenario())


def test_the_status_tells_when_each_receiver_last_turned() -> None:
    async def scenario() -> None:
        case = Case(all_done, receivers=2)
        async with case.running():
            await case.time.advance(11)
            status = case.worker.status()
        assert status.state is State.RUNNING
        assert status.last_turn == {0: NOW + timedelta(seconds=10), 1: NOW + timedelta(seconds=10)}

    asyncio.run(scenario())
