"""Drives subjects to their fixed point: gather, decide, commit, gather again, until nothing is left to do.

A decision made on a stale or torn reading is corrected by the next round of whoever made it. Nothing counts as done on
the strength of a commit alone: only a fresh reading that calls for no change does.
"""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import product
from typing import Protocol, TypeVar, runtime_checkable
from uuid import UUID

from connector.dataverse.access import Dataverse, LooksAfterwards, Reader
from connector.dataverse.changes import ChangeSet, Committed, Create
from connector.dataverse.query import Query, any_of
from connector.errors import Conflict, ConnectorError, Rejected, Transient
from handlers.course import Course, Limits, operations_of
from handlers.gate import Gate
from handlers.plan import Decision, Handler, NothingToDo, NotYet, Plan, Refuse
from handlers.seldom_changed import Lately, Seen, SeldomChanged

log = logging.getLogger(__name__)

READING = frozenset({"read"})
"""The kind of operation that every look at a subject begins with."""
READ_REFUSED = "read-refused"
"""A question about this subject was refused, which says nothing about others."""
OF_ONE_ROW = frozenset({"unreadable-answer"})
"""Failures of a question that a single row among the answers can bring about."""

FEW = 8
"""Change sets at the most behind which the next look is taken at once: whoever waits for their partition waits for it
too, and many subjects are worth a request of their own."""

S = TypeVar("S")
F = TypeVar("F")
T = TypeVar("T", contravariant=True)


@runtime_checkable
class Foresees(Protocol[T]):
    """A handler that knows what its next look at subjects will ask."""

    def looks_next(self, subjects: Sequence[T], seldom_changed: SeldomChanged) -> Sequence[Query]:
        """The questions, or none where they are not foreseen."""
        ...


class AgainstTheRules(Rejected):
    """A rule of ours refused the subject as it stands: its data are at fault, never the way this service is set up."""


@dataclass(frozen=True, slots=True)
class Settled:
    """The subject is at its fixed point; ``commits`` counts the change sets that were written on the way.

    ``unsure``: a write on the way was never answered and may still land, so the point must be looked at once more.
    ``operations``: the kinds of operation that went well on the way, besides reading.
    """

    because: str
    outcome: Mapping[str, object] = field(default_factory=dict)
    commits: int = 0
    unsure: bool = False
    operations: frozenset[str] = field(default=frozenset(), compare=False)


@dataclass(frozen=True, slots=True)
class Unsettled:
    """The subject is not at its fixed point, and why; ``unsure`` as with ``Settled``.

    ``operations``: the kinds of operation that failed, all or none of which were to be carried out; empty when none was
    tried. Of a subject of many parts ``outcome`` is what came of it if nobody goes on with it, and ``news`` those parts
    that came to their end just now.
    """

    failure: ConnectorError
    unsure: bool = False
    operations: frozenset[str] = field(default=frozenset(), compare=False)
    outcome: Mapping[str, object] = field(default_factory=dict)
    news: tuple[Mapping[str, object], ...] = ()


Outcome = Settled | Unsettled


class FixedPoint:
    """Settles subjects with a handler. One instance serves all threads of a process.

    ``seldom_changed``: where handlers may find what was read in the last minute; without it they read everything.
    """

    def __init__(
        self,
        dataverse: Dataverse,
        limits: Limits | None = None,
        gates: Sequence[Gate] = (),
        seldom_changed: SeldomChanged | None = None,
    ) -> None:
        self._dataverse = dataverse
        self._limits = limits or Limits()
        self._gates = gates
        self._seldom_changed = seldom_changed

    def afresh(self) -> FixedPoint:
        """The same, with nothing told from the last minute: for whoever asks again because something was put right."""
        return FixedPoint(self._dataverse, self._limits, self._gates)

    def settle(self, handler: Handler[S, F], subjects: Sequence[S]) -> dict[S, Outcome]:
        """One outcome per subject. Failures of Dataverse become outcomes; nothing is raised for them."""
        courses: dict[S, Course] = {subject: Course(self._limits) for subject in subjects}
        done: dict[S, Outcome] = {}
        seen: Seen | None = None
        for _ in range(self._limits.rounds):
            waiting = [subject for subject in courses if subject not in done]
            if not waiting:
                return done
            plans = self._admitted(self._decide(handler, waiting, courses, done, seen), courses, done)
            try:
                seen = self._commit(handler, plans, courses, done)
            finally:
                for plan, gate in product(plans.values(), self._gates):
                    gate.is_through(plan)
        for subject, course in courses.items():
            restless = Transient("restless", f"{subject} did not come to rest in {self._limits.rounds} rounds.")
            done.setdefault(subject, Unsettled(restless, course.unsure))
        return done

    def _decide(
        self,
        handler: Handler[S, F],
        waiting: Sequence[S],
        courses: Mapping[S, Course],
        done: dict[S, Outcome],
        seen: Seen | None,
    ) -> dict[S, Plan]:
        plans: dict[S, Plan] = {}
        for subject, decision in self._decisions(handler, waiting, courses, done, seen).items():
            course = courses[subject]
            match decision:
                case NothingToDo(because, outcome, is_news):
                    if is_news:
                        log.warning("%s: %s", subject, because)
                    done[subject] = Settled(because, outcome, course.commits, course.unsure, course.operations)
                case NotYet(because, code, is_news):
                    log.log(logging.WARNING if is_news else logging.INFO, "%s: not yet. %s", subject, because)
                    done[subject] = Unsettled(Transient(code, because), course.unsure)
                case Refuse(code, sentence, since):
                    # What somebody else has not done yet is no fault of theirs before their time is over.
                    held = self._held_back(Plan(sentence, (), since=since)) if since else None
                    done[subject] = Unsettled(held or AgainstTheRules(code, sentence), course.unsure)
                case Plan() as plan:
                    objection = course.objects(plan)
                    if objection is not None:
                        done[subject] = Unsettled(objection, course.unsure)
                    else:
                        plans[subject] = plan
        return plans

    def _decisions(
        self,
        handler: Handler[S, F],
        waiting: Sequence[S],
        courses: Mapping[S, Course],
        done: dict[S, Outcome],
        seen: Seen | None,
    ) -> dict[S, Decision]:
        """What the facts call for. Whatever refuses, corrects or completes follows from facts that were all read just
        now: a colleague may have written by a newer set-up than the one kept here."""

        def decided(subjects: Sequence[S], dataverse: Reader) -> dict[S, Decision]:
            facts = self._gather(handler, subjects, courses, done, dataverse)
            return {one: handler.decide(one, known, courses[one].refusals) for one, known in facts.items()}

        if self._seldom_changed is None:
            return decided(waiting, self._dataverse)
        lately = Lately(self._dataverse, self._seldom_changed, seen)
        decisions = decided(waiting, lately)
        again = [one for one, decision in decisions.items() if _needs_all_facts_of_now(decision)]
        if not again or not lately.has_told:
            return decisions
        agreed = {one: decision for one, decision in decisions.items() if one not in set(again)}
        return agreed | decided(again, self._dataverse)

    def _gather(
        self,
        handler: Handler[S, F],
        waiting: Sequence[S],
        courses: Mapping[S, Course],
        done: dict[S, Outcome],
        dataverse: Reader,
    ) -> Mapping[S, F]:
        """The facts of those whose rows could be read. A refused question is no verdict on who was asked about, and a
        row that can't be read holds up nobody else."""
        try:
            return handler.gather(waiting, dataverse)
        except ConnectorError as error:
            is_refused = isinstance(error, Rejected | Conflict)
            if len(waiting) > 1 and (is_refused or error.code in OF_ONE_ROW):
                each = [self._gather(handler, [one], courses, done, dataverse) for one in waiting]
                return {subject: facts for found in each for subject, facts in found.items()}
            sentence = f"Reading was refused: {error.sentence}"
            failure = Transient(READ_REFUSED, sentence) if is_refused else error
        done.update((subject, Unsettled(failure, courses[subject].unsure, READING)) for subject in waiting)
        return {}

    def _admitted(self, plans: Mapping[S, Plan], courses: Mapping[S, Course], done: dict[S, Outcome]) -> dict[S, Plan]:
        """The plans that may be written now."""
        admitted: dict[S, Plan] = {}
        for subject, plan in plans.items():
            held = self._held_back(plan)
            if held is None:
                admitted[subject] = plan
            else:
                log.info("%s: not written (%s). %s", subject, held.code, plan.because)
                done[subject] = Unsettled(held, courses[subject].unsure)
        return admitted

    def _held_back(self, plan: Plan) -> ConnectorError | None:
        return next((failure for gate in self._gates if (failure := gate.holds_back(plan)) is not None), None)

    def _commit(
        self, handler: Handler[S, F], plans: Mapping[S, Plan], courses: Mapping[S, Course], done: dict[S, Outcome]
    ) -> Seen | None:
        """Write; and what was read right behind it, for the next look, where that went along."""
        work = [(subject, change_set) for subject, plan in plans.items() for change_set in plan.change_sets]
        if not work:
            return None
        before = {subject: courses[subject].commits for subject in plans}
        outcomes, seen = self._carried_out(handler, plans, [change_set for _, change_set in work])
        for (subject, change_set), outcome in zip(work, outcomes, strict=True):
            failure = courses[subject].weigh(plans[subject], change_set, outcome)
            if failure is not None:
                named = self._named(failure, change_set) if isinstance(failure, Conflict) else failure
                done[subject] = Unsettled(named, courses[subject].unsure, operations_of(change_set))
        for subject, plan in plans.items():
            if courses[subject].commits > before[subject]:
                log.info("%s: %s", subject, plan.because)
        return seen

    def _carried_out(
        self, handler: Handler[S, F], plans: Mapping[S, Plan], change_sets: Sequence[ChangeSet]
    ) -> tuple[list[Committed | ConnectorError], Seen | None]:
        dataverse, seldom_changed = self._dataverse, self._seldom_changed
        if seldom_changed is None:
            return dataverse.commit(change_sets), None
        for subject, plan in plans.items():
            seldom_changed.whereabouts.tried(subject, plan.change_sets)
        if len(change_sets) > FEW or not isinstance(dataverse, LooksAfterwards):
            return dataverse.commit(change_sets), None
        questions = handler.looks_next(list(plans), seldom_changed) if isinstance(handler, Foresees) else ()
        if not questions:
            return dataverse.commit(change_sets), None
        began = seldom_changed.now()
        outcomes, answers = dataverse.commit_and_look(change_sets, questions)
        return outcomes, None if answers is None else Seen(began, tuple(zip(questions, answers, strict=True)))

    def _named(self, conflict: Conflict, change_set: ChangeSet) -> ConnectorError:
        """The conflict with the rows that stand in its way: the answer itself does not always tell."""
        if conflict.record is not None:
            return conflict
        wanted: defaultdict[str, list[UUID]] = defaultdict(list)
        for change in change_set.changes:
            if isinstance(change, Create):
                wanted[change.row.table].append(change.row.id)
        try:
            found = self._dataverse.query(
                [Query(table, (f"{table}id",), any_of(f"{table}id", ids)) for table, ids in wanted.items()]
            )
        except ConnectorError:
            # What stands in the way can't be told just now; that it does is known.
            return conflict
        in_the_way = ", ".join(str(record.row) for records in found for record in records)
        if not in_the_way:
            return conflict
        return Conflict(conflict.code, f"{in_the_way} stands where a new row must go.", in_the_way)


def _needs_all_facts_of_now(decision: Decision) -> bool:
    return isinstance(decision, Refuse) or (isinstance(decision, Plan) and (decision.corrects or decision.completes))
