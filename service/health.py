"""How the service is: whether it has started, takes messages, and lives at all; and why not, in words.

It is told by the event loop and asked from another thread, which answers also while the loop is stuck. What it says
holds no secret and no amount: whoever reaches the port may read it.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta

from connector.breaker import State
from connector.clock import utc_now
from connector.errors import ConnectorError
from connector.waiting import Sleep, set_within
from connector.worker import Status
from service.figures import without_amounts

BEAT = 5.0
"""Seconds between two signs of life of the event loop."""
STUCK_AFTER = 90.0
"""Seconds without one after which nothing but another process helps."""
QUIET_AFTER = 120.0
"""Seconds for which a receiver may be at one batch, or wait for an answer, before that is said."""
SIGN_IN = "sign-in-"
"""How the codes begin of whatever keeps the service from signing in."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What one endpoint says, and whether it is what was hoped for."""

    is_well: bool
    body: Mapping[str, object]


@dataclass(slots=True)
class Phase:
    """Something that is looked at before any message is taken; ``failure`` is what the last look met."""

    done: bool = False
    failure: ConnectorError | None = None


class Health:
    """``queues`` tells how the worker of each queue is, ``budget_used`` which part of Dataverse's limits is used, and
    ``held`` for how much longer nothing is sent because that was told; ``remark`` is what else is to be said, if
    anything."""

    def __init__(
        self,
        queues: Mapping[str, Callable[[], Status]],
        budget_used: Callable[[], float],
        held: Callable[[], timedelta] = timedelta,
        now: Callable[[], datetime] = utc_now,
        timer: Callable[[], float] = time.monotonic,
        remark: Callable[[], str | None] = lambda: None,
    ) -> None:
        self._queues = queues
        self._budget_used = budget_used
        self._held = held
        self._now = now
        self._timer = timer
        self._remark = remark
        self._phases: dict[str, Phase] = {}
        self._stop: asyncio.Event | None = None
        self._beaten = timer()
        self._started = False

    def phase(self, name: str, look: Callable[[], None]) -> Callable[[], None]:
        """The same look, of which it is remembered how it ended."""
        phase = self._phases.setdefault(name, Phase())

        def looked() -> None:
            try:
                look()
            except ConnectorError as error:
                phase.failure = error
                raise
            phase.done, phase.failure = True, None

        return looked

    def begun(self) -> None:
        """All phases are over: messages are taken from now on."""
        self._started = True

    @asynccontextmanager
    async def watched(self, stop: asyncio.Event, sleep: Sleep = asyncio.sleep) -> AsyncIterator[None]:
        """Give signs of life from within the loop as long as the block runs; ``stop`` is what asks it to end."""
        self._stop = stop
        beating = asyncio.ensure_future(self._beat(sleep))
        try:
            yield
        finally:
            beating.cancel()

    def live(self) -> Answer:
        """Whether the process can still help itself. A pause, an outage or a wrong secret does not end its life."""
        silent = self._timer() - self._beaten
        if silent <= STUCK_AFTER:
            return Answer(True, {"live": True, "reasons": []})
        reason = f"The event loop has given no sign of life for {silent:.0f} seconds: only a new process helps."
        return Answer(False, {"live": False, "reasons": [reason]})

    def started(self) -> Answer:
        """Whether every phase of the start is over."""
        return Answer(self._started, {"started": self._started, **self._told()})

    def ready(self) -> Answer:
        """Whether it is started and not stopping. It is ready while paused, too, and says so."""
        is_ready = self._started and not self._stopping
        return Answer(is_ready, {"ready": is_ready, **self._told()})

    @property
    def _stopping(self) -> bool:
        return self._stop is not None and self._stop.is_set()

    async def _beat(self, sleep: Sleep) -> None:
        never = asyncio.Event()
        while True:
            self._beaten = self._timer()
            await set_within(never, BEAT, sleep)

    def _told(self) -> dict[str, object]:
        queues = {name: status() for name, status in self._queues.items()}
        held = self._held().total_seconds()
        return {
            "state": self._state(queues),
            "reasons": list(self._reasons(queues, held)),
            "signed_in": self._signed_in(queues),
            "phases": [
                {"phase": name, "done": phase.done, **_failure(phase.failure)} for name, phase in self._phases.items()
            ],
            "queues": [self._queue(name, status) for name, status in queues.items()],
            "budget_used": round(self._budget_used(), 3),
            "held": round(held),
        }

    def _state(self, queues: Mapping[str, Status]) -> str:
        if self._stopping:
            return "stopping"
        if not self._started:
            return "starting"
        return "paused" if any(one.state is State.PAUSED for one in queues.values()) else "working"

    def _reasons(self, queues: Mapping[str, Status], held: float) -> Iterator[str]:
        if self._stopping:
            yield "It was asked to stop: what is at work is finished first."
        if held > QUIET_AFTER:
            yield f"Dataverse, or something before it, said to stay away: nothing is sent for {held:.0f} seconds."
        for name, phase in self._phases.items():
            if not phase.done:
                why = phase.failure
                said = (
                    "not looked at to the end yet." if why is None else f"{without_amounts(why.sentence)} ({why.code})"
                )
                yield f"Starting, {name}: {said}"
        if self._started and (remark := self._remark()) is not None:
            yield without_amounts(remark)
        for name, status in queues.items():
            yield from _pauses(name, status)
            for number, quiet in self._quiet(status).items():
                if quiet > QUIET_AFTER and status.state is not State.PAUSED and not self._stopping:
                    yield (
                        f"Receiver {number} of queue {name} has been at one batch, or waited for an answer, for "
                        f"{quiet:.0f} seconds."
                    )

    def _signed_in(self, queues: Mapping[str, Status]) -> bool | None:
        """``None`` while nobody was asked yet."""
        codes = [phase.failure.code for phase in self._phases.values() if phase.failure is not None]
        codes += [code for one in queues.values() for code in (one.code, one.beneath and one.beneath[0]) if code]
        if any(code.startswith(SIGN_IN) for code in codes):
            return False
        return True if self._started else None

    def _queue(self, name: str, status: Status) -> dict[str, object]:
        completed = status.last_completed
        return {
            "queue": name,
            "state": status.state.value,
            "code": status.code,
            "sentence": None if status.sentence is None else without_amounts(status.sentence),
            "beneath": None
            if status.beneath is None
            else {"code": status.beneath[0], "sentence": without_amounts(status.beneath[1])},
            "receivers": [
                {"receiver": number, "last_turn": status.last_turn[number].isoformat(), "seconds_ago": round(quiet)}
                for number, quiet in sorted(self._quiet(status).items())
            ],
            "last_completed": None if completed is None else completed.isoformat(),
            "messages": status.counts,
        }

    def _quiet(self, status: Status) -> dict[int, float]:
        """Per receiver, the seconds since its last call returned."""
        now = self._now()
        return {number: max((now - turn).total_seconds(), 0.0) for number, turn in status.last_turn.items()}


def _pauses(name: str, status: Status) -> Iterator[str]:
    """Why a queue is paused, or was until the last probe."""
    why = f"({status.code}): {without_amounts(status.sentence or '')}"
    if status.state is State.PAUSED:
        yield f"Queue {name} is paused {why}"
    elif status.state is State.TRYING:
        yield f"Queue {name} was paused {why} It is tried again; this goes away once a message is done."
    if status.beneath is not None:
        code, sentence = status.beneath
        yield f"Beneath it, queue {name} met a fault ({code}): {without_amounts(sentence)} Resumed, it is tried again."


def _failure(failure: ConnectorError | None) -> dict[str, str | None]:
    if failure is None:
        return {"code": None, "sentence": None}
    return {"code": failure.code, "sentence": without_amounts(failure.sentence)}
