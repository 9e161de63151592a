"""Writes down calls before they are made, and what is known of them after.

That nothing came of a call is worth a wait: unwritten, it would end in doubt, and a person would have to say. What
can't be written down in time is kept, and written down as soon as that may go, by whatever passes next, and always
before attempts are looked at again.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from math import inf

from connector.dataverse.access import Dataverse
from connector.dataverse.changes import ChangeSet, Committed, Reference
from connector.dataverse.query import Query, any_of
from connector.errors import Conflict, ConnectorError, Misconfigured, Rejected, UnknownOutcome
from handlers import command_record
from handlers.command_record import State
from handlers.reading import ask
from mappings import tables
from mappings.row import Row

log = logging.getLogger(__name__)

Outcome = Committed | ConnectorError
TRIES = 3
"""How often a record is written or looked for when answers get lost, without a wait."""
FIRST = timedelta(seconds=1)
"""The least wait; each further one is twice as long."""
LONGEST, LONGEST_TOLD = timedelta(minutes=1), timedelta(minutes=5)
"""How long a thread waits in all; and where Dataverse said when to come back."""
LATE = timedelta(minutes=30)
"""A record that is not there by then never comes: Dataverse ends any transaction within two minutes."""


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of a call whose record may not say so yet; until ``late``, by the timer, that may still land."""

    attempt: Reference
    state: State
    told: Mapping[str, object]
    late: float


@dataclass
class CallRecords:
    """The records of calls for invoices. One instance serves all threads; ``timer`` counts seconds."""

    dataverse: Dataverse
    sleep: Callable[[float], None] = time.sleep
    timer: Callable[[], float] = time.monotonic
    _unwritten: dict[str, Known] = field(default_factory=dict)
    _in_passing: float = -inf
    """When, by the timer, whatever passes tries next: not before a wait that was told is over."""
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def write(self, record: ChangeSet, attempt: Reference, token: str) -> Outcome:
        """Write a record until it is known whether it stands, and is this one: its token says so.

        Once a try was never answered, a later one that was refused or held up says nothing of it.
        """
        lost: UnknownOutcome | None = None
        outcome: Outcome = Committed(())
        for _ in range(TRIES):
            (outcome,) = self.dataverse.commit([record])
            if isinstance(outcome, UnknownOutcome):
                lost = outcome
            elif isinstance(outcome, Committed) or (lost is None and not isinstance(outcome, Conflict)):
                return outcome
            try:
                found = self._own({token: attempt})
            except ConnectorError:
                continue
            # What somebody else has put in doubt meanwhile is not called for.
            if token in found and command_record.state_of(found[token]) is State.CALLING:
                return Committed(tuple(None for _ in record.changes))
            if isinstance(outcome, Conflict):
                return outcome
        return lost or outcome

    def answered(self, attempt: Reference, token: str, told: Mapping[str, object]) -> None:
        """Write down that a call was answered. Not knowing it for a while costs a look, and never a call."""
        self._keep(token, Known(attempt, State.CALLED, told, self.timer()))
        if not any(self._write_down([token]) is None for _ in range(TRIES)):
            log.warning("%s: that its call was answered can't be written down yet.", attempt)

    def withdrawn(self, attempt: Reference, token: str, told: Mapping[str, object], *, may_come: bool = False) -> None:
        """Write down that nothing came of a call, or that it is not made; ``may_come``: its record may still land."""
        late = self.timer() + (LATE.total_seconds() if may_come else 0)
        self._keep(token, Known(attempt, State.WITHDRAWN, told, late))
        waited, least = timedelta(), FIRST
        while (failure := self._write_down([token])) is not None:
            wait = max(least, failure.retry_after or FIRST)
            longest = LONGEST if failure.retry_after is None else LONGEST_TOLD
            if waited + wait > longest or isinstance(failure, Rejected | Misconfigured):
                log.error("%s: that nothing came of its call can't be written down yet. %s", attempt, failure)
                return
            log.warning("%s: nothing came of its call; that is written down in %d s.", attempt, wait.total_seconds())
            self.sleep(wait.total_seconds())
            waited, least = waited + wait, 2 * least

    def in_passing(self) -> None:
        """Catch up where something is kept and its time has come: another process may look at its attempt first."""
        with self._lock:
            now = self.timer()
            if not self._unwritten or now < self._in_passing:
                return
            self._in_passing = now + LONGEST.total_seconds()
        self.catch_up()

    def catch_up(self) -> None:
        """Write down what could not be before. Nothing is raised: what can't be written down now either is kept."""
        with self._lock:
            left = list(self._unwritten)
        self._write_down(left)

    def _keep(self, token: str, known: Known) -> None:
        with self._lock:
            self._unwritten[token] = known

    def _write_down(self, tokens: Iterable[str]) -> ConnectorError | None:
        """Write down what is known of these calls, where their records stand; why that of one could not be."""
        with self._lock:
            wanted = {token: known for token in tokens if (known := self._unwritten.get(token)) is not None}
        if not wanted:
            return None
        began = self.timer()
        try:
            found = self._own({token: known.attempt for token, known in wanted.items()})
        except ConnectorError as failure:
            self._rest(began, failure)
            return failure
        changes = [command_record.told_of(row, wanted[token].state, wanted[token].told) for token, row in found.items()]
        outcomes = self.dataverse.commit([ChangeSet((change,)) for change in changes]) if changes else []
        failures = {
            token: outcome for token, outcome in zip(found, outcomes, strict=True) if not isinstance(outcome, Committed)
        }
        now = self.timer()
        with self._lock:
            for token, known in wanted.items():
                if token not in failures and (token in found or now >= known.late):
                    self._unwritten.pop(token, None)
        for refused in failures.values():
            self._rest(began, refused)
        return next(iter(failures.values()), None)

    def _rest(self, began: float, failure: ConnectorError) -> None:
        """Nobody tries in passing while told to wait; and what takes long to fail takes no more than half the time."""
        now = self.timer()
        wait = max(LONGEST, failure.retry_after or LONGEST).total_seconds()
        with self._lock:
            self._in_passing = max(self._in_passing, now + max(wait, now - began))

    def _own(self, attempts: Mapping[str, Reference]) -> dict[str, Row]:
        """Those of the attempts that are still the ones these tokens were given to, and have no end yet."""
        by_id = any_of(f"{tables.COMMAND}id", sorted({attempt.id for attempt in attempts.values()}))
        (found,) = ask(self.dataverse, Query(tables.COMMAND, command_record.COLUMNS, by_id))
        theirs = {token: row for row in found if (token := _token_of(row)) is not None}
        return {token: theirs[token] for token in attempts if token in theirs}


def _token_of(attempt: Row) -> str | None:
    """The token its record was given; of one that somebody rewrote in words of their own it is nobody's any more."""
    try:
        token = command_record.outcome_of(attempt).get(command_record.RECORD)
        is_open = command_record.state_of(attempt) in (State.CALLING, State.IN_DOUBT)
        command_record.called_at(attempt)
        command_record.callers(attempt)
    except (ValueError, TypeError) as unreadable:
        log.warning("%s: it can't be read, and is left as it is. %s", attempt.ref, unreadable)
        return None
    return token if is_open and isinstance(token, str) else None
