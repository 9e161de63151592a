"""Creating the draft invoice of a project contract from everything that is ready on it."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final
from uuid import UUID, uuid4

from sandbox.dataverse.product import traces
from sandbox.dataverse.product.business_dates import day_of
from sandbox.dataverse.product.cells import amount, existing, filled, instant, key, link, linked, text
from sandbox.dataverse.product.choices import (
    LINE_OF_PROJECT_SERVICE,
    AdjustmentStatus,
    BillingStatus,
    InvoiceStatus,
    MilestoneStatus,
    OrderType,
    ProductType,
    TransactionType,
)
from sandbox.dataverse.product.invoice_lines import MILESTONE, LineAmounts, add_product_line, add_project_line
from sandbox.dataverse.unit_of_work import Cell, Link, Refused, Row, UnitOfWork

NOTHING_TO_INVOICE: Final = (
    "There are no past dated transactions to invoice for this project contract. No invoice was created."
)
_BILL_TO: Final = (
    "billto_name",
    "billto_line1",
    "billto_line2",
    "billto_line3",
    "billto_city",
    "billto_stateorprovince",
    "billto_postalcode",
    "billto_country",
    "billto_telephone",
    "billto_fax",
)


def create_invoice(work: UnitOfWork, contract_id: UUID, race: timedelta = timedelta()) -> UUID:
    """One draft invoice with all that is ready on the contract and not dated after today. Returns its id.

    Taken: unbilled sales actuals and product lines that are Ready to Invoice, milestones Ready for invoicing; each
    moves to Customer Invoice Created. Refused when there is nothing to take. What another
    call took within ``race`` is read as still ready. (PSA/invoicing)
    """
    contract = existing(work, "salesorder", contract_id)
    lines = _in_order(work.find("salesorderdetail", salesorderid=Link("salesorder", contract_id)))
    project_lines = [line for line in lines if _is_project_line(line)]
    products = [line for line in lines if not _is_project_line(line) and _is_ready(work, line, race)]
    actuals = _due_actuals(work, contract_id, race)
    milestones = {_id(line): _due_milestones(work, line, race) for line in project_lines}
    on_lines = {_id(line): [row for row in actuals if _on(row, line)] for line in project_lines}
    if not (products or any(on_lines.values()) or any(milestones.values())):
        raise Refused(NOTHING_TO_INVOICE)

    invoice = _create_header(work, contract)
    totals = [
        add_project_line(work, invoice, contract, line, on_lines[_id(line)], milestones[_id(line)])
        for line in project_lines
    ] + [add_product_line(work, invoice, line) for line in products]
    work.update("invoice", invoice, _totals(totals))
    for rows in on_lines.values():
        _move(work, traces.ACTUAL, rows, "msdyn_billingstatus", BillingStatus.INVOICE_CREATED)
    for rows in milestones.values():
        _move(work, MILESTONE, rows, "msdyn_invoicestatus", MilestoneStatus.INVOICE_CREATED)
    _move(work, "salesorderdetail", products, "msdyn_billingstatus", BillingStatus.INVOICE_CREATED)
    return invoice


def _due_actuals(work: UnitOfWork, contract: UUID, race: timedelta) -> list[Row]:
    """Unbilled, ready, past dated; never adjusted or unadjustable ones, and none without a customer."""
    rows = work.find(
        traces.ACTUAL,
        msdyn_salescontract=Link("salesorder", contract),
        msdyn_transactiontypecode=TransactionType.UNBILLED_SALES,
    )
    return [
        row
        for row in rows
        if _is_ready(work, row, race)
        and row.get("msdyn_adjustmentstatus") not in (AdjustmentStatus.ADJUSTED, AdjustmentStatus.UNADJUSTABLE)
        and (link(row, "msdyn_accountcustomer") or link(row, "msdyn_contactcustomer")) is not None
        and _has_come(work, instant(row, "msdyn_startdatetime") or instant(row, "msdyn_documentdate"))
    ]


def _due_milestones(work: UnitOfWork, line: Row, race: timedelta) -> list[Row]:
    rows = work.find(MILESTONE, msdyn_contractlineid=Link("salesorderdetail", _id(line)))
    ready = [
        row
        for row in rows
        if row.get("msdyn_invoicestatus") == MilestoneStatus.READY
        or (row.get("msdyn_invoicestatus") == MilestoneStatus.INVOICE_CREATED and _just_moved(work, row, race))
    ]
    return [row for row in ready if _has_come(work, instant(row, "msdyn_invoicedate"))]


def _has_come(work: UnitOfWork, moment: datetime | None) -> bool:
    """Whether a date is today or past on the day the invoice is made."""
    return moment is None or day_of(moment) <= day_of(work.now)


def _create_header(work: UnitOfWork, contract: Row) -> UUID:
    id = uuid4()
    customer = link(contract, "customerid")
    values: dict[str, Cell] = {
        "name": text(contract, "name"),
        "invoicenumber": _number(work, id),
        "salesorderid": Link("salesorder", key(contract, "salesorder")),
        "customerid": customer,
        "pricelevelid": link(contract, "pricelevelid"),
        "transactioncurrencyid": link(contract, "transactioncurrencyid"),
        "ownerid": Link("systemuser", work.user),
        "msdyn_ordertype": OrderType.WORK_BASED,
        "msdyn_projectinvoicestatus": InvoiceStatus.DRAFT,
        "msdyn_hascorrections": False,
        "ispricelocked": False,
    }
    for column in (*_BILL_TO, "paymenttermscode"):
        values[column] = contract.get(column)
    if values["billto_name"] is None and customer is not None:
        values["billto_name"] = text(existing(work, customer.table, customer.id), "name") or None
    return work.create("invoice", filled(values), id)


def _number(work: UnitOfWork, id: UUID) -> str:
    """An invoice number of the platform's form: a running number, and letters that keep it unique."""
    return f"INV-{1001 + len(work.find('invoice')):05d}-{id.hex[:6].upper()}"


def _totals(lines: list[LineAmounts]) -> dict[str, Cell]:
    net = sum((line.amount for line in lines), Decimal(0))
    tax = sum((line.tax for line in lines), Decimal(0))
    return {
        "totallineitemamount": net,
        "totalamountlessfreight": net,
        "totaltax": tax,
        "totalamount": net + tax,
        "msdyn_amountdue": net + tax,
    }


def _move(work: UnitOfWork, table: str, rows: list[Row], column: str, status: int) -> None:
    for row in rows:
        work.update(table, key(row, table), {column: status})


def _in_order(lines: list[Row]) -> list[Row]:
    return sorted(lines, key=lambda line: amount(line, "lineitemnumber"))


def _is_project_line(line: Row) -> bool:
    return (
        line.get("producttypecode") == ProductType.PROJECT_SERVICE
        or line.get("msdyn_linetype") == LINE_OF_PROJECT_SERVICE
    )


def _is_ready(work: UnitOfWork, row: Row, race: timedelta) -> bool:
    status = row.get("msdyn_billingstatus")
    return status == BillingStatus.READY or (status == BillingStatus.INVOICE_CREATED and _just_moved(work, row, race))


def _just_moved(work: UnitOfWork, row: Row, race: timedelta) -> bool:
    moved = instant(row, "modifiedon")
    return bool(race) and moved is not None and work.now - moved <= race


def _on(actual: Row, line: Row) -> bool:
    return linked(actual, "msdyn_salescontractlineid") == _id(line)


def _id(line: Row) -> UUID:
    return key(line, "salesorderdetail")
