"""Deciding on submitted entries: approve, reject, and cancel an approval.

Only these acts complete a decision; a PATCH of the approval's record stage changes that column and nothing else
(approvals-overview). In this environment the product's own creation of actuals on approval is switched off, so
approving writes the approval and the entry, and cancelling leaves the actuals to whoever made them.
"""

from __future__ import annotations

from uuid import UUID

from sandbox.dataverse.product import entries, journal_lines, rounding, traces
from sandbox.dataverse.product.cells import amount, existing, link, linked
from sandbox.dataverse.product.choices import BillingStatus, Stage
from sandbox.dataverse.product.entries import EXPENSE, TIME, Entry
from sandbox.dataverse.unit_of_work import Cell, Link, Refused, Row, UnitOfWork

APPROVAL = "msdyn_projectapproval"
_INVOICED = (BillingStatus.INVOICE_CREATED, BillingStatus.INVOICE_POSTED)


def approve(work: UnitOfWork, id: UUID) -> None:
    """Submitted to Approved, with the moment and the approver; the entry becomes Approved."""
    approval, entry = _waiting(work, id, "approved")
    values: dict[str, Cell] = {
        "msdyn_recordstage": Stage.APPROVED,
        "msdyn_approvedon": work.now,
        "msdyn_approvedby": Link("systemuser", work.user),
    }
    work.update(APPROVAL, id, values | _sales_amount(work, approval))
    work.update(entry.kind.table, entry.id, {entry.kind.status: entry.kind.approved})


def reject(work: UnitOfWork, id: UUID) -> None:
    """Submitted to Rejected; time goes back as Returned, an expense as Rejected. Its journal lines are withdrawn."""
    _, entry = _waiting(work, id, "rejected")
    work.update(APPROVAL, id, {"msdyn_recordstage": Stage.REJECTED, "msdyn_referencejournalline": None})
    journal_lines.withdraw(work, entry)
    work.update(entry.kind.table, entry.id, {entry.kind.status: entry.kind.returned})


def cancel(work: UnitOfWork, id: UUID) -> None:
    """Approved back to Submitted, approval and entry alike; refused once a sales actual of the entry is on an invoice.

    The way to the actuals is the transaction origins (PSA/cancel-approval).
    """
    approval = existing(work, APPROVAL, id)
    entry = _entry(work, approval)
    if approval.get("msdyn_recordstage") != Stage.APPROVED:
        raise Refused("This approval can't be canceled because it hasn't been approved.")
    for actual in traces.from_origin(work, Link(entry.kind.table, entry.id), traces.ACTUAL):
        row = work.get(traces.ACTUAL, actual)
        if row is not None and row.get("msdyn_billingstatus") in _INVOICED:
            raise Refused(f"This approval can't be canceled because the {entry.kind.noun} has already been invoiced.")
    undone: dict[str, Cell] = {
        "msdyn_recordstage": Stage.SUBMITTED,
        "msdyn_approvedon": None,
        "msdyn_approvedby": None,
    }
    work.update(APPROVAL, id, undone)
    work.update(entry.kind.table, entry.id, {entry.kind.status: entry.kind.submitted})


def _waiting(work: UnitOfWork, id: UUID, decision: str) -> tuple[Row, Entry]:
    approval = existing(work, APPROVAL, id)
    entry = _entry(work, approval)
    if approval.get("msdyn_recordstage") != Stage.SUBMITTED or entry.status != entry.kind.submitted:
        raise Refused(f"This {entry.kind.noun} can't be {decision} because it isn't waiting for approval.")
    return approval, entry


def _entry(work: UnitOfWork, approval: Row) -> Entry:
    for kind in (TIME, EXPENSE):
        lookup = link(approval, kind.approval_lookup)
        if lookup is not None:
            return entries.read(work, kind, lookup.id)
    raise Refused("This approval names neither a time entry nor an expense entry.")


def _sales_amount(work: UnitOfWork, approval: Row) -> dict[str, Cell]:
    """The billable quantity the approver settled on, at the sales price (that the row follows it is inferred)."""
    currency = linked(approval, "transactioncurrencyid")
    if currency is None or approval.get("msdyn_salesprice") is None:
        return {}
    billable = rounding.quantity(amount(approval, "msdyn_salesquantity"))
    return {
        "msdyn_salesamount": rounding.currency(work, currency).extended(billable, amount(approval, "msdyn_salesprice"))
    }
