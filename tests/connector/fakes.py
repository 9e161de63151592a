"""A queue in memory and a clock that jumps: what a worker sees of the world when nothing real is there."""

from __future__ import annotations

import asyncio
import heapq
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from itertools import count

from connector.envelope import Envelope
from connector.errors import ConnectorError
from connector.inbox import Received

NOW = datetime(2024, 1, 1, 12, tzinfo=UTC)
LOCK = timedelta(seconds=60)


class JumpingTime:
    """Time stands still while anybody can run, and jumps to the next sleeper's moment when nobody can."""

    def __init__(self) -> None:
        self.present = NOW
        self._sleepers: list[tuple[datetime, int, asyncio.Future[None]]] = []
        self._order = count()

    def now(self) -> datetime:
        """The present."""
        return self.present

    async def sleep(self, seconds: float) -> None:
        """Sleep in this time."""
        woken: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        heapq.heappush(self._sleepers, (self.present + timedelta(seconds=seconds), next(self._order), woken))
        await woken

    async def advance(self, seconds: float) -> None:
        """Let so much time pass, waking sleepers in their order and letting everybody run in between."""
        end = self.present + timedelta(seconds=seconds)
        await settle_down()
        while self._sleepers and self._sleepers[0][0] <= end:
            moment, _, woken = heapq.heappop(self._sleepers)
            self.present = max(self.present, moment)
            if not woken.done():
                woken.set_result(None)
                await settle_down()
        self.present = end


async def settle_down() -> None:
    """Let every task run until none can go on; work in threads gets a moment of real time."""
    for _ in range(20):
        await asyncio.sleep(0)


@dataclass
class FakeQueue:
    """A queue that several inboxes share, with a record of everything that was done to its messages.

    A copy that is due is handed out by the next receive call that begins; ``weariest`` is the highest delivery count.
    """

    time: JumpingTime
    waiting: list[Envelope] = field(default_factory=list)
    copies: list[tuple[datetime, Envelope]] = field(default_factory=list)
    weariest: int = 0
    done: list[tuple[object, ...]] = field(default_factory=list)
    opened: int = 0
    closed: int = 0
    renewed: list[str] = field(default_factory=list)
    locked: set[str] = field(default_factory=set)
    batches: list[int] = field(default_factory=list)
    renewing: Callable[[], Awaitable[None]] | None = None
    renew_to: Callable[[Envelope], datetime | None] | None = None
    troubles: list[object] = field(default_factory=list)
    refusal: ConnectorError | None = None
    hangs: bool = False
    tried: int = 0
    on_end: Callable[[], None] = lambda: None
    arrived: asyncio.Event = field(default_factory=asyncio.Event)

    def put(self, *names: str, attempt: int = 0) -> None:
        """More messages."""
        for name in names:
            self.waiting.append(Envelope(name, b"{}", None, enqueued_at=NOW, lineage=name, attempt=attempt))
        self.arrived.set()

    def open(self) -> FakeInbox:
        """One more inbox."""
        self.opened += 1
        return FakeInbox(self)


class FakeInbox:
    """An ``Inbox`` on a ``FakeQueue``; a trouble in the queue's list strikes the next receive call.

    While the queue has a ``refusal``, everyone who opens or receives meets it; while it ``hangs``, nobody opens.
    """

    def __init__(self, queue: FakeQueue) -> None:
        self._queue = queue
        self._held: set[str] = set()

    async def open(self) -> None:
        self._queue.tried += 1
        if self._queue.hangs:
            await asyncio.Event().wait()
        if self._queue.refusal is not None:
            raise self._queue.refusal

    async def receive(self, max_messages: int, max_wait: float) -> list[Received]:
        queue = self._queue
        if queue.refusal is not None:
            raise queue.refusal
        if queue.troubles:
            trouble = queue.troubles.pop(0)
            if isinstance(trouble, Exception):
                raise trouble
            await asyncio.Event().wait()
        now = queue.time.now()
        queue.waiting += [copy for when, copy in queue.copies if when <= now]
        queue.copies = [(when, copy) for when, copy in queue.copies if when > now]
        if not queue.waiting:
            queue.arrived.clear()
            arrival = asyncio.ensure_future(queue.arrived.wait())
            sleeper = asyncio.ensure_future(queue.time.sleep(max_wait))
            await asyncio.wait({arrival, sleeper}, return_when=asyncio.FIRST_COMPLETED)
            arrival.cancel()
            sleeper.cancel()
        batch = [replace(e, locked_until=queue.time.now() + LOCK) for e in queue.waiting[:max_messages]]
        del queue.waiting[:max_messages]
        queue.locked |= {envelope.message_id for envelope in batch}
        if batch:
            queue.batches.append(len(batch))
        return [Received(envelope) for envelope in batch]

    async def complete(self, received: Received) -> bool:
        return self._end(received, "complete")

    async def dead_letter(self, received: Received, code: str, sentence: str) -> bool:
        return self._end(received, "dead-letter", code, sentence)

    async def redeliver_at(self, received: Received, when: datetime, attempt: int) -> bool:
        self._queue.copies.append((when, replace(received.envelope, attempt=attempt, delivery_count=0)))
        return self._end(received, "redeliver", when, attempt)

    async def release(self, received: Received) -> bool:
        envelope = received.envelope
        again = replace(envelope, delivery_count=envelope.delivery_count + 1)
        self._queue.waiting.append(again)
        self._queue.weariest = max(self._queue.weariest, again.delivery_count)
        return self._end(received, "release")

    async def renew(self, received: Received) -> datetime | None:
        self._queue.renewed.append(received.envelope.message_id)
        if self._queue.renewing is not None:
            await self._queue.renewing()
        if self._queue.renew_to is not None:
            return self._queue.renew_to(received.envelope)
        return self._queue.time.now() + LOCK

    async def close(self) -> None:
        self._queue.closed += 1

    def _end(self, received: Received, *what: object) -> bool:
        self._queue.on_end()
        self._queue.locked.discard(received.envelope.message_id)
        self._queue.done.append((received.envelope.message_id, *what))
        return True
