"""One batch from received to settled: processed in a thread, its locks kept meanwhile, settled all at once."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from datetime import datetime
from typing import Any

from connector.envelope import Envelope
from connector.errors import Transient
from connector.inbox import Inbox, Received
from connector.locks import LockKeeper
from connector.recoverability import DelayedRetry, History, Policy, recover
from connector.settlement import Complete, DeadLetter, Pause, RedeliverAt, Settlement
from connector.telemetry.processing import ended, unsettled
from connector.waiting import Sleep, abandon, done_within

log = logging.getLogger(__name__)

LAST_ANSWERS = 3.0
"""Seconds that settlements under way get to be confirmed once nobody may be waited for any more."""
GIVEN_BACK = "given-back"
"""The count of messages that were still at work when they were given up."""

Process = Callable[[Sequence[Envelope]], Sequence[Settlement]]


class Delivery:
    """Carries batches of one worker. ``counts`` tells how messages ended, by kind of settlement; ``last_completed``
    when the last one was done.

    An exception out of ``process`` is a mistake in the code, not a verdict on the messages: each message is then
    processed alone, so that one bad one does not take the others with it, and those that fail again come back as
    delayed copies. Nothing is completed on doubt. ``paused`` hears of a pause before anything is settled, so that no
    more is received meanwhile; ``longest`` seconds are what a batch may take before it counts as hung, and
    ``settle_within`` what the queue may take to confirm how its messages end.
    """

    def __init__(
        self,
        process: Process,
        executor: Executor,
        *,
        policy: Policy,
        settle_at_once: int,
        settle_within: float,
        longest: float,
        paused: Callable[[Pause], None],
        now: Callable[[], datetime],
        sleep: Sleep,
    ) -> None:
        self._process = process
        self._executor = executor
        self._policy = policy
        self._settle_at_once = settle_at_once
        self._settle_within = settle_within
        self._longest = longest
        self._paused = paused
        self._now = now
        self._sleep = sleep
        self._locks = LockKeeper(settle_at_once, now, sleep)
        self._given_up = asyncio.Event()
        self.counts: Counter[str] = Counter()
        self.last_completed: datetime | None = None

    async def carry(self, inbox: Inbox, batch: Sequence[Received]) -> bool:
        """Process and settle a batch; whether it came to its end without asking for a pause.

        Raises ``Transient`` when the queue never said what became of the settlements.
        """
        loop = asyncio.get_running_loop()
        envelopes = [received.envelope for received in batch]
        work: asyncio.Future[list[Settlement]] = loop.run_in_executor(self._executor, self._settlements, envelopes)
        hold = self._locks.hold(inbox, batch, work)
        try:
            is_done = await done_within(work, self._longest, self._sleep, unless=self._given_up)
        finally:
            if not work.done():
                abandon(work)
            await self._locks.let_go(hold)
        if hold.lost:
            self.counts["lock-lost"] += len(hold.lost)
            unsettled([envelopes[number] for number in hold.lost], "lock-lost")
        held = [received for number, received in enumerate(batch) if number not in hold.lost]
        if not is_done and self._given_up.is_set():
            log.error("%d messages at work did not come to their end in time: they are given back", len(held))
            self.counts[GIVEN_BACK] += len(held)
            await self.release(inbox, held)
            return False
        settlements = work.result() if is_done else [self._hung(envelope) for envelope in envelopes]
        pause = next((settlement for settlement in settlements if isinstance(settlement, Pause)), None)
        if pause is not None:
            self._paused(pause)
        limit = asyncio.Semaphore(self._settle_at_once)
        kept = [number for number in range(len(batch)) if number not in hold.lost]
        settling = [
            asyncio.ensure_future(self._settle(inbox, batch[number], settlements[number], limit)) for number in kept
        ]
        try:
            await self._confirmed(asyncio.gather(*settling))
        except Transient:
            for number, task in zip(kept, settling, strict=True):
                if not task.done() or task.cancelled():
                    self.counts["unconfirmed"] += 1
                    ended(envelopes[number], settlements[number], False, self._now())
            raise
        return is_done and pause is None

    def give_up(self) -> None:
        """Wait no longer for what is at work: it is given back, whatever its threads still do."""
        self._given_up.set()

    async def release(self, inbox: Inbox, batch: Sequence[Received]) -> None:
        """Give a batch back unprocessed. Raises ``Transient`` when the queue does not answer."""
        await self._confirmed(asyncio.gather(*(inbox.release(received) for received in batch)))
        self.counts["released"] += len(batch)
        unsettled([received.envelope for received in batch], "released")

    async def _confirmed(self, settling: asyncio.Future[Any]) -> None:
        """Wait for the queue's answers, and for silence no longer than what a dead connection is waited for."""
        try:
            await done_within(settling, self._settle_within, self._sleep, unless=self._given_up)
            if self._given_up.is_set():
                await done_within(settling, LAST_ANSWERS, self._sleep)
            if not settling.done():
                raise Transient("bus-silent", "The queue did not answer when messages were settled; they come again.")
            settling.result()
        finally:
            if not settling.done():
                abandon(settling)

    def _settlements(self, envelopes: Sequence[Envelope]) -> list[Settlement]:
        """Runs in a thread. The boundary of the code that processes: every exception ends here, as a redelivery."""
        try:
            settlements = list(self._process(envelopes))
            if len(settlements) != len(envelopes):
                raise RuntimeError(f"{len(envelopes)} messages were processed into {len(settlements)} settlements")
        except Exception as error:
            if len(envelopes) > 1:
                log.exception("processing %d messages together failed; now each alone", len(envelopes))
                return [settlement for envelope in envelopes for settlement in self._settlements([envelope])]
            log.exception("message %s could not be processed", envelopes[0].message_id)
            return [self._unexpected(envelopes[0], error)]
        return settlements

    def _hung(self, envelope: Envelope) -> Settlement:
        log.error("message %s was at work for %d seconds without an end", envelope.message_id, self._longest)
        sentence = "The work on this message never came to an end; the log says what was at work at that time."
        return self._again(envelope, Transient("unexpected-error", sentence))

    def _unexpected(self, envelope: Envelope, error: Exception) -> Settlement:
        sentence = f"The service itself failed on this message ({type(error).__name__}); its log says where."
        return self._again(envelope, Transient("unexpected-error", sentence))

    def _again(self, envelope: Envelope, failure: Transient) -> Settlement:
        now = self._now()
        first_seen = envelope.enqueued_at or now
        history = History(envelope.attempt, self._policy.immediate, first_seen, lineage=envelope.lineage)
        recovery = recover(failure, history, self._policy, now)
        if isinstance(recovery, DelayedRetry):
            return RedeliverAt(recovery.when, envelope.attempt + 1, failure.sentence, failure.code)
        return DeadLetter(failure.code, failure.sentence)

    async def _settle(self, inbox: Inbox, received: Received, settlement: Settlement, limit: asyncio.Semaphore) -> None:
        envelope = received.envelope
        async with limit:
            match settlement:
                case Complete(because):
                    log.debug("message %s is done: %s", envelope.message_id, because)
                    confirmed, kind = await inbox.complete(received), "completed"
                case RedeliverAt(when, attempt, because):
                    log.info("message %s will come again at %s as attempt %d", envelope.message_id, when, attempt)
                    log.debug("message %s will come again: %s", envelope.message_id, because)
                    confirmed, kind = await inbox.redeliver_at(received, when, attempt), "redelivered"
                case DeadLetter(code, sentence):
                    log.warning("message %s dead-lettered as %s: %s", envelope.message_id, code, sentence)
                    confirmed, kind = await inbox.dead_letter(received, code, sentence), "dead-lettered"
                case Pause(later=RedeliverAt(when, attempt)):
                    confirmed, kind = await inbox.redeliver_at(received, when, attempt), "redelivered"
                case Pause():
                    confirmed, kind = await inbox.release(received), "released"
        self.counts[kind if confirmed else "unconfirmed"] += 1
        now = self._now()
        if confirmed and isinstance(settlement, Complete):
            self.last_completed = now
        ended(envelope, settlement, confirmed, now)
