"""What all transactions have in common, and how one becomes another: journal line, actual, invoice line detail."""

from __future__ import annotations

from decimal import Decimal
from typing import Final
from uuid import UUID

from sandbox.dataverse.product import rounding, traces
from sandbox.dataverse.product.cells import amount, filled, fitting, key, link, linked, own_columns
from sandbox.dataverse.product.choices import BillingStatus, TransactionType
from sandbox.dataverse.unit_of_work import Cell, Link, Row, UnitOfWork

COPIED: Final = (
    "msdyn_description",
    "msdyn_externaldescription",
    "msdyn_documentdate",
    "msdyn_accountingdate",
    "msdyn_startdatetime",
    "msdyn_enddatetime",
    "msdyn_exchangeratedate",
    "msdyn_transactionclassification",
    "msdyn_project",
    "msdyn_task",
    "msdyn_bookableresource",
    "msdyn_resourcecategory",
    "msdyn_transactioncategory",
    "msdyn_product",
    "msdyn_unit",
    "msdyn_unitschedule",
    "msdyn_quantity",
    "msdyn_price",
    "msdyn_amount",
    "msdyn_amountmethod",
    "msdyn_percent",
    "msdyn_basisquantity",
    "msdyn_basisprice",
    "msdyn_basisamount",
    "msdyn_billingtype",
    "msdyn_pricelist",
    "msdyn_salescontract",
    "msdyn_salescontractlineid",
    "msdyn_customertype",
    "msdyn_accountcustomer",
    "msdyn_contactcustomer",
    "msdyn_contractorganizationalunitid",
    "msdyn_resourceorganizationalunitid",
    "transactioncurrencyid",
)
"""What an actual takes over from its journal line, and an invoice line detail from its actual."""
_NEGATED: Final = ("msdyn_quantity", "msdyn_amount", "msdyn_basisquantity", "msdyn_basisamount")


def copied(row: Row) -> dict[str, Cell]:
    """What a transaction that follows from this one starts with, own columns included."""
    return {column: row.get(column) for column in COPIED} | own_columns(row)


def negated(row: Row) -> dict[str, Cell]:
    """The same with quantity and amounts turned round; the price stays."""
    values = copied(row)
    for column in _NEGATED:
        if row.get(column) is not None:
            values[column] = -amount(row, column)
    return values


def of_quantity(work: UnitOfWork, row: Row, quantity: Decimal) -> dict[str, Cell]:
    """The same at another quantity: amounts follow in the row's currency."""
    values = copied(row)
    if quantity == amount(row, "msdyn_quantity"):
        return values
    currency_id = linked(row, "transactioncurrencyid")
    if currency_id is None:
        raise ValueError(
            "The transaction has no currency; the platform fills that column, so the row was made wrongly."
        )
    currency = rounding.currency(work, currency_id)
    values["msdyn_quantity"] = quantity
    values["msdyn_amount"] = currency.extended(quantity, amount(row, "msdyn_price"))
    if row.get("msdyn_basisprice") is not None:
        values["msdyn_basisquantity"] = quantity
        values["msdyn_basisamount"] = currency.extended(quantity, amount(row, "msdyn_basisprice"))
    return values


def create_actual(work: UnitOfWork, values: dict[str, Cell]) -> Link:
    """A new actual, under a random id as the product's are."""
    return Link(traces.ACTUAL, work.create(traces.ACTUAL, fitting(work, traces.ACTUAL, filled(values))))


def transaction_of(detail: Row) -> Link:
    """An invoice line detail as a transaction."""
    return Link(traces.INVOICE_LINE_DETAIL, key(detail, traces.INVOICE_LINE_DETAIL))


def bill(work: UnitOfWork, detail: Row, quantity: Decimal | None = None, billing_type: int | None = None) -> Link:
    """A billed sales actual of an invoice line detail, posted. Its origins: invoice, line, detail, entry, journal line.

    Quantity and billing type are the detail's unless others are given.
    """
    how_many = amount(detail, "msdyn_quantity") if quantity is None else quantity
    own: dict[str, Cell] = {
        "msdyn_transactiontypecode": TransactionType.BILLED_SALES,
        "msdyn_billingtype": detail.get("msdyn_billingtype") if billing_type is None else billing_type,
        "msdyn_billingstatus": BillingStatus.INVOICE_POSTED,
        "msdyn_invoice": detail.get("msdyn_invoice"),
    }
    billed = create_actual(work, of_quantity(work, detail, how_many) | own)
    originate_from_invoice(work, detail, billed)
    traces.inherit(work, transaction_of(detail), billed)
    return billed


def originate_from_invoice(work: UnitOfWork, detail: Row, transaction: Link) -> None:
    """Record the invoice, the invoice line and the detail as origins of a transaction."""
    for origin in (link(detail, "msdyn_invoice"), link(detail, "msdyn_invoicelineid"), transaction_of(detail)):
        if origin is not None:
            traces.originate(work, origin, transaction)


def actual(work: UnitOfWork, id: UUID) -> Row:
    """The actual's row."""
    row = work.get(traces.ACTUAL, id)
    if row is None:
        raise ValueError(f"An origin or connection names the actual {id}, which is gone.")
    return row
