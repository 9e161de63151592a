"""The lines of a project invoice: one per contract line, with a detail per unbilled sales actual or milestone."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import Final
from uuid import UUID

from sandbox.dataverse.product import traces
from sandbox.dataverse.product.cells import amount, filled, fitting, key, link, text
from sandbox.dataverse.product.choices import (
    LINE_OF_PROJECT_SERVICE,
    AmountMethod,
    BillingType,
    ProductType,
    TransactionClass,
    TransactionType,
)
from sandbox.dataverse.product.journal_lines import customer_columns
from sandbox.dataverse.product.transactions import copied
from sandbox.dataverse.unit_of_work import Cell, Link, Row, UnitOfWork

MILESTONE: Final = "msdyn_contractlinescheduleofvalue"
_NOTHING: Final = Decimal(0)


@dataclass(frozen=True, slots=True)
class LineAmounts:
    """What a line adds to its invoice: the amount before tax, and the tax."""

    amount: Decimal
    tax: Decimal


def add_project_line(
    work: UnitOfWork, invoice: UUID, contract: Row, line: Row, actuals: Iterable[Row], milestones: Iterable[Row]
) -> LineAmounts:
    """The invoice line of a project contract line, with its details; made even when there is none of them.

    Only chargeable details count in its amount; the other two groups are shown beside it.
    """
    taken, reached = list(actuals), list(milestones)
    charged = _sum(taken, BillingType.CHARGEABLE) + sum((amount(row, "msdyn_amount") for row in reached), _NOTHING)
    tax = sum((amount(row, "msdyn_tax") for row in reached), _NOTHING)
    values = _line_columns(invoice, line) | {
        "producttypecode": ProductType.PROJECT_SERVICE,
        "msdyn_linetype": LINE_OF_PROJECT_SERVICE,
        "msdyn_project": link(line, "msdyn_project"),
        "msdyn_billingmethod": line.get("msdyn_billingmethod"),
        "msdyn_contractlineamount": line.get("extendedamount"),
        "msdyn_chargeableamount": charged,
        "msdyn_nonchargeableamount": _sum(taken, BillingType.NON_CHARGEABLE),
        "msdyn_complimentaryamount": _sum(taken, BillingType.COMPLIMENTARY),
        "isproductoverridden": True,
        "quantity": Decimal(1),
        "priceperunit": charged,
        "baseamount": charged,
        "tax": tax,
        "extendedamount": charged + tax,
    }
    invoice_line = work.create("invoicedetail", filled(values))
    for row in taken:
        _bill_actual(work, invoice, invoice_line, row)
    for row in reached:
        _bill_milestone(work, invoice, invoice_line, contract, line, row)
    return LineAmounts(charged, tax)


def add_product_line(work: UnitOfWork, invoice: UUID, line: Row) -> LineAmounts:
    """A product line, copied as it stands; it has no details."""
    base = amount(line, "quantity") * amount(line, "priceperunit")
    net = base - amount(line, "manualdiscountamount") - amount(line, "volumediscountamount")
    tax = amount(line, "tax")
    values = _line_columns(invoice, line) | {
        "producttypecode": line.get("producttypecode"),
        "productid": link(line, "productid"),
        "uomid": link(line, "uomid"),
        "isproductoverridden": line.get("isproductoverridden"),
        "quantity": line.get("quantity"),
        "priceperunit": line.get("priceperunit"),
        "baseamount": base,
        "manualdiscountamount": line.get("manualdiscountamount"),
        "volumediscountamount": line.get("volumediscountamount"),
        "tax": tax,
        "extendedamount": net + tax,
    }
    work.create("invoicedetail", filled(values))
    return LineAmounts(net, tax)


def _line_columns(invoice: UUID, line: Row) -> dict[str, Cell]:
    name = text(line, "productdescription") or text(line, "productname") or text(line, "salesorderdetailname")
    return {
        "invoiceid": Link("invoice", invoice),
        "salesorderdetailid": Link("salesorderdetail", key(line, "salesorderdetail")),
        "invoicedetailname": text(line, "salesorderdetailname") or name,
        "productdescription": name or None,
        "description": line.get("description"),
        "lineitemnumber": line.get("lineitemnumber"),
        "ispriceoverridden": True,
        "transactioncurrencyid": link(line, "transactioncurrencyid"),
    }


def _bill_actual(work: UnitOfWork, invoice: UUID, invoice_line: UUID, actual: Row) -> None:
    source = Link(traces.ACTUAL, key(actual, traces.ACTUAL))
    detail = _create_detail(work, invoice, invoice_line, copied(actual))
    traces.inherit(work, source, detail)
    traces.connect(work, detail, traces.BILLED_SALES, source, traces.UNBILLED_SALES)


def _bill_milestone(
    work: UnitOfWork, invoice: UUID, invoice_line: UUID, contract: Row, line: Row, milestone: Row
) -> None:
    """A milestone's detail is always chargeable; amount and date are the milestone's.

    That it is tied to its milestone by an origin row is inferred: no other column could say so.
    """
    date = milestone.get("msdyn_invoicedate")
    values: dict[str, Cell] = {
        "msdyn_description": text(milestone, "msdyn_name") or text(milestone, "msdyn_description") or None,
        "msdyn_externaldescription": milestone.get("msdyn_externaldescription"),
        "msdyn_documentdate": date,
        "msdyn_startdatetime": milestone.get("msdyn_startdatetime") or date,
        "msdyn_enddatetime": milestone.get("msdyn_startdatetime") or date,
        "msdyn_transactionclassification": TransactionClass.MILESTONE,
        "msdyn_billingtype": BillingType.CHARGEABLE,
        "msdyn_amountmethod": AmountMethod.FIXED_PRICE,
        "msdyn_quantity": Decimal(1),
        "msdyn_price": milestone.get("msdyn_amount"),
        "msdyn_amount": milestone.get("msdyn_amount"),
        "msdyn_project": link(milestone, "msdyn_project") or link(line, "msdyn_project"),
        "msdyn_task": link(milestone, "msdyn_projecttask"),
        "msdyn_salescontract": Link("salesorder", key(contract, "salesorder")),
        "msdyn_salescontractlineid": Link("salesorderdetail", key(line, "salesorderdetail")),
        "msdyn_contractorganizationalunitid": link(contract, "msdyn_contractorganizationalunitid"),
        "transactioncurrencyid": link(contract, "transactioncurrencyid"),
    } | customer_columns(link(contract, "customerid"))
    detail = _create_detail(work, invoice, invoice_line, values)
    traces.originate(work, Link(MILESTONE, key(milestone, MILESTONE)), detail)


def _create_detail(work: UnitOfWork, invoice: UUID, invoice_line: UUID, values: dict[str, Cell]) -> Link:
    tied: dict[str, Cell] = {
        "msdyn_transactiontypecode": TransactionType.BILLED_SALES,
        "msdyn_invoice": Link("invoice", invoice),
        "msdyn_invoicelineid": Link("invoicedetail", invoice_line),
        "msdyn_correction": False,
        "msdyn_previousamount": _NOTHING,
        "msdyn_invoiceamount": values.get("msdyn_amount"),
    }
    table = traces.INVOICE_LINE_DETAIL
    return Link(table, work.create(table, fitting(work, table, filled(values | tied))))


def _sum(actuals: Iterable[Row], billing_type: int) -> Decimal:
    return sum(
        (amount(row, "msdyn_amount") for row in actuals if row.get("msdyn_billingtype") == billing_type), _NOTHING
    )
