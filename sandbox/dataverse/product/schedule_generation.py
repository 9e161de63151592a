"""Generating what a contract line is invoiced by: the dates of a schedule, or milestones of equal amounts."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from decimal import ROUND_DOWN, Decimal
from typing import Final
from uuid import UUID

from sandbox.dataverse.product import rounding
from sandbox.dataverse.product.business_dates import day_of, midnight
from sandbox.dataverse.product.cells import amount, existing, filled, instant, key, link, linked, text
from sandbox.dataverse.product.choices import (
    BillingMethod,
    MilestoneStatus,
    RunStatus,
    TransactionClass,
    TransactionType,
)
from sandbox.dataverse.product.invoice_lines import MILESTONE
from sandbox.dataverse.product.schedule_dates import run_dates
from sandbox.dataverse.product.switches import Switches
from sandbox.dataverse.unit_of_work import Cell, Link, Refused, Row, UnitOfWork

SCHEDULE: Final = "msdyn_contractlineinvoiceschedule"


def generate_schedule(switches: Switches, work: UnitOfWork, line_id: UUID) -> None:
    """A row per run date, with the day before as its cut-off; rows that have not run yet are replaced (inferred)."""
    line = existing(work, "salesorderdetail", line_id)
    if line.get("msdyn_billingmethod") != BillingMethod.TIME_AND_MATERIAL:
        raise Refused("A fixed price line is invoiced by milestones, not by an invoice schedule.")
    run = set()
    for row in work.find(SCHEDULE, msdyn_contractlineid=Link("salesorderdetail", line_id)):
        when = instant(row, "msdyn_invoicerundate")
        if row.get("msdyn_invoicerunstatus") == RunStatus.NOT_RUN:
            work.delete(SCHEDULE, key(row, SCHEDULE))
        elif when is not None:
            run.add(day_of(when, switches.zone))
    for day in _dates(switches, work, line):
        if day not in run:
            values: dict[str, Cell] = {
                "msdyn_name": day.isoformat(),
                "msdyn_contractlineid": Link("salesorderdetail", line_id),
                "msdyn_invoicerundate": midnight(day, switches.zone),
                "msdyn_transactioncutoffdate": midnight(day - timedelta(1), switches.zone),
                "msdyn_invoicerunstatus": RunStatus.NOT_RUN,
            }
            work.create(SCHEDULE, values)


def generate_milestones(switches: Switches, work: UnitOfWork, line_id: UUID) -> None:
    """A milestone per run date: the line's amount in equal parts, the last one taking the remainder (inferred)."""
    line = existing(work, "salesorderdetail", line_id)
    if line.get("msdyn_billingmethod") != BillingMethod.FIXED_PRICE:
        raise Refused("A time and material line is invoiced by a schedule, not by milestones.")
    if work.find(MILESTONE, msdyn_contractlineid=Link("salesorderdetail", line_id)):
        raise Refused("This line has milestones already.")
    contract = existing(work, "salesorder", linked(line, "salesorderid"))
    days, whole = _dates(switches, work, line), amount(line, "extendedamount")
    if not days:
        raise Refused("The invoice frequency has no date between billing start and requested delivery.")
    currency_id = linked(line, "transactioncurrencyid")
    precision = 2 if currency_id is None else rounding.currency(work, currency_id).precision
    part = (whole / len(days)).quantize(Decimal(1).scaleb(-precision), ROUND_DOWN)
    for number, day in enumerate(days, 1):
        share = part if number < len(days) else whole - part * (len(days) - 1)
        work.create(MILESTONE, filled(_milestone(line, contract, number, midnight(day, switches.zone), share)))


def _dates(switches: Switches, work: UnitOfWork, line: Row) -> list[date]:
    frequency, first = linked(line, "msdyn_invoicefrequency"), instant(line, "msdyn_billingstartdate")
    last = instant(line, "requestdeliveryby")
    if frequency is None or first is None or last is None:
        raise Refused("The line needs an invoice frequency, a billing start date and a requested delivery date.")
    return run_dates(work, frequency, day_of(first, switches.zone), day_of(last, switches.zone))


def _milestone(line: Row, contract: Row, number: int, day: datetime, share: Decimal) -> dict[str, Cell]:
    return {
        "msdyn_name": f"{text(line, 'salesorderdetailname')} {number}"[:100],
        "msdyn_contract": Link("salesorder", key(contract, "salesorder")),
        "msdyn_contractlineid": Link("salesorderdetail", key(line, "salesorderdetail")),
        "msdyn_project": link(line, "msdyn_project"),
        "msdyn_amount": share,
        "msdyn_tax": Decimal(0),
        "msdyn_amount_after_tax": share,
        "msdyn_invoicedate": day,
        "msdyn_startdatetime": day,
        "msdyn_invoicestatus": MilestoneStatus.NOT_READY,
        "msdyn_transactionclassification": TransactionClass.MILESTONE,
        "msdyn_transactiontypecode": TransactionType.PROJECT_CONTRACT,
        "transactioncurrencyid": link(line, "transactioncurrencyid"),
    }
