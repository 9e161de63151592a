"""The breaker: after a fault of our own it stops the work, probes with growing waits, and lets it run again.

A pure state machine: it reads no clock and knows no probe; it is told what happened and when.

    RUNNING ──trip──▶ PAUSED ──probe succeeded──▶ TRYING ──work succeeded──▶ RUNNING
                        ▲  └──probe failed: a longer wait──┐    │
                        └──────────────────────────────────┴────┘ trip: a longer wait

Beside that somebody may hold it: then nothing works, and nothing is probed, until they let it go.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum

HELD = "held"
"""The code of a pause that somebody asked for."""


class State(Enum):
    """``TRYING`` is running on probation: the probe worked, the work has yet to."""

    RUNNING = "running"
    PAUSED = "paused"
    TRYING = "trying"


@dataclass(frozen=True, slots=True)
class Waits:
    """First wait before a probe, how it grows, and its ceiling."""

    first: timedelta = timedelta(seconds=5)
    factor: int = 2
    longest: timedelta = timedelta(minutes=5)


class Breaker:
    """What state the work is in, why, and when to probe next. Times are aware UTC; not for several threads."""

    def __init__(self, waits: Waits | None = None) -> None:
        self._waits = waits or Waits()
        self._failures = 0
        self._probe_at: datetime | None = None
        self.state = State.RUNNING
        self.code: str | None = None
        self.sentence: str | None = None
        self.held: str | None = None
        """Why somebody holds it; ``None`` while nobody does."""

    @property
    def may_work(self) -> bool:
        """Whether messages may be received."""
        return self.state is not State.PAUSED and self.held is None

    def trip(self, code: str, sentence: str, now: datetime) -> None:
        """The work met a fault of our own. Tripping again while paused changes only the reason shown."""
        self.code, self.sentence = code, sentence
        if self.state is not State.PAUSED:
            self._pause(now)

    def wait(self, now: datetime) -> timedelta:
        """How long until the next probe is due; zero when it is, or when nothing is paused."""
        if self._probe_at is None:
            return timedelta()
        return max(self._probe_at - now, timedelta())

    def probe_failed(self, code: str, sentence: str, now: datetime, at_least: timedelta = timedelta()) -> None:
        """The probe failed: wait longer, and never less than the far side asked for."""
        self.code, self.sentence = code, sentence
        self._pause(now, at_least)

    def probe_put_off(self, now: datetime, at_least: timedelta) -> None:
        """The probe was told to wait, which says nothing of the fault: its reason stays, and the waits do not grow."""
        self._probe_at = now + max(self._waits.first, at_least)

    def probe_succeeded(self) -> None:
        """The probe worked: the work may try. The waits start over only once the work has succeeded."""
        if self.state is State.PAUSED:
            self.state = State.TRYING
            self._probe_at = None

    def succeeded(self) -> None:
        """The work succeeded: everything is forgotten. While paused, stragglers from before change nothing."""
        if self.state is not State.PAUSED:
            self.state = State.RUNNING
            self._failures = 0
            self.code = self.sentence = None

    def _pause(self, now: datetime, at_least: timedelta = timedelta()) -> None:
        self.state = State.PAUSED
        grown = self._waits.first * self._waits.factor ** min(self._failures, 20)
        self._probe_at = now + max(min(grown, self._waits.longest), at_least)
        self._failures += 1
