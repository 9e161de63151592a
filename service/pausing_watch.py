"""Holds the workers of a running service for as long as somebody has it paused, and says so again and again.

Who has paused it is asked every few seconds. Where nobody answers, it stays as it was told last: a Dataverse that is
away must neither end a pause that was asked for, nor begin one that was not.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

from connector.errors import ConnectorError, Transient, UnknownOutcome
from connector.waiting import Sleep, set_within
from connector.worker import Worker
from service.pausing import Paused
from service.stopping import unless

log = logging.getLogger(__name__)

EVERY = 20.0
"""Seconds between two looks."""
REMIND = timedelta(minutes=10)


class Pausing:
    """``read`` asks Dataverse what is written down; ``now`` is its clock, by which a pause ends by itself."""

    def __init__(
        self, read: Callable[[], Paused | None], now: Callable[[], datetime], workers: Sequence[Worker]
    ) -> None:
        self._read = read
        self._now = now
        self._workers = workers
        self._last: Paused | None = None
        self._held: Paused | None = None
        self._blind: str | None = None
        self._blind_said: datetime | None = None
        self._said: datetime | None = None

    def is_held(self) -> bool:
        """Whether it is paused now. From any thread."""
        return self._held is not None

    @property
    def remark(self) -> str | None:
        """That nobody can tell whether it is paused, and why; ``None`` where that is known. From any thread."""
        blind = self._blind
        if blind is None:
            return None
        state = "paused" if self._last is not None else "at work"
        return f"Whether somebody paused it could not be read {blind} It stays {state}, as it was told last."

    def begin(self) -> None:
        """The first look. Raises a ``ConnectorError`` that is worth waiting for; any other it goes on without."""
        try:
            self._last = self._read()
        except (Transient, UnknownOutcome):
            raise
        except ConnectorError as failure:
            self._blind = f"({failure.code}): {failure.sentence}"

    def apply(self) -> None:
        """Hold the workers, or let them go, as is written down. From within the loop."""
        now, paused = self._now(), self._last
        self._tell_blind(now)
        if paused is not None and paused.is_over(now):
            paused = None
        if paused is None and self._held is not None:
            log.warning("resumed: messages are received again")
            self._said = None
        elif paused is not None and (paused != self._held or self._said is None or now - self._said >= REMIND):
            log.warning(
                "%s Asked for by %s. No message is received and nothing is swept; messages are kept. "
                "`psa-connector resume` ends it",
                f"{paused.sentence.rstrip('.')}.",
                paused.by,
            )
            self._said = now
        self._held = paused
        for worker in self._workers:
            worker.hold(None if paused is None else paused.sentence)

    async def keep(self, stop: asyncio.Event, sleep: Sleep = asyncio.sleep) -> None:
        """Look and apply until ``stop`` is set."""
        while not await set_within(stop, EVERY, sleep):
            if not await unless(stop, self._look):
                return
            self.apply()

    def _look(self) -> None:
        try:
            self._last = self._read()
        except ConnectorError as failure:
            self._blind = f"({failure.code}): {failure.sentence}"
        except Exception:
            # A mistake in this look must end neither the service nor a pause.
            log.exception("the look whether somebody paused it failed; it stays as it is")
            self._blind = "(look-failed): The look itself failed; see the log."
        else:
            self._blind = None

    def _tell_blind(self, now: datetime) -> None:
        """Warn while it can't see, at first and every ten minutes."""
        remark = self.remark
        if remark is None:
            self._blind_said = None
        elif self._blind_said is None or now - self._blind_said >= REMIND:
            log.warning("%s", remark)
            self._blind_said = now
