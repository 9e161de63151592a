"""Approval sets that failed or are stuck: the approvals on them stay as they were, and the product tells nobody."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from connector.dataverse.client import DataverseClient
from connector.dataverse.query import Compare, Query, all_of, any_of, either, equals
from connector.errors import Misconfigured
from mappings import tables
from mappings.choices import RecordStage
from service.status.counting import counted
from service.status.part import Named, Part, State, ago, number

SETS = "approval-sets"
SET = "msdyn_approvalset"
QUEUED, PROCESSING, PARTLY, FAILED = 192350000, 192350001, 192350002, 192350003
"""``msdyn_approvalset.statuscode``."""
REJECT, APPROVE, CANCEL = 192350001, 192350003, 192350004
"""``msdyn_approvalset.msdyn_actiontype``."""
STUCK = timedelta(minutes=30)
"""The product's own flow looks every five minutes (Project Operations, "Approval sets")."""
_ABSENT = frozenset({"unknown-table", "unknown-column", "unknown-name"})
_OPEN = any_of("msdyn_recordstage", (int(RecordStage.SUBMITTED), int(RecordStage.PENDING)))
_UNDECIDED = either(
    all_of(either(equals(f"{SET}/msdyn_actiontype", APPROVE), equals(f"{SET}/msdyn_actiontype", REJECT)), _OPEN),
    all_of(equals(f"{SET}/msdyn_actiontype", CANCEL), equals("msdyn_recordstage", int(RecordStage.APPROVED))),
)
"""Approvals that are still as they were before their set; one that was decided since in another way counts no more."""


def approval_sets(client: DataverseClient, now: datetime) -> Iterator[Part]:
    """How many approvals a failed set left undecided, and which sets are not gone about. Raises ``ConnectorError``."""
    try:
        has_failed = either(equals(f"{SET}/statuscode", FAILED), equals(f"{SET}/statuscode", PARTLY))
        left = counted(
            client,
            Query(tables.APPROVAL, (SET, "modifiedon"), all_of(has_failed, _UNDECIDED), ("modifiedon",)),
        )
        stuck = counted(
            client,
            Query(
                SET,
                ("msdyn_name", "modifiedon"),
                all_of(any_of("statuscode", (QUEUED, PROCESSING)), Compare("modifiedon", "lt", now - STUCK)),
                ("modifiedon",),
            ),
        )
    except Misconfigured as error:
        if error.code not in _ABSENT:
            raise
        yield Part(SETS, State.OK, "This version of the product has no approval sets.")
        return
    approvals = number(left.count, "approval is", "approvals are", is_more=left.is_more)
    sets = number(stuck.count, "set has", "sets have", is_more=stuck.is_more)
    rows = (
        *(Named(one.ref, str(one.ref), f"Its {one.link(SET)} failed.") for one in left.rows),
        *(Named(one.ref, one.text("msdyn_name") or str(one.id), "It waits.") for one in stuck.rows),
    )
    moments = [moment for one in (*left.rows, *stuck.rows) if (moment := one.instant("modifiedon"))]
    oldest = min(moments, default=None)
    since = "" if oldest is None else f" The oldest is from {ago(now, oldest)} ago."
    todo = ""
    if stuck.count:
        todo = 'Is the cloud flow "Project Service - Recurrently Schedule Project Approval Sets" switched on?'
    if left.count:
        todo = "Open the set: its description says why. Mend that, then approve those entries again."
    yield Part(
        SETS,
        State.ATTENTION if rows else State.OK,
        f"{approvals} left undecided by a set that failed; {sets} waited for more than "
        f"{STUCK.seconds // 60} minutes.{since}",
        todo,
        left.count + stuck.count,
        left.is_more or stuck.is_more,
        oldest,
        rows[:5],
        {"undecided": left.count, "stuck": stuck.count},
    )
