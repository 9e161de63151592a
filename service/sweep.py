"""Creates every day, at one local time, the invoices that are due.

The next sweep is counted from the time of day itself, never from the end of the last one: it does not drift, and goes
with the clock on the wall. Who starts late catches up: what was due at the last sweep is done at once. What it
found is recorded where the money is, so several services may sweep the same environment, or one twice.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from functools import partial
from typing import cast
from uuid import uuid4
from zoneinfo import ZoneInfo

from connector.crew import apart
from connector.waiting import abandon, done_within, set_within
from connector.worker import Pace
from handlers.due_course import RUNNING, UNFINISHED
from handlers.fixed_point import AgainstTheRules, Outcome, Settled, Unsettled
from mappings.business_date import business_date
from mappings.messages import CreateDueInvoices
from mappings.sweep_times import last_sweep, next_sweep

log = logging.getLogger(__name__)

REQUESTED_BY = "daily sweep"
AGAIN = timedelta(minutes=5)
"""How long to wait after a sweep that could not be carried out."""
DRAIN = Pace().drain
"""Seconds that a sweep at work is waited for once the service is to stop, as messages at work are."""
LONGEST_WAIT = 30.0
"""Seconds until the clock is looked at again: it may be set, or the machine may have slept."""


@dataclass(frozen=True, slots=True)
class Sweep:
    """``carry_out`` does one sweep, in a thread of its own, and ends early between two invoices once it is to stop.

    One that is at work then is waited for ``drain`` seconds, and no more. While it ``is_held`` none begins, and one
    that is at work ends early, to be gone on with afterwards.
    """

    at: time
    zone: ZoneInfo
    now: Callable[[], datetime]
    carry_out: Callable[[CreateDueInvoices, Callable[[], bool]], Outcome]
    confirmed: bool = False
    longest_wait: float = LONGEST_WAIT
    drain: float = DRAIN
    is_held: Callable[[], bool] = lambda: False

    async def run(self, stop: asyncio.Event) -> bool:
        """Sweep at once what the last sweep should have, then day by day, until ``stop`` is set.

        Whether nothing is left at work that was not waited for to the end.
        """
        moment = last_sweep(self.now(), self.at, self.zone)
        command: CreateDueInvoices | None = None
        log.info("what is due is invoiced every day at %s (%s)", self.at.strftime("%H:%M"), self.zone.key)
        while not stop.is_set():
            if self.is_held():
                await set_within(stop, self.longest_wait, asyncio.sleep)
                before, moment = moment, last_sweep(self.now(), self.at, self.zone)
                command = command if moment == before else None
                continue
            begun = self.now()
            command = command or self._command(business_date(moment, self.zone))
            done = await self._carried_out(command, stop)
            if done is None:
                return False
            command = done.result()
            following = next_sweep(moment, self.at, self.zone)
            if command is not None and (again := begun + AGAIN) < following:
                await self._until(again, stop)
            else:
                await self._until(following, stop)
                # Whoever slept over several days needs one sweep: it takes all that has become due.
                moment = last_sweep(max(self.now(), following), self.at, self.zone)
                command = None
        return True

    async def _carried_out(
        self, command: CreateDueInvoices, stop: asyncio.Event
    ) -> asyncio.Future[CreateDueInvoices | None] | None:
        """One sweep, done; ``None`` if it was given up because it did not end in time once asked to stop.

        A call that is under way then is in the contract's record, where the next sweep looks it up.
        """

        def stopping() -> bool:
            return stop.is_set() or self.is_held()

        work = asyncio.ensure_future(apart("sweep", partial(self.sweep, command, stopping)))
        asked = asyncio.ensure_future(stop.wait())
        try:
            await asyncio.wait({work, asked}, return_when=asyncio.FIRST_COMPLETED)
            if work.done() or await done_within(work, self.drain, asyncio.sleep):
                return work
            log.warning(
                "sweep of %s: not waited for any longer; what it called for is looked up next time", command.due
            )
            return None
        finally:
            asked.cancel()
            if not work.done():
                abandon(work)

    def sweep(self, command: CreateDueInvoices, stopping: Callable[[], bool]) -> CreateDueInvoices | None:
        """Create what is due; what is to be carried out again on the same day, if there is use in that.

        The same command goes on where it broke off; another one takes what was left over, or in somebody else's hands.
        """
        day = command.due
        match self.carry_out(command, stopping):
            case Settled(because, outcome, _, unsure):
                tell(outcome)
                log.info("sweep of %s: %s", day, because)
                soon = unsure or "left" in outcome or any(run["outcome"] == RUNNING for run in _runs(outcome))
                return self._command(day) if soon else None
            case Unsettled(AgainstTheRules() as refused):
                log.warning("sweep of %s: nothing was invoiced. %s (%s)", day, refused.sentence, refused.code)
                return None
            case Unsettled(failure):
                log.warning("sweep of %s: not finished. %s (%s)", day, failure.sentence, failure.code)
                return command

    def _command(self, day: date | None) -> CreateDueInvoices:
        return CreateDueInvoices(command=uuid4(), requested_by=REQUESTED_BY, due=day, confirmed=self.confirmed)

    async def _until(self, moment: datetime, stop: asyncio.Event) -> None:
        while not stop.is_set() and (left := (moment - self.now()).total_seconds()) > 0:
            try:
                await asyncio.wait_for(stop.wait(), min(left, self.longest_wait))
            except TimeoutError:
                continue


def _runs(outcome: Mapping[str, object]) -> Sequence[Mapping[str, object]]:
    return cast(Sequence[Mapping[str, object]], outcome.get("runs", ()))


def tell(outcome: Mapping[str, object]) -> None:
    """Say in the log what came of a sweep, and what needs a look as a warning."""
    for run in _runs(outcome):
        named = f"salesorder({run['contract']}), due {run['day']}"
        if run["outcome"] in (*UNFINISHED, "created-differs"):
            log.warning("%s: %s. %s", named, run["outcome"], run.get("because", "Look at the invoice."))
        else:
            log.info("%s: %s", named, run["outcome"])
    for row in cast(Sequence[Mapping[str, object]], outcome.get("unfit", ())):
        log.warning("%s(%s), due %s: %s", row["table"], row["row"], row["day"], row["why"])
