"""A worker that somebody holds: what is at work is finished, nothing more is received, and nothing is probed."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import timedelta

from connector.breaker import HELD, Breaker, State
from connector.envelope import Envelope
from connector.settlement import Pause, Settlement
from connector.telemetry.instruments import PAUSES, QUEUE
from connector.telemetry.pausing import CountingBreaker
from tests.connector.fakes import NOW
from tests.connector.telemetry.taken import taken
from tests.connector.worker_case import Case, all_done


def test_while_it_is_held_nothing_is_received_and_once_let_go_it_goes_on() -> None:
    async def live() -> None:
        case = Case(all_done)
        async with case.running():
            await case.live(10)
            case.worker.hold("Maintenance.")
            await case.live(10)
            case.queue.put("1", "2")
            await case.live(600)
            assert case.queue.done == []
            status = case.worker.status()
            assert (status.state, status.code, status.sentence) == (State.PAUSED, HELD, "Maintenance.")
            case.worker.hold(None)
            await case.live(10)
            assert [one[1] for one in case.queue.done] == ["complete", "complete"]
            assert case.worker.status().state is State.RUNNING

    asyncio.run(live())


def test_what_is_at_work_when_it_is_held_is_finished() -> None:
    async def live() -> None:
        def held_meanwhile(envelopes: Sequence[Envelope]) -> list[Settlement]:
            loop.call_soon_threadsafe(case.worker.hold, "Maintenance.")
            return all_done(envelopes)

        loop = asyncio.get_running_loop()
        case = Case(held_meanwhile)
        case.queue.put("1")
        async with case.running():
            await case.until(lambda: bool(case.queue.done))
            case.queue.put("2")
            await case.live(60)
            assert [one[1] for one in case.queue.done] == ["complete"]
            assert case.worker.status().state is State.PAUSED

    asyncio.run(live())


def test_a_fault_of_ours_met_while_it_is_held_is_probed_only_once_it_is_let_go() -> None:
    probes: list[int] = []

    async def live() -> None:
        def paused(envelopes: Sequence[Envelope]) -> list[Settlement]:
            loop.call_soon_threadsafe(case.worker.hold, "Maintenance.")
            return [Pause("missing-privilege", "A role is missing.") for _ in envelopes]

        loop = asyncio.get_running_loop()
        case = Case(paused, probe=lambda: probes.append(1))
        case.queue.put("1")
        async with case.running():
            await case.until(lambda: case.worker.status().code == HELD)
            await case.live(600)
            assert probes == []
            assert case.worker.status().beneath == ("missing-privilege", "A role is missing."), "it is not hidden"
            case.worker.hold(None)
            assert case.worker.status().code == "missing-privilege"
            async with asyncio.timeout(10):
                while not probes:  # a thread of its own probes
                    await case.live(5)

    asyncio.run(live())


def test_stopping_ends_a_worker_that_is_held() -> None:
    async def live() -> None:
        case = Case(all_done)
        async with case.running():
            case.worker.hold("Maintenance.")
            await case.live(30)

    asyncio.run(asyncio.wait_for(live(), 10))


def test_held_reads_as_paused_and_is_no_pause_for_a_fault_of_ours() -> None:
    with taken() as telemetry:
        breaker = CountingBreaker("events")
        breaker.held = "Maintenance."
        assert breaker.reading == (2, {QUEUE: "events"})
        assert not breaker.may_work
        breaker.trip("c", "s", NOW)
        assert list(telemetry.values(PAUSES).values()) == [1]
        breaker.held = None
        assert breaker.reading == (2, {QUEUE: "events"})


def test_letting_go_does_not_end_a_pause() -> None:
    breaker = Breaker()
    breaker.held = "Maintenance."
    breaker.trip("c", "s", NOW)
    breaker.held = None
    assert not breaker.may_work
    assert breaker.wait(NOW) > timedelta()
