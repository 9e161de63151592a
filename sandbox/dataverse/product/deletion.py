"""What the product does before a row is deleted: draft invoices let go of what they hold, entries in progress stay."""

from __future__ import annotations

from typing import Final
from uuid import UUID

from sandbox.dataverse.product import entries, traces
from sandbox.dataverse.product.cells import existing, key, linked
from sandbox.dataverse.product.choices import BillingStatus, InvoiceStatus, MilestoneStatus
from sandbox.dataverse.product.entries import EntryKind
from sandbox.dataverse.product.invoice_lines import MILESTONE
from sandbox.dataverse.unit_of_work import Link, Refused, Row, UnitOfWork

RELEASED: Final = BillingStatus.READY
"""Where an actual goes when its draft is deleted: Ready, as product lines do; for actuals no source says."""


def release_invoice(work: UnitOfWork, id: UUID) -> None:
    """A draft's actuals, milestones and product lines may be invoiced again; its lines and details go with it.

    An actual that another invoice has since taken or posted keeps its status. Only a draft may be deleted.
    """
    invoice = existing(work, "invoice", id)
    if invoice.get("msdyn_projectinvoicestatus") != InvoiceStatus.DRAFT:
        raise Refused("This invoice can't be deleted because it is no longer a draft.")
    for detail in work.find(traces.INVOICE_LINE_DETAIL, msdyn_invoice=Link("invoice", id)):
        itself = Link(traces.INVOICE_LINE_DETAIL, key(detail, traces.INVOICE_LINE_DETAIL))
        _let_go(work, itself)
        work.delete(itself.table, itself.id)
    for line in work.find("invoicedetail", invoiceid=Link("invoice", id)):
        _release_product_line(work, line)
        work.delete("invoicedetail", key(line, "invoicedetail"))


def release_detail(work: UnitOfWork, id: UUID) -> None:
    """What a detail of a draft holds may be invoiced again."""
    detail = existing(work, traces.INVOICE_LINE_DETAIL, id)
    invoice = linked(detail, "msdyn_invoice")
    header = None if invoice is None else work.get("invoice", invoice)
    if header is not None and header.get("msdyn_projectinvoicestatus") != InvoiceStatus.DRAFT:
        raise Refused("This invoice line detail can't be deleted because its invoice is no longer a draft.")
    _let_go(work, Link(traces.INVOICE_LINE_DETAIL, id))


def keep_if_in_progress(work: UnitOfWork, kind: EntryKind, id: UUID) -> None:
    """Only a draft entry, or one that was sent back and so behaves as a draft, may be deleted."""
    if entries.read(work, kind, id).status not in (kind.draft, kind.returned):
        raise Refused(f"This {kind.noun} can't be deleted because it isn't a draft.")


def _let_go(work: UnitOfWork, detail: Link) -> None:
    for id in traces.connected(work, detail, traces.ACTUAL):
        elsewhere = set(traces.connecting_to(work, Link(traces.ACTUAL, id), traces.INVOICE_LINE_DETAIL)) - {detail.id}
        actual = work.get(traces.ACTUAL, id)
        if actual is not None and not elsewhere and _is_held(actual):
            work.update(traces.ACTUAL, id, {"msdyn_billingstatus": RELEASED})
    for origin in traces.origins_of(work, detail):
        row = work.get(MILESTONE, origin.id) if origin.table == MILESTONE else None
        if row is not None and row.get("msdyn_invoicestatus") == MilestoneStatus.INVOICE_CREATED:
            work.update(MILESTONE, origin.id, {"msdyn_invoicestatus": MilestoneStatus.READY})
    traces.forget(work, detail)


def _release_product_line(work: UnitOfWork, invoice_line: Row) -> None:
    """A product line is Ready again; a project line has no billing status of its own to restore."""
    id = linked(invoice_line, "salesorderdetailid")
    line = None if id is None else work.get("salesorderdetail", id)
    if id is not None and line is not None and _is_held(line):
        work.update("salesorderdetail", id, {"msdyn_billingstatus": BillingStatus.READY})


def _is_held(row: Row) -> bool:
    return row.get("msdyn_billingstatus") == BillingStatus.INVOICE_CREATED
