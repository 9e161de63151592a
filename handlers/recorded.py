"""Sends the product's invoice actions: each by itself, several at once, in the fence or recorded first.

An action takes seconds, so that each travels in a request of its own. Where an environment takes no action inside a
change set, a fence is carried out in two steps: attempt and lease are written, then the action is called, once. Nobody
who finds the attempt calls again; only where it is certain that nothing came of the call is the attempt withdrawn.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from enum import StrEnum
from uuid import uuid4

from connector.crew import side_by_side
from connector.dataverse.access import Dataverse
from connector.dataverse.changes import ChangeSet, Committed, Record, Reference, subject_of
from connector.dataverse.query import Query, equals
from connector.errors import Conflict, ConnectorError, Transient, UnknownOutcome
from handlers import command_record
from handlers.command_record import State
from handlers.fence import is_fence, without_call
from handlers.reading import ask
from mappings import tables
from mappings.row import Row

log = logging.getLogger(__name__)

Outcome = Committed | ConnectorError
TRIES = 3
"""How often the record of a call is written, or read, when answers get lost."""
FAILED = "failed"
"""What came of a call that was certainly not carried out, until it is made again."""
_PERHAPS_DONE = frozenset({"timed-out", "unavailable", "server-error"})
"""Refusals of a single call that do not say how far it came."""


class Mode(StrEnum):
    """How a call is kept from being made twice."""

    FENCE = "fence"
    RECORDED = "recorded"


class InvoiceCalls:
    """A Dataverse through which fences are carried out; everything else passes as it is.

    ``mode`` says how, and is asked before the first one; what it raises becomes the outcome. ``at_once``: the most
    calls that are under way at a time, whoever commits them.
    """

    def __init__(self, dataverse: Dataverse, mode: Callable[[], Mode], at_once: int = 4) -> None:
        self._dataverse = dataverse
        self._mode = mode
        self._at_once = at_once
        self._turns = threading.BoundedSemaphore(at_once)

    def query(self, questions: Sequence[Query]) -> list[list[Record]]:
        """Answer every question."""
        return self._dataverse.query(questions)

    def commit(self, change_sets: Sequence[ChangeSet]) -> list[Outcome]:
        """Carry out every change set, each for itself; one outcome each, in order."""
        fences = {index: one for index, one in enumerate(change_sets) if one.changes and is_fence(one)}
        rest = {index: one for index, one in enumerate(change_sets) if index not in fences}
        outcomes: dict[int, Outcome] = {}
        if rest:
            outcomes.update(zip(rest, self._dataverse.commit(list(rest.values())), strict=True))
        if fences:
            outcomes.update(zip(fences, self._carry_out(list(fences.values())), strict=True))
        return [outcomes[index] for index in range(len(change_sets))]

    def _carry_out(self, fences: Sequence[ChangeSet]) -> list[Outcome]:
        try:
            mode = self._mode()
        except ConnectorError as error:
            return [error for _ in fences]
        way = self._in_one if mode is Mode.FENCE else self._in_two

        def in_turn(fence: ChangeSet) -> Outcome:
            with self._turns:
                return way(fence)

        return side_by_side("invoice", self._at_once, in_turn, fences)

    def _in_one(self, change_set: ChangeSet) -> Outcome:
        (outcome,) = self._dataverse.commit([change_set])
        return outcome

    def _in_two(self, fence: ChangeSet) -> Outcome:
        attempt, token = subject_of(fence.changes[0]), str(uuid4())
        recorded = self._recorded(without_call(fence, State.CALLING, {"record": token}), attempt, token)
        if not isinstance(recorded, Committed):
            return recorded
        (called,) = self._dataverse.commit([replace(fence, changes=fence.changes[-1:])])
        if isinstance(called, Transient) and called.code in _PERHAPS_DONE:
            called = UnknownOutcome(called.code, called.sentence, called.retry_after)
        match called:
            case UnknownOutcome():
                return called
            case Committed():
                self._tell(attempt, token, State.CALLED, _answered(called))
                return Committed((*recorded.answers, *called.answers))
            case _:
                why = {"outcome": FAILED, "invoices": [], "code": called.code, "because": called.sentence}
                self._tell(attempt, token, State.WITHDRAWN, why)
                return called

    def _recorded(self, record: ChangeSet, attempt: Reference, token: str) -> Outcome:
        """Write the record until it is known whether it stands, and is this one: its token says so."""
        outcome: Outcome = Committed(())
        for _ in range(TRIES):
            (outcome,) = self._dataverse.commit([record])
            if not isinstance(outcome, Conflict | UnknownOutcome):
                return outcome
            try:
                found = self._own(attempt, token)
            except ConnectorError:
                continue
            if found is not None:
                return Committed(tuple(None for _ in record.changes))
            if isinstance(outcome, Conflict):
                return outcome
        return outcome

    def _tell(self, attempt: Reference, token: str, state: State, told: Mapping[str, object]) -> None:
        """Write down what is known of the call. Not knowing it later costs a look, or a person's, and never a call."""
        for _ in range(TRIES):
            try:
                found = self._own(attempt, token)
            except ConnectorError:
                continue
            if found is None:
                return
            (outcome,) = self._dataverse.commit([ChangeSet((command_record.told_of(found, state, told),))])
            if isinstance(outcome, Committed):
                return
        log.warning("%s: that its call is %s could not be written down.", attempt, state)

    def _own(self, attempt: Reference, token: str) -> Row | None:
        """The attempt, as long as it is the one that this token was given to."""
        by_id = equals(f"{tables.COMMAND}id", attempt.id)
        (found,) = ask(self._dataverse, Query(tables.COMMAND, command_record.COLUMNS, by_id))
        return next((row for row in found if command_record.outcome_of(row).get("record") == token), None)


def _answered(called: Committed) -> dict[str, object]:
    """The invoice that the product answered with, where it does."""
    made = [one.row.id for one in called.answers if one is not None and one.row.table == tables.INVOICE]
    return {"invoices": [{"id": str(id), "number": None, "name": None} for id in made]} if made else {}
