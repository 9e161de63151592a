"""Silence is an alarm: the running service itself looks every few minutes for what no message would tell it."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from connector.crew import apart
from connector.waiting import Sleep, abandon, set_within
from service.status.everything import Report, everything_in_dataverse
from service.status.instruments import measure
from service.status.part import Part, Remedies, State
from service.status.schedules import OVERDUE

if TYPE_CHECKING:
    from service.app import App

log = logging.getLogger(__name__)

SCHEDULES_EVERY = timedelta(hours=1)
"""What is due reads more rows than the rest together, and changes by the day."""
SAID_AGAIN = timedelta(hours=1)


@dataclass
class Silence:
    """Looks every ``every``; nothing, where that is nothing. What is said once is said again every hour."""

    app: App
    every: timedelta
    after: timedelta
    remedies: Remedies = lambda _: ""
    _schedules_at: datetime | None = None
    _said: dict[str, tuple[int | None, datetime]] = field(default_factory=dict)

    async def keep(self, stop: asyncio.Event, sleep: Sleep = asyncio.sleep) -> None:
        """Look, tell and measure until ``stop`` is set. The first look is after the first wait.

        Only questions are asked, so stopping waits for no answer.
        """
        while self.every and not await set_within(stop, self.every.total_seconds(), sleep):
            work = asyncio.ensure_future(apart("silence", self._looked))
            stopping = asyncio.ensure_future(stop.wait())
            try:
                await asyncio.wait({work, stopping}, return_when=asyncio.FIRST_COMPLETED)
            finally:
                stopping.cancel()
            if not work.done():
                abandon(work)

    def _looked(self) -> None:
        """The boundary of what only looks: whatever it fails of, the service goes on, and the log says so."""
        try:
            self.look()
        except Exception:
            log.exception("what no message tells could not be looked at")

    def look(self) -> Report:
        """One look."""
        now = self.app.now()
        is_time = self._schedules_at is None or now - self._schedules_at >= SCHEDULES_EVERY
        report = everything_in_dataverse(self.app, self.remedies, self.after, with_schedules=is_time)
        if any(part.key == OVERDUE and part.state in (State.OK, State.ATTENTION) for part in report.parts):
            self._schedules_at = now
        measure(report)
        for part in report.parts:
            self._tell(part, now)
        return report

    def _tell(self, part: Part, now: datetime) -> None:
        if part.state is State.OK:
            if self._said.pop(part.key, None) is not None:
                log.info("%s is well again: %s", part.key, part.sentence)
            return
        if part.state is State.NOT_SEEN:
            return
        count, at = self._said.get(part.key, (None, None))
        if at is None or now - at >= SAID_AGAIN or count != part.count:
            self._said[part.key] = (part.count, now)
            todo = f" {part.next}" if part.next else ""
            log.warning("%s: %s%s", part.key, part.sentence, todo)
