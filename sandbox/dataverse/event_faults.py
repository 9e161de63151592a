"""What happens to events on their way: they come late, twice, after later ones, never, or before a rollback."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from datetime import timedelta
from typing import Final, Literal
from uuid import UUID

from sandbox.dataverse.event_posts import SystemJob

Kind = Literal["delay", "repost", "overtake", "lose", "roll back"]
SOON: Final = timedelta(minutes=1)


@dataclass(slots=True, eq=False)
class EventFault:
    """One planned fault. ``struck`` counts how often it really happened, and not how often it was going to."""

    kind: Kind
    left: int
    table: str | None
    record: UUID | None
    wait: timedelta
    struck: int = 0

    def meets(self, kind: Kind, job: SystemJob) -> bool:
        """Whether it speaks of this job and has a turn left."""
        return (
            self.kind == kind
            and self.left > 0
            and self.table in (None, job.table)
            and self.record in (None, job.record)
        )


class EventFaults:
    """The faults planned for events. Each strikes ``times`` jobs, of one ``table`` or about one ``record`` where given.

    Durations are the sandbox's. All but ``roll_back`` are for asynchronous steps only: a synchronous post is sent at
    once, or refuses the write.
    """

    def __init__(self) -> None:
        self._faults: list[EventFault] = []
        self._lock = threading.Lock()

    def delay(self, by: timedelta, times: int = 1, table: str | None = None, record: UUID | None = None) -> EventFault:
        """Post so much later; the posts of the same step that come after it wait as well."""
        return self._plan("delay", times, table, record, by)

    def repost(
        self, times: int = 1, table: str | None = None, record: UUID | None = None, *, after: timedelta = timedelta()
    ) -> EventFault:
        """Post once more: the same operation in a message of its own, as when the bus's answer was lost."""
        return self._plan("repost", times, table, record, after)

    def overtake(
        self, times: int = 1, table: str | None = None, record: UUID | None = None, *, within: timedelta = SOON
    ) -> EventFault:
        """Hold back until a later post of the same step has gone; when none comes ``within`` that time, go all the same
        (which is then no strike)."""
        return self._plan("overtake", times, table, record, within)

    def lose(self, times: int = 1, table: str | None = None, record: UUID | None = None) -> EventFault:
        """Never post, and leave no system job behind, as when jobs are purged before they ran."""
        return self._plan("lose", times, table, record, timedelta())

    def roll_back(self, times: int = 1, table: str | None = None, record: UUID | None = None) -> EventFault:
        """Once a synchronous step has posted, fail the transaction: the message speaks of what was never committed."""
        return self._plan("roll back", times, table, record, timedelta())

    def forget(self) -> None:
        """Strike no more."""
        with self._lock:
            for fault in self._faults:
                fault.left = 0
            self._faults.clear()

    # what the poster calls

    def turn(self, kind: Kind, job: SystemJob) -> EventFault | None:
        """The fault of this kind whose turn it is with this job, if any. Whoever asks says when it ``strikes``."""
        with self._lock:
            fault = next((fault for fault in self._faults if fault.meets(kind, job)), None)
            if fault is not None:
                fault.left -= 1
            return fault

    def strikes(self, fault: EventFault) -> None:
        """It has happened."""
        with self._lock:
            fault.struck += 1

    def _plan(self, kind: Kind, times: int, table: str | None, record: UUID | None, wait: timedelta) -> EventFault:
        fault = EventFault(kind, times, table, record, wait)
        with self._lock:
            self._faults.append(fault)
        return fault
