"""Deciding on submitted entries: approve, reject, and cancel an approval.

Only these acts complete a decision; a PATCH of the approval's record stage changes that column and nothing else
(approvals-overview). Where the product is not the one that makes actuals (``Creation.NEVER``), approving writes the
approval and the entry, and cancelling leaves the actuals to whoever made them.
"""

from __future__ import annotations

from typing import Final
from uuid import UUID

from sandbox.dataverse.product import actuals, authority, entries, journal_lines, ledger, recall, rounding
from sandbox.dataverse.product.cells import amount, existing, linked
from sandbox.dataverse.product.choices import Stage
from sandbox.dataverse.product.deletion import take_off_drafts
from sandbox.dataverse.product.entries import Entry
from sandbox.dataverse.product.switches import Creation, Switches
from sandbox.dataverse.unit_of_work import Cell, Link, Refused, Row, UnitOfWork

APPROVAL: Final = "msdyn_projectapproval"


def approve(switches: Switches, work: UnitOfWork, id: UUID) -> None:
    """Submitted to Approved, with the moment and the approver; the entry becomes Approved.

    On a recall request it accepts the recall (PSA/recall-approved).
    """
    approval = _asked(switches, work, id, "approve")
    if approval.get("msdyn_recordstage") == Stage.RECALL_REQUESTED:
        recall.accept(switches, work, id)
        return
    entry = _waiting(work, approval, id, "approved")
    _may_fail(switches, id)
    values: dict[str, Cell] = {
        "msdyn_recordstage": Stage.APPROVED,
        "msdyn_approvedon": work.now,
        "msdyn_approvedby": Link("systemuser", work.user),
    }
    work.update(APPROVAL, id, values | _sales_amount(work, approval))
    entries.move(switches, work, entry, entry.kind.approved)
    if switches.actuals is Creation.AT_ONCE:
        actuals.create(switches, work, approval, entry)


def reject(switches: Switches, work: UnitOfWork, id: UUID) -> None:
    """Submitted to Rejected; time goes back as Returned, an expense as Rejected. Its journal lines are withdrawn.

    On a recall request it refuses the recall.
    """
    approval = _asked(switches, work, id, "reject")
    if approval.get("msdyn_recordstage") == Stage.RECALL_REQUESTED:
        recall.refuse(switches, work, id)
        return
    entry = _waiting(work, approval, id, "rejected")
    _may_fail(switches, id)
    work.update(APPROVAL, id, {"msdyn_recordstage": Stage.REJECTED, "msdyn_referencejournalline": None})
    journal_lines.withdraw(work, entry)
    entries.move(switches, work, entry, entry.kind.returned)


def cancel(switches: Switches, work: UnitOfWork, id: UUID) -> None:
    """Approved back to Submitted, approval and entry alike; refused once a sales actual of the entry is on an invoice.

    What the product makes on approval it takes back (PSA/cancel-approval).
    """
    approval = _asked(switches, work, id, "cancel the approval of")
    entry = entries.of_approval(work, approval)
    if approval.get("msdyn_recordstage") != Stage.APPROVED:
        raise Refused("This approval can't be canceled because it hasn't been approved.")
    _may_fail(switches, id)
    ledger.refuse_if_invoiced(
        work, entry, "This approval can't be canceled", also_on_a_draft=switches.draft_blocks_cancel
    )
    if switches.actuals is not Creation.NEVER:
        live = ledger.live(work, entry)
        take_off_drafts(work, live)
        if live:
            actuals.reopen_lines(work, entry)
        ledger.withdraw(switches, work, live)
    undone: dict[str, Cell] = {
        "msdyn_recordstage": Stage.SUBMITTED,
        "msdyn_approvedon": None,
        "msdyn_approvedby": None,
    }
    work.update(APPROVAL, id, undone)
    entries.move(switches, work, entry, entry.kind.submitted)


def _asked(switches: Switches, work: UnitOfWork, id: UUID, what: str) -> Row:
    """The approval, which the caller may decide on, and nobody else decides on meanwhile."""
    work.lock(APPROVAL, id)
    approval = existing(work, APPROVAL, id)
    authority.refuse_unless_approver(switches, work, entries.of_approval(work, approval), what)
    return approval


def _waiting(work: UnitOfWork, approval: Row, id: UUID, decision: str) -> Entry:
    entry = entries.of_approval(work, approval)
    if approval.get("msdyn_recordstage") != Stage.SUBMITTED or entry.status != entry.kind.submitted:
        raise Refused(f"This {entry.kind.noun} can't be {decision} because it isn't waiting for approval.")
    return entry


def _may_fail(switches: Switches, id: UUID) -> None:
    if id in switches.failing:
        raise Refused(switches.failing[id])


def _sales_amount(work: UnitOfWork, approval: Row) -> dict[str, Cell]:
    """The billable quantity the approver settled on, at the sales price (that the row follows it is inferred)."""
    currency = linked(approval, "transactioncurrencyid")
    if currency is None or approval.get("msdyn_salesprice") is None:
        return {}
    billable = rounding.quantity(amount(approval, "msdyn_salesquantity"))
    return {
        "msdyn_salesamount": rounding.currency(work, currency).extended(billable, amount(approval, "msdyn_salesprice"))
    }
