"""Creating the draft invoice of a project contract from everything that is ready on it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from typing import Final
from uuid import UUID

from sandbox.dataverse.product import traces
from sandbox.dataverse.product.business_dates import day_of
from sandbox.dataverse.product.cells import amount, existing, instant, key, link, linked
from sandbox.dataverse.product.choices import (
    LINE_OF_PROJECT_SERVICE,
    AdjustmentStatus,
    BillingStatus,
    MilestoneStatus,
    ProductType,
    TransactionType,
)
from sandbox.dataverse.product.invoice_header import contract_header
from sandbox.dataverse.product.invoice_lines import MILESTONE, LineAmounts, add_product_line, add_project_line
from sandbox.dataverse.product.switches import Switches
from sandbox.dataverse.unit_of_work import Cell, Link, Refused, Row, UnitOfWork

_OPEN: Final = (None, BillingStatus.UNBILLED_SALES_CREATED)
NOTHING_TO_INVOICE: Final = (
    "There are no past dated transactions to invoice for this project contract. No invoice was created."
)


def create_invoice(switches: Switches, work: UnitOfWork, contract_id: UUID) -> UUID:
    """One draft invoice with all that is ready on the contract and not dated after today. Returns its id.

    Taken: unbilled sales actuals and product lines that are Ready to Invoice, milestones Ready for invoicing; each
    moves to Customer Invoice Created. Refused when there is nothing to take. What another
    call took within ``Switches.invoice_race`` is read as still ready. (PSA/invoicing)
    """
    _may_fail(switches, contract_id)
    work.lock("salesorder", contract_id)
    contract = existing(work, "salesorder", contract_id)
    lines = lines_of(work, contract_id)
    project_lines = [line for line in lines if _is_project_line(line)]
    products = [line for line in lines if not _is_project_line(line) and _is_ready(switches, work, line)]
    actuals = _due_actuals(switches, work, contract_id)
    milestones = {_id(line): _due_milestones(switches, work, line) for line in project_lines}
    on_lines = {_id(line): [row for row in actuals if _on(row, line)] for line in project_lines}
    invoice = _compose(work, contract, project_lines, on_lines, milestones, products)
    if invoice is None:
        raise Refused(NOTHING_TO_INVOICE)
    return invoice


def create_scheduled(
    switches: Switches, work: UnitOfWork, contract_id: UUID, cut_offs: Mapping[UUID, datetime], reached: set[UUID]
) -> UUID | None:
    """One draft invoice of the contract lines whose run has come; ``None`` when nothing on them is ready.

    ``cut_offs``: by contract line, the last day whose actuals are taken. ``reached``: the milestones whose run it is.
    """
    _may_fail(switches, contract_id)
    work.lock("salesorder", contract_id)
    contract = existing(work, "salesorder", contract_id)
    alone = replace(switches, invoice_race=switches.schedule_race, today_is_past=True)  # on its run date a row is due
    due_milestones = {
        _id(line): [row for row in _due_milestones(alone, work, line) if key(row, MILESTONE) in reached]
        for line in lines_of(work, contract_id)
    }
    project_lines = [
        line for line in lines_of(work, contract_id) if _id(line) in cut_offs or due_milestones.get(_id(line))
    ]
    actuals = _due_actuals(alone, work, contract_id)
    on_lines = {
        _id(line): [row for row in actuals if _on(row, line) and _by(switches, row, cut_offs.get(_id(line)))]
        for line in project_lines
    }
    return _compose(work, contract, project_lines, on_lines, due_milestones, [])


def lines_of(work: UnitOfWork, contract: UUID) -> list[Row]:
    """The contract's lines in their order."""
    found = work.find("salesorderdetail", salesorderid=Link("salesorder", contract))
    return sorted(found, key=lambda line: amount(line, "lineitemnumber"))


def _compose(
    work: UnitOfWork,
    contract: Row,
    project_lines: list[Row],
    on_lines: Mapping[UUID, list[Row]],
    milestones: Mapping[UUID, list[Row]],
    products: list[Row],
) -> UUID | None:
    if not (products or any(on_lines.values()) or any(milestones.values())):
        return None
    invoice = contract_header(work, contract)
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


def _may_fail(switches: Switches, contract: UUID) -> None:
    if contract in switches.failing:
        raise Refused(switches.failing[contract])


def _by(switches: Switches, actual: Row, cut_off: datetime | None) -> bool:
    """Whether an actual is dated on or before the cut-off (ENT/msdyn_contractlineinvoiceschedule)."""
    dated = instant(actual, "msdyn_startdatetime") or instant(actual, "msdyn_documentdate")
    zone = switches.zone
    return cut_off is not None and (dated is None or day_of(dated, zone) <= day_of(cut_off, zone))


def _due_actuals(switches: Switches, work: UnitOfWork, contract: UUID) -> list[Row]:
    """Unbilled, ready, past dated; never adjusted or unadjustable ones, and none without a customer.

    Other writers are kept off what is taken, so that it is still so when the invoice has it.
    """
    found = work.find(
        traces.ACTUAL,
        msdyn_salescontract=Link("salesorder", contract),
        msdyn_transactiontypecode=TransactionType.UNBILLED_SALES,
    )
    candidates = [key(row, traces.ACTUAL) for row in found if _is_ready(switches, work, row)]
    for id in candidates:
        work.lock(traces.ACTUAL, id)
    return [
        row
        for row in (existing(work, traces.ACTUAL, id) for id in candidates)
        if _is_ready(switches, work, row)
        and row.get("msdyn_adjustmentstatus") not in (AdjustmentStatus.ADJUSTED, AdjustmentStatus.UNADJUSTABLE)
        and (link(row, "msdyn_accountcustomer") or link(row, "msdyn_contactcustomer")) is not None
        and _has_come(switches, work, instant(row, "msdyn_startdatetime") or instant(row, "msdyn_documentdate"))
    ]


def _due_milestones(switches: Switches, work: UnitOfWork, line: Row) -> list[Row]:
    rows = work.find(MILESTONE, msdyn_contractlineid=Link("salesorderdetail", _id(line)))
    ready = [
        row
        for row in rows
        if row.get("msdyn_invoicestatus") == MilestoneStatus.READY
        or (row.get("msdyn_invoicestatus") == MilestoneStatus.INVOICE_CREATED and _just_moved(switches, work, row))
    ]
    return [row for row in ready if _has_come(switches, work, instant(row, "msdyn_invoicedate"))]


def _has_come(switches: Switches, work: UnitOfWork, moment: datetime | None) -> bool:
    """Whether a date is past on the day the invoice is made; whether that day itself is, is a switch."""
    if moment is None:
        return True
    day, today = day_of(moment, switches.zone), day_of(work.now, switches.zone)
    return day < today or (switches.today_is_past and day == today)


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


def _is_project_line(line: Row) -> bool:
    return (
        line.get("producttypecode") == ProductType.PROJECT_SERVICE
        or line.get("msdyn_linetype") == LINE_OF_PROJECT_SERVICE
    )


def _is_ready(switches: Switches, work: UnitOfWork, row: Row) -> bool:
    status = row.get("msdyn_billingstatus")
    if status == BillingStatus.READY or (status in _OPEN and not switches.ready_gate):
        return True
    return status == BillingStatus.INVOICE_CREATED and _just_moved(switches, work, row)


def _just_moved(switches: Switches, work: UnitOfWork, row: Row) -> bool:
    moved, race = instant(row, "modifiedon"), switches.invoice_race
    return bool(race) and moved is not None and work.now - moved <= race


def _on(actual: Row, line: Row) -> bool:
    return linked(actual, "msdyn_salescontractlineid") == _id(line)


def _id(line: Row) -> UUID:
    return key(line, "salesorderdetail")
