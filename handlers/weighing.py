"""How a batch of subjects fared, as far as it tells whose fault a failure is."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from connector.breadth import WRITE, Breadth, Failed, Verdict
from connector.errors import ConnectorError
from handlers import Subject
from handlers.fixed_point import READING, AgainstTheRules, Outcome, Settled, Unsettled


def weighed(
    breadth: Breadth,
    began: int,
    outcomes: Mapping[Subject, Outcome],
    unread: Mapping[str, ConnectorError],
    now: datetime,
) -> dict[str, Verdict]:
    """A verdict on each failure that breadth can tell anything of, by the subject as it is written.

    ``unread``: what could not even be looked up. What breaks a rule of ours is the subject's fault whatever the others
    do, and is not weighed.
    """
    failed = {subject: Failed(failure, READING) for subject, failure in unread.items()}
    went_well: frozenset[str] = frozenset()
    settled: list[str] = []
    for subject, outcome in outcomes.items():
        match outcome:
            case Settled(commits=commits, operations=operations):
                settled.append(str(subject))
                went_well |= operations | READING | ({WRITE} if commits else frozenset())
            case Unsettled(failure=AgainstTheRules()):
                settled.append(str(subject))
                went_well |= READING
            case Unsettled(failure=failure, operations=operations):
                failed[str(subject)] = Failed(failure, operations)
                if operations != READING:
                    went_well |= READING
    return breadth.weigh(began, failed, went_well, settled, now)
