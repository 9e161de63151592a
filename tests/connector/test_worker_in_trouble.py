from __future__ import annotations

import asyncio
import threading
from collections.abc import Sequence
from datetime import datetime, timedelta

import pytest

from connector.breaker import State
from connector.envelope import Envelope
from connector.errors import ConnectorError, Misconfigured, Throttled, Transient
from connector.settlement import Pause, Settlement
from tests.connector.fakes import NOW
from tests.connector.worker_case import DONE, Case, all_done


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
            assert case.queue.opened == opened + 1 + 3, "once to try the queue, then once per receiver"
            await case.until(lambda: case.worker.status().state is State.RUNNING)

    asyncio.run(scenario())


@pytest.mark.parametrize(
    ("trouble", "wait", "code"),
    [
        (Throttled("own-budget", "Later.", timedelta(seconds=90)), 90, "missing-privilege"),
        (Transient("unavailable", "Later.", timedelta(seconds=90)), 90, "unavailable"),
        (RuntimeError("a mistake in the probe"), 10, "probe-failed"),
    ],
)
def test_a_probe_that_fails_keeps_the_pause_for_as_long_as_it_must_and_its_reason_where_it_only_has_to_wait(
    trouble: Exception, wait: float, code: str
) -> None:
    probes: list[datetime] = []

    async def scenario() -> None:
        def probe() -> None:
            probes.append(case.time.now())
            if len(probes) == 1:
                raise trouble

        case = Case(lambda envelopes: [Pause("missing-privilege", "s") for _ in envelopes], probe)
        case.queue.put("a")
        async with case.running():
            await case.until(lambda: case.worker.status().state is State.PAUSED)
            await case.time.advance(5)
            await case.until(lambda: len(probes) == 1)
            await case.time.advance(wait - 1)
            assert (len(probes), case.worker.status().code) == (1, code)
            await case.time.advance(1)
            await case.until(lambda: len(probes) == 2)

    asyncio.run(scenario())


def test_a_queue_that_may_not_be_received_from_pauses_the_worker_until_it_may() -> None:
    probes: list[datetime] = []

    async def scenario() -> None:
        case = Case(all_done, lambda: probes.append(case.time.now()), receivers=2)
        case.queue.refusal = Misconfigured("bus-sign-in", "The key was changed.")
        case.queue.put("a")
        async with case.running():
            await case.until(lambda: case.worker.status().state is State.PAUSED and case.queue.closed == 2)
            assert (case.worker.status().code, case.worker.status().sentence) == ("bus-sign-in", "The key was changed.")
            await case.time.advance(4)
            assert (case.queue.opened, probes) == (2, [])
            await case.time.advance(1)
            await case.until(lambda: case.queue.closed == 3)
            assert len(probes) == 1
            assert case.worker.status().state is State.PAUSED, "Dataverse is sound, the queue is not"
            case.queue.refusal = None
            await case.time.advance(9)
            assert case.queue.opened == 3, "the second wait is twice the first"
            await case.time.advance(1)
            await case.until(lambda: case.queue.done == [("a", "complete")])
            await case.until(lambda: case.worker.status().state is State.RUNNING)
            assert case.worker.status().code is None

    asyncio.run(scenario())


def test_a_queue_that_does_not_answer_the_probe_keeps_the_pause_and_its_inbox_is_closed() -> None:
    async def scenario() -> None:
        case = Case(lambda envelopes: [Pause("c", "s") for _ in envelopes])
        case.queue.put("a")
        case.queue.hangs = True
        async with case.running():
            await case.until(lambda: case.worker.status().state is State.PAUSED)
            await case.time.advance(5)
            await case.until(lambda: case.queue.tried == 1)
            await case.time.advance(60)
            await case.until(lambda: case.worker.status().code == "bus-silent")
            assert case.worker.status().state is State.PAUSED
            assert case.queue.opened == case.queue.closed == 2

    asyncio.run(scenario())


def test_a_stopped_worker_says_how_its_messages_ended(caplog: pytest.LogCaptureFixture) -> None:
    async def scenario() -> None:
        case = Case(all_done)
        case.queue.put("a", "b")
        async with case.running():
            await case.until(lambda: len(case.queue.done) == 2)

    with caplog.at_level("INFO", logger="connector.worker"):
        asyncio.run(scenario())

    assert "stopped; messages by how they ended: {'completed': 2}" in caplog.messages


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
