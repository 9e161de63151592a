"""Sends the product's invoice actions: each by itself, several at once, in the fence or recorded first.

An action takes seconds, so that each travels in a request of its own. Where an environment takes no action inside a
change set, a fence is carried out in two steps: attempt and lease are written, then the action is called, once. Nobody
who finds the attempt calls again; only where it is certain that nothing came of the call is the attempt withdrawn.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from enum import StrEnum
from uuid import uuid4

from connector.crew import side_by_side
from connector.dataverse.access import Dataverse, LooksAfterwards
from connector.dataverse.changes import ChangeSet, Committed, Record, subject_of
from connector.dataverse.query import Query
from connector.errors import ConnectorError, Transient, UnknownOutcome
from handlers.call_records import CallRecords
from handlers.command_record import RECORD, State
from handlers.fence import is_fence, without_call
from mappings import tables

Outcome = Committed | ConnectorError
FAILED = "failed"
"""What came of a call that was certainly not carried out, until it is made again."""
_PERHAPS_DONE = frozenset({"timed-out", "unavailable", "server-error"})
"""Refusals of a single call that do not say how far it came."""


class Mode(StrEnum):
    """How a call is kept from being made twice."""

    FENCE = "fence"
    RECORDED = "recorded"


class CallInDoubt(UnknownOutcome):
    """A call that was written down first got no answer: nobody may make it again, and perhaps nobody ever knows."""


class InvoiceCalls:
    """A Dataverse through which fences are carried out; everything else passes as it is.

    ``mode`` says how, and is asked before the first one; what it raises becomes the outcome. ``at_once``: the most
    calls that are under way at a time, whoever commits them. ``sleep`` waits for the moment at which Dataverse takes it
    down that nothing came of a call; ``timer`` counts the seconds for whatever passes after that.
    """

    def __init__(
        self,
        dataverse: Dataverse,
        mode: Callable[[], Mode],
        at_once: int = 4,
        sleep: Callable[[float], None] = time.sleep,
        timer: Callable[[], float] = time.monotonic,
    ) -> None:
        self._dataverse = dataverse
        self._mode = mode
        self._at_once = at_once
        self._turns = threading.BoundedSemaphore(at_once)
        self._records = CallRecords(dataverse, sleep, timer)

    def query(self, questions: Sequence[Query]) -> list[list[Record]]:
        """Answer every question; those about commands once all that is known of calls is written down."""
        if any(question.table == tables.COMMAND for question in questions):
            self._records.catch_up()
        else:
            self._records.in_passing()
        return self._dataverse.query(questions)

    def commit(self, change_sets: Sequence[ChangeSet]) -> list[Outcome]:
        """Carry out every change set, each for itself; one outcome each, in order."""
        self._records.in_passing()
        fences = {index: one for index, one in enumerate(change_sets) if one.changes and is_fence(one)}
        rest = {index: one for index, one in enumerate(change_sets) if index not in fences}
        outcomes: dict[int, Outcome] = {}
        if rest:
            outcomes.update(zip(rest, self._dataverse.commit(list(rest.values())), strict=True))
        if fences:
            outcomes.update(zip(fences, self._carry_out(list(fences.values())), strict=True))
        return [outcomes[index] for index in range(len(change_sets))]

    def commit_and_look(
        self, change_sets: Sequence[ChangeSet], questions: Sequence[Query]
    ) -> tuple[list[Outcome], list[list[Record]] | None]:
        """``commit``, with the questions in the same request where Dataverse takes them there; never behind a fence."""
        has_fence = any(one.changes and is_fence(one) for one in change_sets)
        if isinstance(self._dataverse, LooksAfterwards) and not has_fence:
            self._records.in_passing()
            return self._dataverse.commit_and_look(change_sets, questions)
        return self.commit(change_sets), None

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
        recorded = self._records.write(without_call(fence, State.CALLING, {RECORD: token}), attempt, token)
        if isinstance(recorded, UnknownOutcome):
            # It may stand all the same: by then it must say that nobody called.
            self._records.withdrawn(attempt, token, _nothing_came(recorded), may_come=True)
            return recorded
        if not isinstance(recorded, Committed):
            return recorded
        (called,) = self._dataverse.commit([replace(fence, changes=fence.changes[-1:])])
        if isinstance(called, Transient) and called.code in _PERHAPS_DONE:
            called = UnknownOutcome(called.code, called.sentence, called.retry_after)
        match called:
            case UnknownOutcome():
                return CallInDoubt(called.code, called.sentence, called.retry_after)
            case Committed():
                self._records.answered(attempt, token, _answered(called))
                return Committed((*recorded.answers, *called.answers))
            case _:
                self._records.withdrawn(attempt, token, _nothing_came(called))
                return called


def _answered(called: Committed) -> dict[str, object]:
    """The invoice that the product answered with, where it does."""
    made = [one.row.id for one in called.answers if one is not None and one.row.table == tables.INVOICE]
    return {"invoices": [{"id": str(id), "number": None, "name": None} for id in made]} if made else {}


def _nothing_came(why: ConnectorError) -> dict[str, object]:
    return {"outcome": FAILED, "invoices": [], "code": why.code, "because": why.sentence}
