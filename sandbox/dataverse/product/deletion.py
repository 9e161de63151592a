"""What the product does before a row is deleted: draft invoices let go of what they hold, the rest stays."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Final
from uuid import UUID

from sandbox.dataverse.product import entries, traces
from sandbox.dataverse.product.authority import rule_of_the_product
from sandbox.dataverse.product.cells import existing, key, linked
from sandbox.dataverse.product.choices import BillingStatus, InvoiceStatus, MilestoneStatus
from sandbox.dataverse.product.entries import EXPENSE, TIME, EntryKind
from sandbox.dataverse.product.invoice_lines import MILESTONE
from sandbox.dataverse.product.invoice_totals import follow_edits, recalculate
from sandbox.dataverse.product.switches import Released, Switches
from sandbox.dataverse.unit_of_work import Cell, Link, Refused, Row, UnitOfWork

Rule = Callable[[UnitOfWork, UUID], None]
_RELEASED: Final[Mapping[Released, Cell]] = {Released.READY: BillingStatus.READY, Released.EMPTY: None}


def before_delete(switches: Switches) -> Mapping[str, Rule]:
    """By table: what must happen, in the same transaction, before one of its rows is deleted. Raises ``Refused``."""
    return {
        "invoice": rule_of_the_product(partial(release_invoice, switches)),
        "invoicedetail": rule_of_the_product(partial(release_line, switches)),
        traces.INVOICE_LINE_DETAIL: rule_of_the_product(partial(release_detail, switches)),
        traces.ACTUAL: _by_callers(partial(keep_actual, switches)),
        MILESTONE: _by_callers(keep_milestone),
        TIME.table: lambda work, id: keep_if_in_progress(work, TIME, id),
        EXPENSE.table: lambda work, id: keep_if_in_progress(work, EXPENSE, id),
    }


def release_invoice(switches: Switches, work: UnitOfWork, id: UUID) -> None:
    """A draft's actuals, milestones and product lines may be invoiced again; its lines and details go with it.

    An actual that another invoice has since taken or posted keeps its status. Only a draft may be deleted.
    """
    invoice = existing(work, "invoice", id)
    if invoice.get("msdyn_projectinvoicestatus") != InvoiceStatus.DRAFT:
        raise Refused("This invoice can't be deleted because it is no longer a draft.")
    for detail in work.find(traces.INVOICE_LINE_DETAIL, msdyn_invoice=Link("invoice", id)):
        _delete_detail(switches, work, detail)
    for line in work.find("invoicedetail", invoiceid=Link("invoice", id)):
        _release_product_line(work, line)
        work.delete("invoicedetail", key(line, "invoicedetail"))


def release_line(switches: Switches, work: UnitOfWork, id: UUID) -> None:
    """A line of a draft goes with its details, and a product line is Ready again (PSA/whats-new-ur-26)."""
    line = existing(work, "invoicedetail", id)
    invoice = linked(line, "invoiceid")
    _refuse_unless_draft(work, invoice, "invoice line")
    for detail in work.find(traces.INVOICE_LINE_DETAIL, msdyn_invoicelineid=Link("invoicedetail", id)):
        _delete_detail(switches, work, detail)
    _release_product_line(work, line)
    if switches.totals_follow_edits and invoice is not None:
        recalculate(work, invoice, without=id)


def release_detail(switches: Switches, work: UnitOfWork, id: UUID) -> None:
    """What a detail of a draft holds may be invoiced again."""
    detail = existing(work, traces.INVOICE_LINE_DETAIL, id)
    _refuse_unless_draft(work, linked(detail, "msdyn_invoice"), "invoice line detail")
    _let_go(switches, work, Link(traces.INVOICE_LINE_DETAIL, id))
    follow_edits(switches, work, detail, None)


def take_off_drafts(work: UnitOfWork, rows: Iterable[Row]) -> None:
    """Remove the details of these actuals from the drafts they are on, and work those out anew (inferred)."""
    for row in rows:
        if not _is_held(row):
            continue
        for id in traces.connecting_to(work, Link(traces.ACTUAL, key(row, traces.ACTUAL)), traces.INVOICE_LINE_DETAIL):
            detail = existing(work, traces.INVOICE_LINE_DETAIL, id)
            invoice = linked(detail, "msdyn_invoice")
            traces.forget(work, Link(traces.INVOICE_LINE_DETAIL, id))
            work.delete(traces.INVOICE_LINE_DETAIL, id)
            if invoice is not None:
                recalculate(work, invoice)


def keep_actual(switches: Switches, work: UnitOfWork, id: UUID) -> None:
    """Actuals are never deleted; journals make up for them (PSA/FAQ-deleting-actuals)."""
    if switches.actuals_kept:
        raise Refused(f"The actual {id} can't be deleted. Use a journal to reverse it.")


def keep_milestone(work: UnitOfWork, id: UUID) -> None:
    """A milestone that is ready or invoiced stays (PSA/whats-new-ur-36)."""
    if existing(work, MILESTONE, id).get("msdyn_invoicestatus") not in (None, MilestoneStatus.NOT_READY):
        raise Refused("This milestone can't be deleted because it is ready for invoicing or has been invoiced.")


def keep_if_in_progress(work: UnitOfWork, kind: EntryKind, id: UUID) -> None:
    """Only a draft entry, or one that was sent back and so behaves as a draft, may be deleted."""
    if entries.read(work, kind, id).status not in (kind.draft, kind.returned):
        raise Refused(f"This {kind.noun} can't be deleted because it isn't a draft.")


def _by_callers(rule: Rule) -> Rule:
    """A rule about what callers delete, not what the product does; it writes as the product."""
    as_the_product = rule_of_the_product(rule)
    return lambda work, id: None if work.as_product else as_the_product(work, id)


def _refuse_unless_draft(work: UnitOfWork, invoice: UUID | None, what: str) -> None:
    header = None if invoice is None else work.get("invoice", invoice)
    if header is not None and header.get("msdyn_projectinvoicestatus") != InvoiceStatus.DRAFT:
        raise Refused(f"This {what} can't be deleted because its invoice is no longer a draft.")


def _delete_detail(switches: Switches, work: UnitOfWork, detail: Row) -> None:
    itself = Link(traces.INVOICE_LINE_DETAIL, key(detail, traces.INVOICE_LINE_DETAIL))
    _let_go(switches, work, itself)
    work.delete(itself.table, itself.id)


def _let_go(switches: Switches, work: UnitOfWork, detail: Link) -> None:
    for id in traces.connected(work, detail, traces.ACTUAL):
        elsewhere = set(traces.connecting_to(work, Link(traces.ACTUAL, id), traces.INVOICE_LINE_DETAIL)) - {detail.id}
        actual = work.get(traces.ACTUAL, id)
        if actual is not None and not elsewhere and _is_held(actual):
            work.update(traces.ACTUAL, id, {"msdyn_billingstatus": _RELEASED[switches.released]})
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
