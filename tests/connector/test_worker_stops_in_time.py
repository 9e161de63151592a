"""Nothing outside keeps the worker from ending: no probe, no settlement, no sign-in that is never answered."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Sequence

import pytest

from connector.breaker import State
from connector.bus_access import Namespace
from connector.bus_connection import signed_in
from connector.envelope import Envelope
from connector.inbox import Received
from connector.settlement import Pause, Settlement
from connector.sign_in.tokens import AccessToken, Tokens
from tests.connector.fakes import FakeInbox
from tests.connector.worker_case import Case, all_done


def paused(envelopes: Sequence[Envelope]) -> list[Settlement]:
    return [Pause("code", "sentence") for _ in envelopes]


def test_stopping_does_not_wait_for_a_probe_that_hangs() -> None:
    free, asked = threading.Event(), threading.Event()

    def probe() -> None:
        asked.set()
        free.wait(10)

    async def scenario() -> None:
        case = Case(paused, probe)
        case.queue.put("a")
        run = asyncio.ensure_future(case.worker.run())
        await case.until(lambda: case.worker.status().state is State.PAUSED)
        case.queue.waiting.clear()
        await case.time.advance(6)
        await case.until(asked.is_set)
        case.worker.stop()
        async with asyncio.timeout(5):
            await run

    try:
        asyncio.run(scenario())
    finally:
        free.set()


def test_stopping_does_not_wait_for_a_queue_that_is_being_tried() -> None:
    async def scenario() -> None:
        case = Case(paused)
        case.queue.put("a")
        run = asyncio.ensure_future(case.worker.run())
        await case.until(lambda: case.worker.status().state is State.PAUSED)
        case.queue.waiting.clear()
        case.queue.hangs = True
        await case.time.advance(6)
        await case.until(lambda: case.queue.tried == 1)
        case.worker.stop()
        async with asyncio.timeout(5):
            await run
        assert case.queue.opened == case.queue.closed

    asyncio.run(scenario())


class Deaf(FakeInbox):
    """Never confirms that a message named ``deaf`` is done."""

    async def complete(self, received: Received) -> bool:
        if received.envelope.message_id == "deaf":
            await asyncio.Event().wait()
        return await super().complete(received)


def deaf_case() -> Case:
    case = Case(all_done)

    def opened() -> Deaf:
        case.queue.opened += 1
        return Deaf(case.queue)

    case.worker._open_inbox = opened
    return case


def test_a_queue_that_never_confirms_is_given_up_and_the_receiver_built_anew() -> None:
    async def scenario() -> None:
        case = deaf_case()
        case.queue.put("fine", "deaf")
        async with case.running():
            await case.until(lambda: case.queue.locked == {"deaf"} and len(case.queue.done) == 1)
            await case.time.advance(59)
            assert case.queue.opened == 1, "it gets its time"
            await case.in_time(lambda: case.queue.opened == 2)
            assert case.worker.status().counts == {"completed": 1, "unconfirmed": 1}
            case.queue.put("next")
            await case.until(lambda: ("next", "complete") in case.queue.done)

    asyncio.run(scenario())


def test_stopping_gives_settlements_no_more_than_their_share() -> None:
    async def scenario() -> None:
        case = deaf_case()
        case.queue.put("deaf")
        run = asyncio.ensure_future(case.worker.run())
        await case.until(lambda: case.queue.locked == {"deaf"})
        await case.time.advance(1)
        case.worker.stop()
        await case.time.advance(19)
        assert not run.done(), "it gets its time"
        await case.time.advance(6)
        async with asyncio.timeout(5):
            await run

    asyncio.run(scenario())


class Hanging(Tokens):
    """A sign-in that is not answered before it is let go."""

    def __init__(self, free: threading.Event) -> None:
        self._free = free

    def access_token(self) -> AccessToken:
        """None within reason."""
        self._free.wait(10)
        return AccessToken("token", 0, 0)


def test_a_sign_in_that_hangs_does_not_keep_the_loop_from_ending() -> None:
    free = threading.Event()

    async def give_up() -> None:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.01):
                await signed_in(Namespace("contoso.servicebus.windows.net", Hanging(free)))

    try:
        began = time.monotonic()
        asyncio.run(give_up())
        assert time.monotonic() - began < 5
    finally:
        free.set()
