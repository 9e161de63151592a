"""Correcting a confirmed invoice: a new draft whose details say what the old ones should have said.

All details are copied with quantity 0, a full credit; what needs no credit is removed from the draft, and a partial one
is given its new total (PSA/invoicing; proforma-invoicing/revise-project-invoices). Product lines can't be corrected,
milestones only be credited in full.
"""

from __future__ import annotations

from decimal import Decimal
from uuid import UUID

from sandbox.dataverse.product import ledger, traces
from sandbox.dataverse.product.cells import amount, existing, filled, fitting, key, link, linked
from sandbox.dataverse.product.choices import (
    AdjustmentStatus,
    BillingStatus,
    InvoiceStatus,
    MilestoneStatus,
    ProductType,
    TransactionClass,
    TransactionType,
)
from sandbox.dataverse.product.invoice_header import corrective_header
from sandbox.dataverse.product.invoice_lines import MILESTONE
from sandbox.dataverse.product.invoice_totals import of_invoice, recalculate
from sandbox.dataverse.product.switches import Environment, Switches
from sandbox.dataverse.product.transactions import (
    actual,
    bill,
    copied,
    create_actual,
    of_quantity,
    originate_from_invoice,
    transaction_of,
)
from sandbox.dataverse.unit_of_work import Cell, Link, Refused, Row, UnitOfWork


def correct(work: UnitOfWork, id: UUID) -> UUID:
    """Draft the corrective invoice of a confirmed or paid one; returns its id."""
    invoice = existing(work, "invoice", id)
    if invoice.get("msdyn_projectinvoicestatus") not in (InvoiceStatus.CONFIRMED, InvoiceStatus.PAID):
        raise Refused("This invoice can't be corrected because it hasn't been confirmed.")
    details = [row for row in of_invoice(work, id) if _billed(work, row)]
    if not details:
        raise Refused("This invoice can't be corrected because nothing on it is billed any more.")
    if any(_being_corrected(work, row) for row in details):
        raise Refused("This invoice can't be corrected because a corrective draft of it exists already.")
    made = corrective_header(work, invoice)
    lines: dict[UUID, UUID] = {}
    for detail in details:
        line = linked(detail, "msdyn_invoicelineid")
        if line is not None and line not in lines:
            lines[line] = _copy_line(work, made, existing(work, "invoicedetail", line))
        _copy_detail(work, made, None if line is None else lines[line], detail)
    recalculate(work, made)
    return made


def confirm_corrections(switches: Switches, work: UnitOfWork, detail: Row) -> None:
    """Carry out one detail of a corrective invoice: bill back, and what is no longer billed becomes unbilled again."""
    original = existing(work, traces.INVOICE_LINE_DETAIL, linked(detail, "msdyn_originalinvoicelinedetail"))
    billed, total = _billed(work, original), amount(detail, "msdyn_quantity")
    if detail.get("msdyn_transactionclassification") == TransactionClass.MILESTONE:
        _credit_milestone(work, original, billed, total)
        return
    for row in billed:
        before = amount(row, "msdyn_quantity")
        if total == 0:
            _bill_back(work, original, row)
            _unbill(work, original, detail, row, before)
        elif row.get("msdyn_billingtype") == original.get("msdyn_billingtype") and total != before:
            _bill_back(work, original, row)
            _bill_total(switches, work, original, detail, row, total)
            if total < before:
                _unbill(work, original, detail, row, before - total)


def _billed(work: UnitOfWork, detail: Row) -> list[Row]:
    """The billed sales actuals of a detail that were not billed back."""
    rows = [actual(work, id) for id in traces.from_origin(work, transaction_of(detail), traces.ACTUAL)]
    return [
        row
        for row in rows
        if row.get("msdyn_transactiontypecode") == TransactionType.BILLED_SALES
        and row.get("msdyn_adjustmentstatus") is None
    ]


def _being_corrected(work: UnitOfWork, detail: Row) -> bool:
    for row in work.find(traces.INVOICE_LINE_DETAIL, msdyn_originalinvoicelinedetail=transaction_of(detail)):
        invoice = existing(work, "invoice", linked(row, "msdyn_invoice"))
        if invoice.get("msdyn_projectinvoicestatus") == InvoiceStatus.DRAFT:
            return True
    return False


def _copy_line(work: UnitOfWork, invoice: UUID, line: Row) -> UUID:
    """The line again, its tax credited: only milestones have any, and they are credited in full."""
    kept = (
        "salesorderdetailid",
        "invoicedetailname",
        "productdescription",
        "lineitemnumber",
        "ispriceoverridden",
        "isproductoverridden",
        "transactioncurrencyid",
        "msdyn_linetype",
        "msdyn_project",
        "msdyn_billingmethod",
        "msdyn_contractlineamount",
    )
    values: dict[str, Cell] = {column: line.get(column) for column in kept}
    values |= {"invoiceid": Link("invoice", invoice), "producttypecode": ProductType.PROJECT_SERVICE}
    return work.create("invoicedetail", filled(values | {"quantity": Decimal(1), "tax": -amount(line, "tax")}))


def _copy_detail(work: UnitOfWork, invoice: UUID, line: UUID | None, old: Row) -> None:
    """Origins: old detail, line and invoice, entry and journal line. Connections: replacing what was billed."""
    values = copied(old) | {
        "msdyn_transactiontypecode": TransactionType.BILLED_SALES,
        "msdyn_invoice": Link("invoice", invoice),
        "msdyn_invoicelineid": None if line is None else Link("invoicedetail", line),
        "msdyn_correction": True,
        "msdyn_originalinvoicelinedetail": transaction_of(old),
        "msdyn_quantity": Decimal(0),
        "msdyn_amount": Decimal(0),
        "msdyn_previousamount": amount(old, "msdyn_amount"),
        "msdyn_invoiceamount": -amount(old, "msdyn_amount"),
    }
    table = traces.INVOICE_LINE_DETAIL
    made = Link(table, work.create(table, fitting(work, table, filled(values))))
    originate_from_invoice(work, old, made)
    traces.inherit(work, transaction_of(old), made)
    for row in _billed(work, old):
        traces.connect(work, made, traces.REPLACING, _itself(row), traces.ORIGINAL)


def _bill_back(work: UnitOfWork, original: Row, billed: Row) -> None:
    work.update(traces.ACTUAL, _itself(billed).id, {"msdyn_adjustmentstatus": AdjustmentStatus.ADJUSTED})
    reversal = ledger.reverse(work, billed, BillingStatus.INVOICE_POSTED)
    originate_from_invoice(work, original, reversal)


def _unbill(work: UnitOfWork, original: Row, detail: Row, billed: Row, quantity: Decimal) -> None:
    """Unbilled sales that are open again, to be marked and invoiced anew."""
    _replace(work, original, detail, billed, of_quantity(work, billed, quantity))


def _replace(work: UnitOfWork, original: Row, detail: Row, billed: Row, values: dict[str, Cell]) -> Link:
    unbilled = create_actual(
        work,
        values
        | {
            "msdyn_transactiontypecode": TransactionType.UNBILLED_SALES,
        },
    )
    originate_from_invoice(work, original, unbilled)
    traces.inherit(work, _itself(billed), unbilled)
    originate_from_invoice(work, detail, unbilled)
    traces.connect(work, unbilled, traces.REPLACING, _itself(billed), traces.ORIGINAL)
    return unbilled


def _bill_total(switches: Switches, work: UnitOfWork, original: Row, detail: Row, billed: Row, total: Decimal) -> None:
    """What stays billed. Project Operations tells it by unbilled sales that are posted and reversed at once."""
    kind = billed.get("msdyn_billingtype")
    made = bill(work, detail, total, kind if isinstance(kind, int) else None)
    traces.connect(work, made, traces.REPLACING, _itself(billed), traces.ORIGINAL)
    if switches.environment is Environment.PROJECT_OPERATIONS:
        posted: dict[str, Cell] = {"msdyn_billingstatus": BillingStatus.INVOICE_POSTED}
        posted["msdyn_invoice"] = link(detail, "msdyn_invoice")
        unbilled = _replace(work, original, detail, billed, of_quantity(work, billed, total) | posted)
        ledger.reverse(work, actual(work, unbilled.id), BillingStatus.INVOICE_POSTED)
        traces.connect(work, made, traces.BILLED_SALES, unbilled, traces.UNBILLED_SALES)


def _credit_milestone(work: UnitOfWork, original: Row, billed: list[Row], total: Decimal) -> None:
    if total == amount(original, "msdyn_quantity"):
        return
    if total != 0:
        raise Refused("A milestone can only be credited in full.")
    for row in billed:
        _bill_back(work, original, row)
    for origin in traces.origins_of(work, transaction_of(original)):
        if origin.table == MILESTONE:
            work.update(MILESTONE, origin.id, {"msdyn_invoicestatus": MilestoneStatus.READY})


def _itself(row: Row) -> Link:
    return Link(traces.ACTUAL, key(row, traces.ACTUAL))
