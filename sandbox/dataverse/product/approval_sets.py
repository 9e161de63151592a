"""Approval sets: many approvals decided on together, inside the call or by a background job (approvals/approval-sets).

Inside the call it is all of them or none. In the background each stands for itself: one that fails stays as it was, the
set is Failed, the reason is written on the set, and it is tried again. An approval on its way to Approved shows on its
entry's target status column, and on no other column.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from datetime import timedelta
from typing import Final
from uuid import UUID

from sandbox.dataverse.product import approval, entries
from sandbox.dataverse.product.approval import APPROVAL
from sandbox.dataverse.product.authority import as_product
from sandbox.dataverse.product.cells import existing, instant, key, linked
from sandbox.dataverse.product.choices import ApprovalAct, SetStatus, Stage
from sandbox.dataverse.product.switches import Switches
from sandbox.dataverse.unit_of_work import Cell, Link, Refused, Row, UnitOfWork

SET: Final = "msdyn_approvalset"
Transactions = Callable[[], AbstractContextManager[UnitOfWork]]
_SERVERS_FAULT: Final = 500
Decision = Callable[[Switches, UnitOfWork, UUID], None]
_DECISIONS: Final[Mapping[int, Decision]] = {
    ApprovalAct.REJECT: approval.reject,
    ApprovalAct.APPROVE: approval.approve,
    ApprovalAct.CANCEL: approval.cancel,
}
_TARGETS: Final = {ApprovalAct.REJECT: 192350003, ApprovalAct.APPROVE: 192350002, ApprovalAct.CANCEL: 192350001}
"""``msdyn_approvalset.msdyn_targetstatus``."""
_DECIDED: Final = {
    ApprovalAct.REJECT: Stage.REJECTED,
    ApprovalAct.APPROVE: Stage.APPROVED,
    ApprovalAct.CANCEL: Stage.SUBMITTED,
}


def process(switches: Switches, work: UnitOfWork, act: int, ids: list[UUID], note: str | None) -> None:
    """Decide on these approvals now, or queue a set that a background job will process."""
    if switches.approval_sets_after:
        _queue(work, act, ids, note)
        return
    for id in ids:
        _DECISIONS[act](switches, work, id)


def known(act: int) -> int:
    """The act itself, if it is one that a set can do."""
    if act not in _DECISIONS:
        acts = ", ".join(str(number) for number in _DECISIONS)
        raise Refused(f"ActionType {act} isn't supported; use one of {acts}.")
    return act


def due(switches: Switches, work: UnitOfWork) -> list[UUID]:
    """The sets whose background job would run now."""
    waits = {SetStatus.QUEUED: switches.approval_sets_after, SetStatus.FAILED: switches.approval_set_retry}
    return [
        key(row, SET)
        for status, wait in waits.items()
        for row in work.find(SET, statuscode=status)
        if _attempts(row) < switches.approval_set_attempts and _waited(work, row, wait)
    ]


def run(switches: Switches, transaction: Transactions, id: UUID) -> None:
    """One attempt at a set, as its approver: each approval of it that is still to be decided, by itself.

    Raises ``Refused``, and counts no attempt, where the database gave up on one (a deadlock, a time-out).
    """
    with transaction() as work:
        row = existing(work, SET, id)
        members = [key(member, APPROVAL) for member in work.find(APPROVAL, msdyn_approvalset=Link(SET, id))]
    act, failures = row.get("msdyn_actiontype"), []
    for member in members:
        try:
            with transaction() as work, as_product(work):
                work.user = linked(row, "msdyn_approver") or work.user
                work.lock(APPROVAL, member)
                stage = existing(work, APPROVAL, member).get("msdyn_recordstage")
                if isinstance(act, int) and stage != _DECIDED[act]:
                    _DECISIONS[act](switches, work, member)
        except Refused as refusal:
            if refusal.status >= _SERVERS_FAULT:
                raise
            failures.append(refusal.message)
    values: dict[str, Cell] = {
        "msdyn_lifetime": _attempts(row) + 1,
        "statuscode": SetStatus.FAILED if failures else SetStatus.COMPLETED,
        "msdyn_description": "\n".join(failures)[:1000] or None,
    }
    with transaction() as work:
        work.update(SET, id, values)


def _queue(work: UnitOfWork, act: int, ids: list[UUID], note: str | None) -> None:
    """Make the set and its members. ``msdyn_lifetime`` counts the attempts, which is this sandbox's reading of it."""
    values: dict[str, Cell] = {
        "msdyn_name": note or "Approval set",
        "msdyn_actiontype": act,
        "msdyn_targetstatus": _TARGETS[act],
        "msdyn_approver": Link("systemuser", work.user),
        "msdyn_lifetime": 0,
        "statuscode": SetStatus.QUEUED,
    }
    made = Link(SET, work.create(SET, values))
    for id in ids:
        entry = entries.of_approval(work, existing(work, APPROVAL, id))
        work.update(APPROVAL, id, {"msdyn_approvalset": made})
        if act == ApprovalAct.APPROVE:
            work.update(entry.kind.table, entry.id, {entry.kind.target: entry.kind.approved})


def _attempts(row: Row) -> int:
    count = row.get("msdyn_lifetime")
    return count if isinstance(count, int) else 0


def _waited(work: UnitOfWork, row: Row, wait: timedelta) -> bool:
    changed = instant(row, "modifiedon")
    return changed is not None and changed + wait <= work.now
