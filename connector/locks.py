"""Keeps messages locked while they are at work: one timer for all of them, whatever batch they came in."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any

from connector.inbox import Inbox, Received
from connector.waiting import Sleep, done_within, set_within

log = logging.getLogger(__name__)

SHORTEST = timedelta(seconds=1)
"""Between renewals at the least, however short the locks are."""
LAST_ANSWERS = 5.0
"""Seconds that renewals under way get to come back before their messages are settled."""


class Hold:
    """The locks of one batch, as long as its work lasts. ``lost``: the numbers of those that could not be kept."""

    def __init__(self, inbox: Inbox, batch: Sequence[Received], work: asyncio.Future[Any], at_once: int) -> None:
        self.lost: set[int] = set()
        self.due: dict[int, datetime] = {}
        self._inbox = inbox
        self._batch = batch
        self._work = work
        self._at_once = at_once
        self._waiting: deque[int] = deque()
        self._renewing: set[asyncio.Task[None]] = set()

    def renew(self, number: int, renewed: Callable[[int, datetime], None]) -> None:
        """Have this lock renewed, by one of few tasks; ``renewed`` is told the new end."""
        del self.due[number]
        self._waiting.append(number)
        if len(self._renewing) < self._at_once:
            task = asyncio.create_task(self._renew_waiting(renewed))
            self._renewing.add(task)
            task.add_done_callback(self._renewing.discard)

    async def end(self, sleep: Sleep) -> None:
        """Let the renewals under way come back; no more are begun once the work is done."""
        if self._renewing:
            await done_within(asyncio.gather(*self._renewing, return_exceptions=True), LAST_ANSWERS, sleep)

    async def _renew_waiting(self, renewed: Callable[[int, datetime], None]) -> None:
        while self._waiting and not self._work.done():
            number = self._waiting.popleft()
            end = await self._inbox.renew(self._batch[number])
            if end is not None:
                renewed(number, end)
            else:
                self.lost.add(number)
                name = self._batch[number].envelope.message_id
                log.warning("a lock was lost at work; its message will come again: %s", name)


class LockKeeper:
    """Renews every lock at half its time, until its batch is let go. For one event loop."""

    def __init__(self, at_once: int, now: Callable[[], datetime], sleep: Sleep) -> None:
        self._at_once = at_once
        self._now = now
        self._sleep = sleep
        self._holds: set[Hold] = set()
        self._timer: asyncio.Task[None] | None = None
        self._changed = asyncio.Event()

    def hold(self, inbox: Inbox, batch: Sequence[Received], work: asyncio.Future[Any]) -> Hold:
        """Keep these locked until the work is done and they are let go."""
        hold = Hold(inbox, batch, work, self._at_once)
        for number, received in enumerate(batch):
            if received.envelope.locked_until is not None:
                hold.due[number] = self._half_way(received.envelope.locked_until)
        self._holds.add(hold)
        self._changed.set()
        if self._timer is None:
            self._timer = asyncio.create_task(self._run())
        return hold

    async def let_go(self, hold: Hold) -> None:
        """Their work is done. The last one stops the timer."""
        self._holds.discard(hold)
        if not self._holds and self._timer is not None:
            self._timer.cancel()
            self._timer = None
        await hold.end(self._sleep)

    async def _run(self) -> None:
        while True:
            self._changed.clear()
            now = self._now()
            for hold in self._holds:
                for number in [number for number, due in hold.due.items() if due <= now]:
                    hold.renew(number, self._told(hold))
            next_due = min((due for hold in self._holds for due in hold.due.values()), default=now + timedelta(days=1))
            await set_within(self._changed, max((next_due - now).total_seconds(), 0), self._sleep)

    def _told(self, hold: Hold) -> Callable[[int, datetime], None]:
        def renewed(number: int, end: datetime) -> None:
            hold.due[number] = self._half_way(end)
            self._changed.set()

        return renewed

    def _half_way(self, end: datetime) -> datetime:
        now = self._now()
        return now + max((end - now) / 2, SHORTEST)
