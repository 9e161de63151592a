"""Settles subjects, and at once again those whose failure calls for it, with a fresh reading each time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime

from connector.errors import Conflict, ConnectorError, Transient
from connector.recoverability import History, ImmediateRetry, Policy, recover
from handlers import Mission, Subject
from handlers.fixed_point import FixedPoint, Outcome, Unsettled
from handlers.plan import NOT_YET, ON_DRAFT

NO_ANSWER = "no-answer"
"""The code of a question that got no answer; a write that got none is no ``Transient``."""


def settle_patiently(
    mission: Mission,
    fixed_point: FixedPoint,
    subjects: Sequence[Subject],
    policy: Policy,
    now: Callable[[], datetime],
) -> tuple[dict[Subject, Outcome], dict[Subject, int]]:
    """One outcome per subject, and how often each was tried again at once.

    Waiting is not this function's: what would have to wait comes back unsettled.
    """
    outcomes = mission.settle(list(subjects), fixed_point)
    tries: dict[Subject, int] = {}
    while True:
        again = [
            subject
            for subject, outcome in outcomes.items()
            if isinstance(outcome, Unsettled) and _at_once(outcome.failure, tries.get(subject, 0), policy, now())
        ]
        if not again:
            return outcomes, tries
        for subject in again:
            tries[subject] = tries.get(subject, 0) + 1
        for subject, outcome in mission.settle(again, fixed_point).items():
            outcomes[subject] = _after(outcomes[subject], outcome)


def tries_so_far(failure: ConnectorError, tries: int, policy: Policy) -> int:
    """Tries that count: a conflict and a reading in flux were looked at afresh as often as is useful at once, and a
    question that got no answer was asked three times, for minutes each."""
    is_unanswered = isinstance(failure, Transient) and failure.code == NO_ANSWER
    if isinstance(failure, Conflict) or is_unanswered or failure.code in (NOT_YET, ON_DRAFT):
        return max(policy.conflicts, policy.immediate)
    return tries


def _after(earlier: Outcome, later: Outcome) -> Outcome:
    """What both tries came to: a write of the earlier one may still land, and what it brought is still to be told."""
    later = replace(later, unsure=later.unsure or earlier.unsure)
    if isinstance(later, Unsettled) and isinstance(earlier, Unsettled):
        return replace(later, outcome=later.outcome or earlier.outcome, news=earlier.news + later.news)
    return later


def _at_once(failure: ConnectorError, tries: int, policy: Policy, now: datetime) -> bool:
    history = History(0, tries_so_far(failure, tries, policy), now)
    return isinstance(recover(failure, history, policy, now), ImmediateRetry)
