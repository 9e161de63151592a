"""The metrics of what `status` finds, by which silence becomes an alarm."""

from __future__ import annotations

from connector.telemetry.instruments import OUTCOME, Metric, Shape
from connector.telemetry.recording import recording
from service.status.approvals import UNSERVED
from service.status.everything import Report
from service.status.part import State
from service.status.recorded import DOUBT
from service.status.schedules import OVERDUE

PART = "part"

ATTENTION = Metric(
    "psa_connector.attention",
    Shape.GAUGE,
    "{part}",
    "1 where a part of `status` needs a person, 2 where that is because looking was refused, 0 where it does not; what "
    "this user need not see is not told",
    (PART,),
)
APPROVED_WITHOUT_ACTUALS = Metric(
    "psa_connector.approved_without_actuals",
    Shape.GAUGE,
    "{entry}",
    "entries approved for longer than they should be without actuals",
    (),
)
OLDEST_UNSERVED = Metric(
    "psa_connector.oldest_unserved_approval",
    Shape.GAUGE,
    "s",
    "for how long the first of those entries waits; 0 when there is none",
    (),
)
SCHEDULES_OVERDUE = Metric(
    "psa_connector.schedules_overdue",
    Shape.GAUGE,
    "{run}",
    "invoice runs that were due with something ready, and did not run",
    (),
)
IN_DOUBT = Metric(
    "psa_connector.invoices_in_doubt",
    Shape.GAUGE,
    "{call}",
    "calls for an invoice of which nobody knows what came of them",
    (),
)
LOOKS = Metric(
    "psa_connector.looks",
    Shape.COUNTER,
    "{look}",
    "looks at what `status` shows, by whether every question was answered",
    (OUTCOME,),
)

METRICS = (ATTENTION, APPROVED_WITHOUT_ACTUALS, OLDEST_UNSERVED, SCHEDULES_OVERDUE, IN_DOUBT, LOOKS)
"""All there are."""

_COUNTS = {UNSERVED: APPROVED_WITHOUT_ACTUALS, OVERDUE: SCHEDULES_OVERDUE, DOUBT: IN_DOUBT}


def measure(report: Report) -> None:
    """Set every gauge that the report tells of; what was not seen keeps the value it had."""
    record = recording()
    for part in report.parts:
        if part.state not in (State.OK, State.ATTENTION):
            continue
        needs = int(part.state is State.ATTENTION)
        # The counts below keep their values then: who watches them alone would never hear of it.
        record.set(ATTENTION, 2 if part.is_refused else needs, {PART: part.key})
        if part.key in _COUNTS and part.count is not None:
            record.set(_COUNTS[part.key], part.count, {})
        if part.key == UNSERVED and part.count is not None:
            waits = 0.0 if part.oldest is None else max((report.at - part.oldest).total_seconds(), 0.0)
            record.set(OLDEST_UNSERVED, waits, {})
    record.add(LOOKS, 1, {OUTCOME: "partial" if report.is_partial else "complete"})
