"""Confirming a draft invoice: unbilled sales are reversed, billed sales made, and everything on it is posted.

Quantities the draft changed are told apart as each product does it (PSA/actuals; actuals/ActualsonTM). What a
corrective invoice does instead is ``invoice_correction``.
"""

from __future__ import annotations

from decimal import Decimal
from uuid import UUID

from sandbox.dataverse.product import ledger, traces
from sandbox.dataverse.product.business_dates import day_of, midnight
from sandbox.dataverse.product.cells import amount, existing, key, link, linked
from sandbox.dataverse.product.choices import (
    AdjustmentStatus,
    BillingMethod,
    BillingStatus,
    BillingType,
    InvoiceStatus,
    MilestoneStatus,
    ProductType,
    TransactionClass,
    TransactionType,
)
from sandbox.dataverse.product.invoice_correction import confirm_corrections
from sandbox.dataverse.product.invoice_lines import MILESTONE
from sandbox.dataverse.product.invoice_totals import of_invoice, recalculate
from sandbox.dataverse.product.switches import Environment, Switches
from sandbox.dataverse.product.transactions import actual, bill, create_actual, of_quantity, transaction_of
from sandbox.dataverse.unit_of_work import Cell, Link, Refused, Row, UnitOfWork


def confirm(switches: Switches, work: UnitOfWork, id: UUID) -> None:
    """Draft to Confirmed, once and for all. Costs are left alone."""
    work.lock("invoice", id)
    invoice = existing(work, "invoice", id)
    if invoice.get("msdyn_projectinvoicestatus") != InvoiceStatus.DRAFT:
        raise Refused("This invoice can't be confirmed because it is no longer a draft.")
    if id in switches.failing:
        raise Refused(switches.failing[id])
    recalculate(work, id)
    for row in of_invoice(work, id):
        detail = row | _accounted(switches, work)
        if detail.get("msdyn_correction") is True:
            confirm_corrections(switches, work, detail)
        else:
            _confirm_detail(switches, work, detail)
    for line in work.find("invoicedetail", invoiceid=Link("invoice", id)):
        product = linked(line, "salesorderdetailid")
        if line.get("producttypecode") != ProductType.PROJECT_SERVICE and product is not None:
            work.update("salesorderdetail", product, {"msdyn_billingstatus": BillingStatus.INVOICE_POSTED})
    work.update("invoice", id, {"msdyn_projectinvoicestatus": InvoiceStatus.CONFIRMED})


def pay(work: UnitOfWork, id: UUID) -> None:
    """Confirmed to Invoice Paid, and from no other status."""
    if existing(work, "invoice", id).get("msdyn_projectinvoicestatus") != InvoiceStatus.CONFIRMED:
        raise Refused("This invoice can't be marked as paid because it isn't confirmed.")
    work.update("invoice", id, {"msdyn_projectinvoicestatus": InvoiceStatus.PAID})


def _accounted(switches: Switches, work: UnitOfWork) -> dict[str, Cell]:
    """Project Operations accounts billed sales on the day of confirmation (proforma-invoicing/modern-invoicing)."""
    if switches.environment is not Environment.PROJECT_OPERATIONS:
        return {}
    return {"msdyn_accountingdate": midnight(day_of(work.now, switches.zone), switches.zone)}


def _confirm_detail(switches: Switches, work: UnitOfWork, detail: Row) -> None:
    itself = Link(traces.INVOICE_LINE_DETAIL, key(detail, traces.INVOICE_LINE_DETAIL))
    sources = [actual(work, id) for id in traces.connected(work, itself, traces.ACTUAL)]
    if detail.get("msdyn_transactionclassification") == TransactionClass.MILESTONE:
        bill(work, detail)
        for origin in traces.origins_of(work, itself):
            if origin.table == MILESTONE:
                work.update(MILESTONE, origin.id, {"msdyn_invoicestatus": MilestoneStatus.INVOICE_POSTED})
    elif not sources:
        _added_by_hand(switches, work, detail)
    for source in sources:
        _confirm_actual(switches, work, detail, source)


def _confirm_actual(switches: Switches, work: UnitOfWork, detail: Row, source: Row) -> None:
    """Reversal and billed sales; less than there was is billed Non-chargeable for the rest."""
    before, billed = amount(source, "msdyn_quantity"), amount(detail, "msdyn_quantity")
    unbilled = Link(traces.ACTUAL, key(source, traces.ACTUAL))
    ledger.reverse(work, source, BillingStatus.INVOICE_POSTED)
    posted: dict[str, Cell] = {"msdyn_billingstatus": BillingStatus.INVOICE_POSTED}
    posted["msdyn_invoice"] = link(detail, "msdyn_invoice")
    parts = [(billed, _type_of(detail)), (max(before - billed, Decimal(0)), BillingType.NON_CHARGEABLE)]
    parts = [part for part in parts if part[0] != 0]
    changed = billed != before or _type_of(detail) != _type_of(source)
    if changed and switches.environment is Environment.PROJECT_OPERATIONS:
        work.update(*_named(unbilled), posted | {"msdyn_adjustmentstatus": AdjustmentStatus.ADJUSTED})
        for quantity, billing_type in parts:
            _through_unbilled(work, detail, quantity, billing_type, source)
        return
    work.update(*_named(unbilled), posted)
    for quantity, billing_type in parts:
        made = bill(work, detail, quantity, billing_type)
        traces.connect(work, made, traces.BILLED_SALES, unbilled, traces.UNBILLED_SALES)


def _through_unbilled(work: UnitOfWork, detail: Row, quantity: Decimal, billing_type: int, source: Row | None) -> None:
    """Project Operations tells a changed quantity by new unbilled sales, which are reversed and billed at once."""
    values: dict[str, Cell] = of_quantity(work, detail, quantity) | {
        "msdyn_transactiontypecode": TransactionType.UNBILLED_SALES,
        "msdyn_billingtype": billing_type,
        "msdyn_billingstatus": BillingStatus.INVOICE_POSTED,
        "msdyn_invoice": link(detail, "msdyn_invoice"),
    }
    unbilled = create_actual(work, values)
    traces.inherit(work, transaction_of(detail), unbilled)
    if source is not None:
        original = Link(traces.ACTUAL, key(source, traces.ACTUAL))
        traces.connect(work, unbilled, traces.REPLACING, original, traces.ORIGINAL)
    ledger.reverse(work, actual(work, unbilled.id), BillingStatus.INVOICE_POSTED)
    made = bill(work, detail, quantity, billing_type)
    traces.connect(work, made, traces.BILLED_SALES, unbilled, traces.UNBILLED_SALES)


def _added_by_hand(switches: Switches, work: UnitOfWork, detail: Row) -> None:
    if switches.environment is Environment.PROJECT_OPERATIONS and _on_time_and_material(work, detail):
        _through_unbilled(work, detail, amount(detail, "msdyn_quantity"), _type_of(detail), None)
    else:
        bill(work, detail)


def _on_time_and_material(work: UnitOfWork, detail: Row) -> bool:
    line = linked(detail, "msdyn_salescontractlineid")
    row = None if line is None else work.get("salesorderdetail", line)
    return row is not None and row.get("msdyn_billingmethod") == BillingMethod.TIME_AND_MATERIAL


def _type_of(row: Row) -> int:
    kind = row.get("msdyn_billingtype")
    return kind if isinstance(kind, int) else BillingType.CHARGEABLE


def _named(link: Link) -> tuple[str, UUID]:
    return link.table, link.id
