"""What is looked at whenever somebody collects metrics, and the heartbeat whose silence is an alarm."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta

from connector.telemetry.instruments import BREAKER, BUDGET_USED, HEARTBEAT, HELD
from connector.telemetry.pausing import CountingBreaker
from connector.telemetry.recording import recording, watched
from connector.waiting import Sleep, set_within

BEAT = 15.0
"""Seconds."""


@dataclass(frozen=True, slots=True)
class Watch:
    """The breakers of the workers, the part of Dataverse's limits that is used, and for how long nothing is sent."""

    breakers: Sequence[CountingBreaker]
    budget_used: Callable[[], float]
    held: Callable[[], timedelta]

    async def keep(self, stop: asyncio.Event, sleep: Sleep = asyncio.sleep) -> None:
        """Let them be looked at, and beat, until ``stop`` is set; once at the least."""
        with (
            watched(BREAKER, lambda: [breaker.reading for breaker in self.breakers]),
            watched(BUDGET_USED, lambda: [(self.budget_used(), {})]),
            watched(HELD, lambda: [(self.held().total_seconds(), {})]),
        ):
            recording().add(HEARTBEAT, 1, {})
            while not await set_within(stop, BEAT, sleep):
                recording().add(HEARTBEAT, 1, {})
