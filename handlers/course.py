"""How one subject has fared in one run: what was written, refused, in conflict, or never answered."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from connector.dataverse.changes import Call, ChangeSet, Committed, Create, Reference, Update, subject_of
from connector.errors import Conflict, ConnectorError, Misconfigured, Rejected, Transient, UnknownOutcome
from handlers.plan import Plan


@dataclass(frozen=True, slots=True)
class Limits:
    """How often a run looks afresh: rounds in all, conflicts on one row, and writes that were never answered."""

    rounds: int = 8
    conflicts: int = 3
    unknown: int = 2


@dataclass
class Course:
    """The course of one subject's run."""

    limits: Limits
    commits: int = 0
    operations: frozenset[str] = frozenset()
    """The kinds of operation that were carried out."""
    refusals: dict[Reference, Rejected | Conflict | Misconfigured] = field(default_factory=dict)
    _unknown: int = 0
    _unanswered: list[frozenset[Reference]] = field(default_factory=list)
    _conflicts: Counter[tuple[str, str]] = field(default_factory=Counter)
    _created: set[Reference] = field(default_factory=set)
    _undone: int = 0

    @property
    def unsure(self) -> bool:
        """A write that was never answered may still land, after everything was read."""
        return bool(self._unanswered)

    def objects(self, plan: Plan) -> Rejected | None:
        """Whether the plan corrects, a second time, what this very run wrote.

        Once is right: other figures may have been released meanwhile. Twice means that rows do not stay as they are
        written, because something in the environment alters them, and every further round would only add more.
        """
        touched = {change.row for one in plan.change_sets for change in one.changes if isinstance(change, Update)}
        if plan.corrects and touched & self._created:
            self._undone += 1
        if self._undone < 2:
            return None
        named = ", ".join(sorted(str(row) for row in touched & self._created))
        return Rejected(
            "not-as-written",
            f"{named} does not read as it was written: a plug-in or business rule of this environment alters it. "
            "Exempt the service's user from it, then replay.",
        )

    def weigh(self, plan: Plan, change_set: ChangeSet, outcome: Committed | ConnectorError) -> ConnectorError | None:
        """What one outcome means: ``None`` to look again, or the failure that ends this run."""
        match outcome:
            case Committed():
                self.commits += 1
                self.operations |= operations_of(change_set)
                # What was never answered can't land any more once the same rows were written by another request.
                written = _rows(change_set)
                self._unanswered = [rows for rows in self._unanswered if not rows <= written]
                self.refusals = {row: told for row, told in self.refusals.items() if row not in written}
                self._created |= {change.row for change in change_set.changes if isinstance(change, Create)}
            case Conflict() as conflict:
                # Everything in the set was rolled back. Who was faster, and what it means, only a new reading can say.
                blocked = conflict.record or str(subject_of(change_set.changes[0]))
                if plan.each_alone and len(change_set.changes) == 1 and _rows(change_set) not in self._unanswered:
                    self.refusals[subject_of(change_set.changes[0])] = conflict
                seen = blocked, _version(change_set, blocked)
                self._conflicts[seen] += 1
                if self._conflicts[seen] >= self.limits.conflicts:
                    return conflict
            case UnknownOutcome() as unknown:
                self._unanswered.append(_rows(change_set))
                self._unknown += 1
                # Whoever was told when to come back looks again then, and not at once.
                if self._unknown >= self.limits.unknown or unknown.retry_after is not None:
                    return unknown
            case Rejected() as rejected if plan.each_alone:
                self.refusals[subject_of(change_set.changes[0])] = rejected
            case Misconfigured() as lacking if plan.may_fail:
                self.refusals[subject_of(change_set.changes[0])] = lacking
            case Transient(code="server-error") as failed if plan.may_fail:
                # Mostly a plug-in's fault, which does not pass; what may fail holds nothing up.
                self.refusals[subject_of(change_set.changes[0])] = Rejected(failed.code, failed.sentence)
            case failure:
                return failure
        return None


def operations_of(change_set: ChangeSet) -> frozenset[str]:
    """What kinds of operation a change set is made of: to create, to change or to call, and what."""
    return frozenset(
        change.action if isinstance(change, Call) else f"{type(change).__name__} {change.row.table}"
        for change in change_set.changes
    )


def _version(change_set: ChangeSet, row: str) -> str:
    """The version a row was to be changed from: one that moves on each time is others at work, and comes to rest."""
    changes = (change for change in change_set.changes if isinstance(change, Update))
    return next((change.etag for change in changes if str(change.row) == row), "")


def _rows(change_set: ChangeSet) -> frozenset[Reference]:
    return frozenset(subject_of(change) for change in change_set.changes)
