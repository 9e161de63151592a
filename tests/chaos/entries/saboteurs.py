"""The mistakes people make, each swapped in for one safety of the service. The judge must see every one of them.

One more mistake, an invoice without its fence, can't show on entries: the storm over invoices turns red by it
(``tests/chaos/chaos_invoices.py``).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextvars import ContextVar
from dataclasses import dataclass, replace
from typing import Any, Final
from uuid import uuid4

from connector import servicebus
from connector.dataverse.changes import Change, ChangeSet, Committed, Update
from connector.dataverse.commits import Commits
from connector.errors import Conflict, ConnectorError
from connector.settlement import Complete, Settlement
from handlers.course import Course
from handlers.fixed_point import FixedPoint, Settled
from handlers.pipeline import Pipeline
from mappings import keys
from mappings.ledger import Ledger

_refused: ContextVar[set[int]] = ContextVar("courses that met a conflict")


def random_ids() -> None:
    """Rows are named anew each time."""
    for formula in ("row_id", "origin_id", "connection_id"):
        setattr(keys, formula, lambda *_: uuid4())


def conflict_is_success() -> None:
    """412 is taken for "somebody was faster, so it is done"; what was written is still looked at again."""
    weigh, commit = Course.weigh, FixedPoint._commit

    def noting(self: Course, plan: Any, change_set: Any, outcome: Any) -> ConnectorError | None:
        if isinstance(outcome, Conflict):
            _refused.get().add(id(self))
            return None
        return weigh(self, plan, change_set, outcome)

    def careless(
        self: FixedPoint, handler: Any, plans: Mapping[Any, Any], courses: Mapping[Any, Course], done: Any
    ) -> Any:
        _refused.set(set())
        seen = commit(self, handler, plans, courses, done)
        for subject in plans:
            if id(courses[subject]) in _refused.get():
                done.setdefault(subject, Settled("Somebody was faster, so it is done."))
        return seen

    Course.weigh = noting  # type: ignore[method-assign]
    FixedPoint._commit = careless  # type: ignore[method-assign]


def no_second_gather() -> None:
    """What was written must be right."""
    commit = FixedPoint._commit

    def done_at_once(self: FixedPoint, handler: Any, plans: Mapping[Any, Any], courses: Any, done: Any) -> Any:
        before = {subject: courses[subject].commits for subject in plans}
        seen = commit(self, handler, plans, courses, done)
        for subject in plans:
            if courses[subject].commits > before[subject]:
                done.setdefault(subject, Settled("It was written, so it must be right.", commits=1))
        return seen

    FixedPoint._commit = done_at_once  # type: ignore[method-assign]


def others_are_ignored() -> None:
    """Rows that somebody else made are not looked at."""
    Ledger.foreign = ()  # type: ignore[assignment,method-assign]


def unconditional() -> None:
    """Which version was read is forgotten, as UpdateMultiple does."""
    commit = Commits.commit

    def anyhow(self: Commits, change_sets: Sequence[ChangeSet], *more: Any) -> list[Committed | ConnectorError]:
        return commit(self, [replace(one, changes=tuple(map(_anyway, one.changes))) for one in change_sets], *more)

    Commits.commit = anyhow  # type: ignore[method-assign,assignment]


def random_copy_ids() -> None:
    """A copy of a message is named anew each time."""
    servicebus.copy_id = lambda *_: str(uuid4())  # type: ignore[attr-defined]


def completed_on_doubt() -> None:
    """What failed is completed all the same."""
    process = Pipeline.process

    def complete(self: Pipeline, envelopes: Sequence[Any]) -> list[Settlement]:
        ends = process(self, envelopes)
        return [end if isinstance(end, Complete) else Complete("It will have worked.") for end in ends]

    Pipeline.process = complete  # type: ignore[method-assign]


def _anyway(change: Change) -> Change:
    return replace(change, etag="*") if isinstance(change, Update) else change


@dataclass(frozen=True)
class Saboteur:
    """A mistake, and a word of the fault that the judge must find for it."""

    commit: Callable[[], None]
    seen_as: str


SABOTEURS: Final[Mapping[str, Saboteur]] = {
    "random ids": Saboteur(random_ids, "doubled"),
    "conflict is success": Saboteur(conflict_is_success, "doubled or wrong"),
    "no second gather": Saboteur(no_second_gather, "doubled or wrong"),
    "others are ignored": Saboteur(others_are_ignored, "doubled"),
    "unconditional status": Saboteur(unconditional, "invoice line details"),
    "random copy ids": Saboteur(random_copy_ids, "copied twice"),
    "completed on doubt": Saboteur(completed_on_doubt, "lost"),
}
