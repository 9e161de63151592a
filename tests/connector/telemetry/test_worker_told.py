"""A whole worker: every message it took is counted once, however its delivery ended."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Sequence

from connector.envelope import Envelope
from connector.settlement import DeadLetter, Settlement
from connector.telemetry.instruments import CODE, DEAD_LETTERS, DELAYED_RETRIES, OUTCOME, PROCESSED, QUEUE
from tests.connector.telemetry.taken import Taken, told
from tests.connector.worker_case import DONE, Case


def outcomes(taken: Taken) -> dict[object, float]:
    return {dict(one)[OUTCOME]: number for one, number in taken.values(PROCESSED).items()}


def test_what_is_done_refused_or_a_mistake_of_ours_is_counted_as_such(taken: Taken) -> None:
    def process(envelopes: Sequence[Envelope]) -> list[Settlement]:
        if any(envelope.message_id == "mistake" for envelope in envelopes):
            raise ZeroDivisionError
        return [DeadLetter("no-price", "why") if one.message_id == "refused" else DONE for one in envelopes]

    async def scenario() -> None:
        case = Case(process)
        case.queue.put("mistake", "refused", "done")
        async with case.running():
            await case.until(lambda: len(case.queue.done) == 3)

    asyncio.run(scenario())
    assert outcomes(taken) == {"completed": 1, "dead-lettered": 1, "redelivered": 1}
    assert taken.values(DEAD_LETTERS) == {told({QUEUE: "", CODE: "no-price"}): 1}
    assert taken.values(DELAYED_RETRIES) == {told({QUEUE: "", CODE: "unexpected-error"}): 1}


def test_what_hangs_when_the_worker_stops_is_counted_as_released(taken: Taken) -> None:
    free = threading.Event()

    def process(envelopes: Sequence[Envelope]) -> list[Settlement]:
        free.wait(10)
        return [DONE for _ in envelopes]

    async def scenario() -> None:
        case = Case(process)
        case.queue.put("hangs")
        async with case.running():
            await case.until(lambda: bool(case.queue.locked))

    try:
        asyncio.run(scenario())
    finally:
        free.set()
    assert outcomes(taken) == {"released": 1}


def test_a_lock_that_runs_out_at_work_is_counted_and_the_message_not_settled(taken: Taken) -> None:
    free = threading.Event()

    def process(envelopes: Sequence[Envelope]) -> list[Settlement]:
        free.wait(10)
        return [DONE for _ in envelopes]

    async def scenario() -> None:
        case = Case(process)
        case.queue.renew_to = lambda envelope: None
        case.queue.put("slow")
        async with case.running():
            await case.until(lambda: bool(case.queue.locked))
            await case.time.advance(50)
            free.set()
            await case.until(lambda: bool(outcomes(taken)))

    try:
        asyncio.run(scenario())
    finally:
        free.set()
    assert outcomes(taken) == {"lock-lost": 1}
