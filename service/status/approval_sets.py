"""Approval sets that failed or are stuck: the approvals on them stay as they were, and the product tells nobody."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from connector.dataverse.client import DataverseClient
from connector.dataverse.query import Compare, Condition, Query, all_of, any_of, either, equals
from connector.errors import Misconfigured
from mappings import tables
from mappings.choices import RecordStage
from service.status.counting import Counted, counted
from service.status.part import Named, Part, State, ago, number

SETS = "approval-sets"
SET = "msdyn_approvalset"
QUEUED, PROCESSING, PARTLY, FAILED = 192350000, 192350001, 192350002, 192350003
"""``msdyn_approvalset.statuscode``."""
REJECT, APPROVE, CANCEL = 192350001, 192350003, 192350004
"""``msdyn_approvalset.msdyn_actiontype``."""
AGAIN = "Open those approvals: approve them again, or reject them."
STUCK = timedelta(minutes=30)
"""The product's own flow looks every five minutes (Project Operations, "Approval sets")."""
PENDING = equals("msdyn_recordstage", int(RecordStage.PENDING))
"""Where an approval is put that is still to be gone about; Project Service Automation leaves one that failed there."""
_OPEN = any_of("msdyn_recordstage", (int(RecordStage.SUBMITTED), int(RecordStage.PENDING)))
_UNDECIDED = either(
    all_of(either(equals(f"{SET}/msdyn_actiontype", APPROVE), equals(f"{SET}/msdyn_actiontype", REJECT)), _OPEN),
    all_of(equals(f"{SET}/msdyn_actiontype", CANCEL), equals("msdyn_recordstage", int(RecordStage.APPROVED))),
)
"""Approvals that are still as they were before their set; one that was decided since in another way counts no more."""


def approval_sets(client: DataverseClient, now: datetime) -> Iterator[Part]:
    """How many approvals a failed set left undecided, which sets are not gone about, and which approvals are pending
    without one. Raises ``ConnectorError``.
    """
    is_long = Compare("modifiedon", "lt", now - STUCK)
    if not _has_sets(client):
        pending = _approvals(client, all_of(PENDING, is_long))
        yield Part(
            SETS,
            State.ATTENTION if pending.count else State.OK,
            f"This version of the product has no approval sets. {_said(pending)}",
            AGAIN if pending.count else "",
            pending.count,
            pending.is_more,
            _oldest(pending),
            tuple(_pending(pending)),
            {"undecided": 0, "stuck": 0, "pending": pending.count},
        )
        return
    has_failed = either(equals(f"{SET}/statuscode", FAILED), equals(f"{SET}/statuscode", PARTLY))
    left = _approvals(client, all_of(has_failed, _UNDECIDED), SET)
    is_open = any_of("statuscode", (QUEUED, PROCESSING))
    stuck = counted(client, Query(SET, ("msdyn_name", "modifiedon"), all_of(is_open, is_long), ("modifiedon",)))
    pending = _approvals(client, all_of(PENDING, is_long, equals(SET, None)))
    approvals = number(left.count, "approval is", "approvals are", is_more=left.is_more)
    sets = number(stuck.count, "set has", "sets have", is_more=stuck.is_more)
    rows = (
        *(Named(one.ref, str(one.ref), f"Its {one.link(SET)} failed.") for one in left.rows),
        *(Named(one.ref, one.text("msdyn_name") or str(one.id), "It waits.") for one in stuck.rows),
        *_pending(pending),
    )
    oldest = _oldest(left, stuck, pending)
    since = "" if oldest is None else f" The oldest is from {ago(now, oldest)} ago."
    todo = AGAIN if pending.count else ""
    if stuck.count:
        todo = 'Is the cloud flow "Project Service - Recurrently Schedule Project Approval Sets" switched on?'
    if left.count:
        todo = "Open the set: its description says why. Mend that, then approve those entries again."
    yield Part(
        SETS,
        State.ATTENTION if rows else State.OK,
        f"{approvals} left undecided by a set that failed; {sets} waited for more than "
        f"{STUCK.seconds // 60} minutes. {_said(pending)}{since}",
        todo,
        left.count + stuck.count + pending.count,
        left.is_more or stuck.is_more or pending.is_more,
        oldest,
        rows[:5],
        {"undecided": left.count, "stuck": stuck.count, "pending": pending.count},
    )


def _has_sets(client: DataverseClient) -> bool:
    """Only the table itself tells: a column of it that is missing is a fault, and no older version."""
    try:
        client.metadata.learn({SET})
    except Misconfigured as error:
        if error.code != "unknown-table":
            raise
        return False
    return True


def _approvals(client: DataverseClient, where: Condition, *more: str) -> Counted:
    return counted(client, Query(tables.APPROVAL, (*more, "modifiedon"), where, ("modifiedon",)))


def _said(pending: Counted) -> str:
    said = number(pending.count, "approval is", "approvals are", is_more=pending.is_more)
    return f"{said} pending without a set for more than {STUCK.seconds // 60} minutes."


def _pending(found: Counted) -> Iterator[Named]:
    return (Named(one.ref, str(one.ref), "It is pending.") for one in found.rows)


def _oldest(*found: Counted) -> datetime | None:
    moments = (row.instant("modifiedon") for one in found for row in one.rows)
    return min(filter(None, moments), default=None)
