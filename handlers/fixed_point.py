"""Drives subjects to their fixed point: gather, decide, commit, gather again, until nothing is left to do.

A decision made on a stale or torn reading is corrected by the next round of whoever made it. Nothing counts as done on
the strength of a commit alone: only a fresh reading that calls for no change does.
"""

from __future__ import annotations

import logging
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar
from uuid import UUID

from connector.dataverse.access import Dataverse
from connector.dataverse.changes import ChangeSet, Committed, Create, Reference
from connector.dataverse.query import Query, any_of
from connector.errors import Conflict, ConnectorError, Rejected, Transient, UnknownOutcome
from handlers.plan import Handler, NothingToDo, NotYet, Plan, Refuse, subject_of

log = logging.getLogger(__name__)

S = TypeVar("S")
F = TypeVar("F")

NOT_YET = "not-yet"
"""The code of a subject whose reading is in flux."""


class AgainstTheRules(Rejected):
    """A rule of ours refused the subject as it stands: its data are at fault, never the way this service is set up."""


@dataclass(frozen=True, slots=True)
class Settled:
    """The subject is at its fixed point; ``commits`` counts the change sets that were written on the way."""

    because: str
    outcome: Mapping[str, object] = field(default_factory=dict)
    commits: int = 0


@dataclass(frozen=True, slots=True)
class Unsettled:
    """The subject is not at its fixed point, and why."""

    failure: ConnectorError


Outcome = Settled | Unsettled


@dataclass
class _Course(Generic[S]):
    """How one subject has fared so far in this run."""

    commits: int = 0
    unknown: int = 0
    conflicts: Counter[str] = field(default_factory=Counter)
    refusals: dict[Reference, Rejected] = field(default_factory=dict)


class FixedPoint:
    """Settles subjects with a handler. One instance serves all threads of a process."""

    def __init__(self, dataverse: Dataverse, *, rounds: int = 8, conflicts: int = 3, unknown: int = 2) -> None:
        self._dataverse = dataverse
        self._rounds = rounds
        self._conflicts = conflicts
        self._unknown = unknown

    def settle(self, handler: Handler[S, F], subjects: Sequence[S]) -> dict[S, Outcome]:
        """One outcome per subject. Failures of Dataverse become outcomes; nothing is raised for them."""
        courses: dict[S, _Course[S]] = {subject: _Course() for subject in subjects}
        done: dict[S, Outcome] = {}
        for _ in range(self._rounds):
            waiting = [subject for subject in courses if subject not in done]
            if not waiting:
                return done
            plans = self._decide(handler, waiting, courses, done)
            self._commit(plans, courses, done)
        for subject in courses:
            restless = Transient("restless", f"{subject} did not come to rest in {self._rounds} rounds.")
            done.setdefault(subject, Unsettled(restless))
        return done

    def _decide(
        self, handler: Handler[S, F], waiting: Sequence[S], courses: dict[S, _Course[S]], done: dict[S, Outcome]
    ) -> dict[S, Plan]:
        try:
            facts = handler.gather(waiting, self._dataverse)
        except ConnectorError as failure:
            done.update((subject, Unsettled(failure)) for subject in waiting)
            return {}
        plans: dict[S, Plan] = {}
        for subject in waiting:
            course = courses[subject]
            match handler.decide(subject, facts[subject], course.refusals):
                case NothingToDo(because, outcome, is_news):
                    if is_news:
                        log.warning("%s: %s", subject, because)
                    done[subject] = Settled(because, outcome, course.commits)
                case NotYet(because):
                    done[subject] = Unsettled(Transient(NOT_YET, because))
                case Refuse(code, sentence):
                    done[subject] = Unsettled(AgainstTheRules(code, sentence))
                case Plan() as plan:
                    plans[subject] = plan
        return plans

    def _commit(self, plans: Mapping[S, Plan], courses: dict[S, _Course[S]], done: dict[S, Outcome]) -> None:
        work = [(subject, change_set) for subject, plan in plans.items() for change_set in plan.change_sets]
        if not work:
            return
        before = {subject: courses[subject].commits for subject in plans}
        outcomes = self._dataverse.commit([change_set for _, change_set in work])
        for (subject, change_set), outcome in zip(work, outcomes, strict=True):
            failure = self._weigh(courses[subject], plans[subject], change_set, outcome)
            if failure is not None:
                done[subject] = Unsettled(failure)
        for subject, plan in plans.items():
            if courses[subject].commits > before[subject]:
                log.info("%s: %s", subject, plan.because)

    def _weigh(
        self, course: _Course[S], plan: Plan, change_set: ChangeSet, outcome: Committed | ConnectorError
    ) -> ConnectorError | None:
        """What one outcome means for its subject: ``None`` to look again, or the failure that ends this run."""
        match outcome:
            case Committed():
                course.commits += 1
            case Conflict() as conflict:
                # Everything in the set was rolled back. Who was faster, and what it means, only a new reading can say.
                blocked = conflict.record or str(subject_of(change_set.changes[0]))
                course.conflicts[blocked] += 1
                if course.conflicts[blocked] >= self._conflicts:
                    return self._named(conflict, change_set)
            case UnknownOutcome() as unknown:
                course.unknown += 1
                if course.unknown >= self._unknown:
                    return unknown
            case Rejected() as rejected if plan.each_alone:
                course.refusals[subject_of(change_set.changes[0])] = rejected
            case failure:
                return failure
        return None

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
        except ConnectorError as failure:
            return failure
        in_the_way = ", ".join(str(record.row) for records in found for record in records)
        if not in_the_way:
            return conflict
        return Conflict(conflict.code, f"{in_the_way} stands where a new row must go.", in_the_way)
