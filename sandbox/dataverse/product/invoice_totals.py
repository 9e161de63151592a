"""Working out an invoice anew from its details, after they were edited on the draft."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import Final
from uuid import UUID

from sandbox.dataverse.product import rounding, traces
from sandbox.dataverse.product.cells import amount, existing, key, linked
from sandbox.dataverse.product.choices import AmountMethod, BillingType, InvoiceStatus, ProductType
from sandbox.dataverse.product.switches import Switches
from sandbox.dataverse.unit_of_work import Cell, Link, Refused, Row, UnitOfWork

_NOTHING: Final = Decimal(0)


def recalculate(
    work: UnitOfWork, invoice: UUID, details: Iterable[Row] | None = None, *, without: UUID | None = None
) -> None:
    """Amounts of details from quantity and price, lines from their chargeable details, the header from its lines.

    A detail of a corrective invoice counts with its amount less the one billed before. ``details``: instead of those
    that are stored. ``without``: a line that is about to go.
    """
    worked_out = [_detail(work, row) for row in (of_invoice(work, invoice) if details is None else details)]
    net = tax = _NOTHING
    for line in work.find("invoicedetail", invoiceid=Link("invoice", invoice)):
        id = key(line, "invoicedetail")
        if id == without:
            continue
        if line.get("producttypecode") == ProductType.PROJECT_SERVICE:
            _line(work, line, worked_out)
        line = existing(work, "invoicedetail", id)
        net += amount(line, "extendedamount") - amount(line, "tax")
        tax += amount(line, "tax")
    work.update(
        "invoice",
        invoice,
        {
            "totallineitemamount": net,
            "totalamountlessfreight": net,
            "totaltax": tax,
            "totalamount": net + tax,
            "msdyn_amountdue": net + tax,
        },
    )


def recalculate_draft(work: UnitOfWork, invoice: UUID) -> None:
    """The same as an action: only a draft is worked out anew."""
    if existing(work, "invoice", invoice).get("msdyn_projectinvoicestatus") != InvoiceStatus.DRAFT:
        raise Refused("This invoice can't be recalculated because it is no longer a draft.")
    recalculate(work, invoice)


def follow_edits(switches: Switches, work: UnitOfWork, before: Row | None, after: Row | None) -> None:
    """Where totals follow edits: work the draft out as it is when a detail has become another one, or gone."""
    detail = after or before
    invoice = None if detail is None else linked(detail, "msdyn_invoice")
    header = None if invoice is None else work.get("invoice", invoice)
    if not switches.totals_follow_edits or invoice is None or header is None:
        return
    if header.get("msdyn_projectinvoicestatus") == InvoiceStatus.DRAFT:
        id = None if before is None else key(before, traces.INVOICE_LINE_DETAIL)
        others = [row for row in of_invoice(work, invoice) if key(row, traces.INVOICE_LINE_DETAIL) != id]
        recalculate(work, invoice, others if after is None else [*others, after])


def of_invoice(work: UnitOfWork, invoice: UUID) -> list[Row]:
    """The invoice line details of an invoice."""
    return work.find(traces.INVOICE_LINE_DETAIL, msdyn_invoice=Link("invoice", invoice))


def _detail(work: UnitOfWork, row: Row) -> Row:
    value = amount(row, "msdyn_amount")
    currency = linked(row, "transactioncurrencyid")
    if row.get("msdyn_amountmethod") in (None, AmountMethod.QUANTITY_BY_PRICE) and currency is not None:
        by = rounding.currency(work, currency)
        value = by.extended(amount(row, "msdyn_quantity"), amount(row, "msdyn_price"))
    changes: dict[str, Cell] = {
        "msdyn_amount": value,
        "msdyn_invoiceamount": value - amount(row, "msdyn_previousamount"),
    }
    id = row.get(f"{traces.INVOICE_LINE_DETAIL}id")
    if isinstance(id, UUID) and any(amount(row, column) != changed for column, changed in changes.items()):
        work.update(traces.INVOICE_LINE_DETAIL, id, changes)
    return row | changes


def _line(work: UnitOfWork, line: Row, details: list[Row]) -> None:
    own = [row for row in details if linked(row, "msdyn_invoicelineid") == line["invoicedetailid"]]
    charged = _sum(own, BillingType.CHARGEABLE)
    tax = amount(line, "tax") if own else _NOTHING
    values: dict[str, Cell] = {
        "msdyn_chargeableamount": charged,
        "msdyn_nonchargeableamount": _sum(own, BillingType.NON_CHARGEABLE),
        "msdyn_complimentaryamount": _sum(own, BillingType.COMPLIMENTARY),
        "priceperunit": charged,
        "baseamount": charged,
        "tax": tax,
        "extendedamount": charged + tax,
    }
    work.update("invoicedetail", key(line, "invoicedetail"), values)


def _sum(details: list[Row], billing_type: int) -> Decimal:
    own = (row for row in details if row.get("msdyn_billingtype") == billing_type)
    return sum((amount(row, "msdyn_invoiceamount") for row in own), _NOTHING)
