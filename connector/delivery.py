"""One batch from received to settled: processed in a thread, its locks renewed meanwhile, settled all at once."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from datetime import datetime, timedelta

from connector.envelope import Envelope
from connector.errors import Transient
from connector.inbox import Inbox, Received
from connector.recoverability import DelayedRetry, History, Policy, recover
from connector.settlement import Complete, DeadLetter, Pause, RedeliverAt, Settlement
from connector.waiting import Sleep, done_within

log = logging.getLogger(__name__)

Process = Callable[[Sequence[Envelope]], Sequence[Settlement]]
SHORTEST_RENEWAL = 1.0
"""Seconds between renewals at the least, however short the locks are."""


class Delivery:
    """Carries batches of one worker. ``counts`` tells how messages ended, by kind of settlement.

    An exception out of ``process`` is a mistake in the code, not a verdict on the messages: each message is then
    processed alone, so that one bad one does not take the others with it, and those that fail again come back as
    delayed copies. Nothing is completed on doubt.
    """

    def __init__(
        self,
        process: Process,
        executor: Executor,
        *,
        policy: Policy,
        settle_at_once: int,
        now: Callable[[], datetime],
        sleep: Sleep,
    ) -> None:
        self._process = process
        self._executor = executor
        self._policy = policy
        self._settle_at_once = settle_at_once
        self._now = now
        self._sleep = sleep
        self.counts: Counter[str] = Counter()

    async def carry(self, inbox: Inbox, batch: Sequence[Received]) -> list[Pause]:
        """Process and settle a batch; the pauses it asks for, of which one is enough to stop receiving."""
        loop = asyncio.get_running_loop()
        envelopes = [received.envelope for received in batch]
        work: asyncio.Future[list[Settlement]] = loop.run_in_executor(self._executor, self._settlements, envelopes)
        lost = await self._keep_locks(inbox, batch, work)
        settlements = await work
        limit = asyncio.Semaphore(self._settle_at_once)
        await asyncio.gather(
            *(
                self._settle(inbox, received, settlement, limit)
                for number, (received, settlement) in enumerate(zip(batch, settlements, strict=True))
                if number not in lost
            )
        )
        return [settlement for settlement in settlements if isinstance(settlement, Pause)]

    async def release(self, inbox: Inbox, batch: Sequence[Received]) -> None:
        """Give a batch back unprocessed."""
        await asyncio.gather(*(inbox.release(received) for received in batch))
        self.counts["released"] += len(batch)

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

    def _unexpected(self, envelope: Envelope, error: Exception) -> Settlement:
        now = self._now()
        sentence = f"The service itself failed on this message ({type(error).__name__}); its log says where."
        failure = Transient("unexpected-error", sentence)
        first_seen = envelope.enqueued_at or now
        history = History(envelope.attempt, self._policy.immediate, first_seen, lineage=envelope.lineage)
        recovery = recover(failure, history, self._policy, now)
        if isinstance(recovery, DelayedRetry):
            return RedeliverAt(recovery.when, envelope.attempt + 1, failure.sentence)
        return DeadLetter(failure.code, failure.sentence)

    async def _keep_locks(
        self, inbox: Inbox, batch: Sequence[Received], work: asyncio.Future[list[Settlement]]
    ) -> set[int]:
        """Renew all locks together at half their time until the work is done; the numbers of those that were lost."""
        ends = {n: r.envelope.locked_until for n, r in enumerate(batch) if r.envelope.locked_until is not None}
        lost: set[int] = set()
        limit = asyncio.Semaphore(self._settle_at_once)

        async def renew(number: int) -> None:
            async with limit:
                if work.done():
                    return
                renewed = await inbox.renew(batch[number])
            if renewed is None:
                lost.add(number)
                del ends[number]
                name = batch[number].envelope.message_id
                log.warning("a lock was lost at work; its message will come again: %s", name)
            else:
                ends[number] = renewed

        while not await done_within(work, self._until_renewal(ends), self._sleep):
            await asyncio.gather(*map(renew, ends))
        if lost:
            self.counts["lock-lost"] += len(lost)
        return lost

    def _until_renewal(self, ends: dict[int, datetime]) -> float:
        if not ends:
            return timedelta(days=1).total_seconds()
        return max((min(ends.values()) - self._now()).total_seconds() / 2, SHORTEST_RENEWAL)

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
                case Pause():
                    confirmed, kind = await inbox.release(received), "released"
        self.counts[kind if confirmed else "unconfirmed"] += 1
