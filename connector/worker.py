"""The worker: several receivers on one queue, each in its own task, that stop, pause and recover together."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from connector.batch_size import BatchSize
from connector.breaker import HELD, Breaker, State
from connector.clock import utc_now
from connector.crew import Crew
from connector.delivery import Delivery, Process
from connector.doubts import Doubts, NoDoubts
from connector.errors import ConnectorError, Misconfigured, Throttled, Transient
from connector.inbox import Inbox, Received
from connector.pace import Pace as Pace
from connector.recoverability import Policy
from connector.waiting import Sleep, abandon, done_within, set_within

log = logging.getLogger(__name__)

LONGEST_WAIT = 30.0
"""Seconds between attempts to open a receiver again."""
LONGEST_LINGER = timedelta(seconds=5)
"""Whoever is to wait for longer takes no message at all, asks again after this long, and so shows to be alive."""
LAST_CLOSE = 2.0
"""Seconds that a connection gets to close in order once stopping has taken its time."""


@dataclass(frozen=True, slots=True)
class Status:
    """How the worker is: for health and for people. ``last_turn`` is when each receiver's last call returned, and
    ``last_completed`` when the last message was done. ``beneath``: code and sentence of the fault that somebody's hold
    hides."""

    state: State
    code: str | None
    sentence: str | None
    last_turn: dict[int, datetime]
    counts: dict[str, int]
    last_completed: datetime | None = None
    beneath: tuple[str, str] | None = None


class Silent(Exception):
    """A receive call did not come back."""


class Worker:
    """Receives, processes and settles until told to stop.

    ``open_inbox`` makes an inbox per receiver; ``process`` turns a batch of envelopes into one settlement each, in a
    thread of its own; ``probe`` raises a ``ConnectorError`` while the far side is not fit for work, also in a thread.
    A ``Pause``, or a queue that may not be received from, closes all receivers; then ``probe`` and the queue itself
    are tried with growing waits, and the work goes on when both are sound. The waits start over once nothing is
    doubted any more. ``linger`` tells how long to let messages gather before a batch is taken that would not be full:
    few large requests cost the far side less than many small ones, and what waits in the queue needs no lock.
    """

    def __init__(
        self,
        open_inbox: Callable[[], Inbox],
        process: Process,
        probe: Callable[[], None],
        *,
        pace: Pace | None = None,
        policy: Policy | None = None,
        breaker: Breaker | None = None,
        doubts: Doubts | None = None,
        linger: Callable[[], timedelta] = timedelta,
        now: Callable[[], datetime] = utc_now,
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        self._open_inbox = open_inbox
        self._probe = probe
        self._pace = pace or Pace()
        self._breaker = breaker or Breaker()
        self._doubts = doubts or NoDoubts()
        self._linger = linger
        self._now = now
        self._sleep = sleep
        self._executor = Crew("worker")
        self._delivery = Delivery(
            process,
            self._executor,
            policy=policy or Policy(),
            settle_at_once=self._pace.settle_at_once,
            settle_within=self._pace.silence,
            longest=self._pace.longest_work,
            paused=lambda pause: self._trip(pause.code, pause.sentence),
            now=now,
            sleep=sleep,
        )
        self._last_turn: dict[int, datetime] = {}
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stopping = asyncio.Event()
        self._overdue = asyncio.Event()
        self._changed = asyncio.Event()

    def stop(self) -> None:
        """Stop receiving, finish and settle what is at work, close. May be called from any thread or signal handler."""
        if self._loop is None:
            self._stopping.set()
        else:
            self._loop.call_soon_threadsafe(self._stop_now)

    def hold(self, sentence: str | None) -> None:
        """Receive nothing from now on, because somebody says so; ``None``: they no longer do. What is at work is
        finished, and nothing is probed. From within the loop."""
        if sentence != self._breaker.held:
            self._breaker.held = sentence
            self._announce()

    def status(self) -> Status:
        """How the worker is right now."""
        breaker, delivery = self._breaker, self._delivery
        turns, counts = dict(self._last_turn), dict(delivery.counts)
        if breaker.held is None:
            return Status(breaker.state, breaker.code, breaker.sentence, turns, counts, delivery.last_completed)
        fault = None if breaker.code is None else (breaker.code, breaker.sentence or "")
        return Status(State.PAUSED, HELD, breaker.held, turns, counts, delivery.last_completed, fault)

    async def run(self) -> None:
        """Work until ``stop``; then everything is settled or given back, and closed. One run per worker."""
        self._loop = asyncio.get_running_loop()
        draining = asyncio.ensure_future(self._drain())
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._probing())
                for number in range(self._pace.receivers):
                    tasks.create_task(self._receiver(number))
        finally:
            draining.cancel()
            self._executor.shutdown()
            log.info("stopped; messages by how they ended: %s", self.status().counts or "none came")

    async def _receiver(self, number: int) -> None:
        """One receiver's life: open, work, close; after trouble, again with growing waits."""
        troubles = 0
        while not self._stopping.is_set():
            if not self._breaker.may_work:
                await self._next_change()
                continue
            inbox = self._open_inbox()
            turns = self._last_turn.get(number)
            trouble = True
            try:
                await self._work(inbox, number)
                trouble = False
            except Silent:
                log.error("receiver %d fell silent and is built anew", number)
            except Misconfigured as error:
                # Building it anew helps nobody: a key, a right or a queue is missing until a person sees to it.
                self._trip(error.code, error.sentence)
                trouble = False
            except ConnectorError as error:
                log.error("receiver %d stopped (%s) and is built anew", number, error)
            except Exception:
                # The SDK is known to fail from within after a broken connection: whatever it was, a new one may work.
                log.exception("receiver %d failed and is built anew", number)
            finally:
                await self._close(inbox)
            if trouble:
                troubles = 1 if self._last_turn.get(number) != turns else troubles + 1
                wait = min(2.0 ** (troubles - 1), LONGEST_WAIT)
                await set_within(self._stopping, wait, self._sleep)

    async def _work(self, inbox: Inbox, number: int) -> None:
        size = BatchSize(self._pace.largest_batch)
        while not self._stopping.is_set() and self._breaker.may_work:
            count, wait = size.size, self._linger()
            if wait > LONGEST_LINGER or (wait and count < self._pace.largest_batch):
                count = self._pace.largest_batch
                self._last_turn[number] = self._now()
                if await set_within(self._stopping, min(wait, LONGEST_LINGER).total_seconds(), self._sleep):
                    break
                if wait > LONGEST_LINGER:
                    continue
            asked = self._now()
            batch = await self._receive(inbox, count)
            self._last_turn[number] = self._now()
            size.received(len(batch), self._last_turn[number] - asked)
            if batch and (self._stopping.is_set() or not self._breaker.may_work):
                await self._delivery.release(inbox, batch)
            elif batch and await self._delivery.carry(inbox, batch) and not self._doubts.doubtful:
                self._breaker.succeeded()

    async def _receive(self, inbox: Inbox, count: int) -> list[Received]:
        """One receive call under watch."""
        call = asyncio.ensure_future(inbox.receive(count, self._pace.max_wait))
        try:
            if await done_within(call, self._pace.max_wait + self._pace.silence, self._sleep, unless=self._overdue):
                return call.result()
        finally:
            if not call.done():
                abandon(call)
        if self._overdue.is_set():
            return []
        raise Silent

    async def _drain(self) -> None:
        """Once asked to stop: give what is at work its time, and no more."""
        await self._stopping.wait()
        await self._sleep(self._pace.drain)
        self._overdue.set()
        self._delivery.give_up()

    async def _close(self, inbox: Inbox) -> None:
        closing = asyncio.ensure_future(inbox.close())
        within = min(self._pace.close_within, LAST_CLOSE) if self._overdue.is_set() else self._pace.close_within
        if not await done_within(closing, within, self._sleep):
            abandon(closing)

    def _trip(self, code: str, sentence: str) -> None:
        if self._breaker.state is not State.PAUSED:
            log.error("paused (%s): %s Messages are kept; work goes on once a probe succeeds.", code, sentence)
        self._breaker.trip(code, sentence, self._now())
        self._announce()

    async def _probing(self) -> None:
        """While paused: probe when due, until one succeeds."""
        while not self._stopping.is_set():
            if self._breaker.state is not State.PAUSED or self._breaker.held is not None:
                await self._next_change()
                continue
            wait = self._breaker.wait(self._now())
            if await set_within(self._stopping, wait.total_seconds(), self._sleep):
                return
            await self._probe_once()

    async def _probe_once(self) -> None:
        loop = asyncio.get_running_loop()
        try:
            probing: asyncio.Future[None] = loop.run_in_executor(self._executor, self._probe)
            endless = Transient("no-answer", "The probe never came to an end.")
            await self._unless_stopped(probing, self._pace.longest_work, endless)
            if not self._stopping.is_set():
                await self._probe_queue()
        except Throttled as error:
            self._breaker.probe_put_off(self._now(), error.retry_after)
            log.warning("still paused (%s), and the probe has to wait: %s", self._breaker.code, error)
        except ConnectorError as error:
            at_least = error.retry_after or timedelta()
            self._breaker.probe_failed(error.code, error.sentence, self._now(), at_least)
            log.error("still paused: %s", error)
        except Exception:
            # A probe that fails by a mistake of ours must not end the pause, nor the worker.
            log.exception("still paused: the probe itself failed")
            self._breaker.probe_failed("probe-failed", "The probe itself failed; see the log.", self._now())
        else:
            if self._stopping.is_set():
                return
            log.info("the probe succeeded: messages are received again, on probation until one is done")
            self._doubts.resumed()
            self._breaker.probe_succeeded()
            self._announce()

    async def _probe_queue(self) -> None:
        """Open an inbox as a receiver would, and close it again. Raises ``ConnectorError`` when that is refused."""
        inbox = self._open_inbox()
        opening = asyncio.ensure_future(inbox.open())
        silent = Transient("bus-silent", "The queue did not answer when it was opened.")
        try:
            await self._unless_stopped(opening, self._pace.silence, silent)
        finally:
            await self._close(inbox)

    async def _unless_stopped(self, probing: asyncio.Future[None], seconds: float, silent: Transient) -> None:
        """The end of a probe, or of waiting for it: nobody who stops waits, as no message hangs on it."""
        try:
            if await done_within(probing, seconds, self._sleep, unless=self._stopping):
                probing.result()
            elif not self._stopping.is_set():
                raise silent
        finally:
            if not probing.done():
                abandon(probing)

    def _stop_now(self) -> None:
        self._stopping.set()
        self._announce()

    def _announce(self) -> None:
        """Wake whoever waits for the state to change; the next waiters wait for the next change."""
        self._changed.set()
        self._changed = asyncio.Event()

    async def _next_change(self) -> None:
        if not self._stopping.is_set():
            await self._changed.wait()
