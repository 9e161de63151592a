"""A worker on a queue in memory, at a clock that jumps."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta

from connector.breaker import Breaker, Waits
from connector.doubts import Doubts
from connector.envelope import Envelope
from connector.recoverability import Policy
from connector.settlement import Complete, Settlement
from connector.worker import Pace, Worker
from tests.connector.fakes import FakeQueue, JumpingTime

DONE = Complete("it is done")
Process = Callable[[Sequence[Envelope]], Sequence[Settlement]]


def all_done(envelopes: Sequence[Envelope]) -> list[Settlement]:
    return [DONE for _ in envelopes]


def no_probe() -> None:
    return None


class Case:
    """A worker on a queue in memory."""

    def __init__(
        self,
        process: Process,
        probe: Callable[[], None] = no_probe,
        receivers: int = 1,
        doubts: Doubts | None = None,
        linger: Callable[[], timedelta] = timedelta,
    ) -> None:
        self.time = JumpingTime()
        self.queue = FakeQueue(self.time)
        self.worker = Worker(
            self.queue.open,
            process,
            probe,
            pace=Pace(receivers=receivers, largest_batch=8),
            policy=Policy(immediate=0, delays=[timedelta(seconds=30)] * 3, jitter=0),
            breaker=Breaker(Waits(first=timedelta(seconds=5))),
            doubts=doubts,
            linger=linger,
            now=self.time.now,
            sleep=self.time.sleep,
        )

    async def live(self, seconds: int) -> None:
        """Let so much time pass, which stands still every few seconds until no message is at work."""
        for _ in range(0, seconds, 5):
            await self.time.advance(5)
            while self.queue.locked:
                await asyncio.sleep(0.0005)

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

    async def in_time(self, condition: Callable[[], bool]) -> None:
        """Let time pass, a second after the other, until the condition holds.

        What waits for a thread begins its own waiting at whatever moment the thread comes back.
        """
        async with asyncio.timeout(10):
            while not condition():
                await self.time.advance(1)
                await asyncio.sleep(0.01)
