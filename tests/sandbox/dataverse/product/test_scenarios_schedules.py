"""The acceptance scenarios about invoicing by schedule. Numbers are the scenarios'."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING
from uuid import UUID

import pytest

from sandbox.dataverse.product import Switches
from sandbox.dataverse.product.business_dates import day_of, midnight
from sandbox.dataverse.product.choices import BillingMethod, BillingStatus, MilestoneStatus, RunStatus
from sandbox.dataverse.unit_of_work import Cell, Link, Refused
from tests.sandbox.dataverse.product.conftest import ClockFrom, Fabrikam

if TYPE_CHECKING:
    from collections.abc import Mapping

SCHEDULE = "msdyn_contractlineinvoiceschedule"
MILESTONE = "msdyn_contractlinescheduleofvalue"
ACTION = "msdyn_createinvoicefrominvoiceschedule"


@pytest.fixture
def autumn() -> Fabrikam:
    """Fabrikam on the evening of 3 October 2020, with the batch job switched on."""
    fabrikam = Fabrikam(Switches(), ClockFrom(midnight(date(2020, 10, 3)) + timedelta(hours=20)))
    with fabrikam.building() as builder:
        job: dict[str, Cell] = {"msdyn_name": "Nightly: Create invoices", "msdyn_isactive": True}
        builder.work.create("msdyn_batchjob", job | {"msdyn_jobtype": 867380000, "msdyn_frequency": 0})
    return fabrikam


def frequency(fabrikam: Fabrikam, period: int, details: tuple[Mapping[str, Cell], ...] = (), days: int = 0) -> Link:
    with fabrikam.building() as builder:
        values: dict[str, Cell] = {"msdyn_name": "Often", "msdyn_period": 192350000 + period}
        id = builder.work.create(
            "msdyn_invoicefrequency", values | {"msdyn_daysofrun": 192350000 + days, "msdyn_runspermonth": 1}
        )
        made = Link("msdyn_invoicefrequency", id)
        for detail in details:
            builder.work.create("msdyn_invoicefrequencydetail", {**detail, "msdyn_invoicefrequency": made})
    return made


def plan(fabrikam: Fabrikam, line: UUID, often: Link, first: date, last: date) -> None:
    values: dict[str, Cell] = {"msdyn_invoicefrequency": often, "msdyn_billingstartdate": midnight(first)}
    fabrikam.update("salesorderdetail", line, values | {"requestdeliveryby": midnight(last)})


def scheduled(fabrikam: Fabrikam, line: UUID, day: date, milestone: UUID | None = None) -> UUID:
    values: dict[str, Cell] = {
        "msdyn_contractlineid": Link("salesorderdetail", line),
        "msdyn_invoicerundate": midnight(day),
        "msdyn_invoicerunstatus": RunStatus.NOT_RUN,
    }
    if milestone is None:
        values["msdyn_transactioncutoffdate"] = midnight(day - timedelta(1))
    else:
        values["msdyn_contractlinescheduleofvalue"] = Link(MILESTONE, milestone)
    with fabrikam.building() as builder:
        return builder.work.create(SCHEDULE, values)


def run_dates(fabrikam: Fabrikam, line: UUID) -> list[date]:
    rows = fabrikam.find(SCHEDULE, msdyn_contractlineid=Link("salesorderdetail", line))
    return [day_of(row["msdyn_invoicerundate"]) for row in rows if isinstance(row["msdyn_invoicerundate"], datetime)]


def tomorrow(fabrikam: Fabrikam) -> list[tuple[Decimal, int]]:
    """Total and number of lines of the invoices that the next day's run makes."""
    before = {row["invoiceid"] for row in fabrikam.find("invoice")}
    fabrikam.wait(timedelta(days=1))
    made = []
    for row in fabrikam.find("invoice"):
        if row["invoiceid"] not in before and isinstance(row["totalamount"], Decimal):
            lines = fabrikam.find("invoicedetail", invoiceid=Link("invoice", row["invoiceid"]))  # type: ignore[arg-type]
            made.append((row["totalamount"], len(lines)))
    return made


def test_scenario_41_lines_with_the_same_run_date_share_an_invoice(autumn: Fabrikam) -> None:
    with autumn.building() as builder:
        expenses = builder.project_line("T", "K", autumn.dollar, time=False, key="T expenses")
        builder.work.update("salesorderdetail", autumn.line, {"msdyn_includeexpense": False})
        second = builder.milestone("F", "K", "Build", Decimal(12000), date(2020, 11, 3), autumn.dollar)
        for id, day in ((autumn.milestone, date(2020, 10, 5)), (second, date(2020, 11, 3))):
            changes: dict[str, Cell] = {"msdyn_invoicestatus": MilestoneStatus.READY}
            builder.work.update(MILESTONE, id, changes | {"msdyn_invoicedate": midnight(day)})
    plan(autumn, autumn.line, frequency(autumn, 2), date(2020, 10, 5), date(2020, 11, 2))
    autumn.call("msdyn_GenerateContractLineInvoiceSchedule", autumn.line)
    assert run_dates(autumn, autumn.line) == [date(2020, 10, 5), date(2020, 10, 19), date(2020, 11, 2)]
    for day in (date(2020, 10, 5), date(2020, 11, 2)):
        scheduled(autumn, expenses, day)
    for day, hours in ((date(2020, 10, 4), "1"), (date(2020, 10, 18), "2"), (date(2020, 11, 1), "3")):
        autumn.ready_actual(hours, "200", on=day)
    on_expenses = Link("salesorderdetail", expenses)
    for day, price in ((date(2020, 10, 4), "50"), (date(2020, 11, 1), "70")):
        autumn.ready_actual("1", price, on=day, msdyn_salescontractlineid=on_expenses)
    autumn.background.run_due()
    assert tomorrow(autumn) == []
    assert tomorrow(autumn) == [(Decimal(5250), 3)]
    for _ in range(13):
        assert tomorrow(autumn) == []
    assert tomorrow(autumn) == [(Decimal(400), 1)]
    for _ in range(13):
        assert tomorrow(autumn) == []
    assert tomorrow(autumn) == [(Decimal(670), 2)]
    assert tomorrow(autumn) == [(Decimal(12000), 1)]


def test_scenario_43_a_row_runs_once_and_a_failed_one_again(autumn: Fabrikam) -> None:
    row = scheduled(autumn, autumn.line, date(2020, 10, 4))
    autumn.ready_actual("1", "200", on=date(2020, 10, 3))
    autumn.switches.failing[autumn.contract] = "Time-out expired."
    autumn.background.run_due()
    autumn.wait(timedelta(days=1))
    assert autumn.row(SCHEDULE, row)["msdyn_invoicerunstatus"] == RunStatus.FAILED
    assert autumn.find("invoice") == []
    autumn.switches.failing.clear()
    autumn.wait(timedelta(days=1))
    done = autumn.row(SCHEDULE, row)
    (invoice,) = autumn.find("invoice")
    assert done["msdyn_invoicerunstatus"] == RunStatus.SUCCESSFUL
    assert done["msdyn_invoice"] == Link("invoice", invoice["invoiceid"])  # type: ignore[arg-type]
    autumn.call(ACTION, autumn.contract, InvoiceSchedules=[{f"{SCHEDULE}id": str(row)}])
    autumn.ready_actual("1", "200", on=date(2020, 10, 3))
    autumn.call(ACTION, autumn.contract, InvoiceSchedules=[{f"{SCHEDULE}id": str(row)}])
    autumn.wait(timedelta(days=1))
    assert len(autumn.find("invoice")) == 1


def test_scenario_44_a_line_without_a_schedule_is_for_manual_invoicing_only(autumn: Fabrikam) -> None:
    autumn.ready_actual("1", "200", on=date(2020, 10, 1))
    autumn.wait(timedelta(days=1))
    assert autumn.find("invoice") == []
    assert autumn.row("invoice", autumn.invoice())["totalamount"] == 200


@pytest.mark.parametrize(("dated", "invoices"), [(date(2020, 10, 3), 1), (date(2020, 10, 4), 0)])
def test_the_cut_off_day_itself_is_taken_and_the_next_is_not(autumn: Fabrikam, dated: date, invoices: int) -> None:
    row = scheduled(autumn, autumn.line, date(2020, 10, 4))
    autumn.ready_actual("1", "200", on=dated)
    autumn.clock.advance(timedelta(days=1))
    given = [{f"{SCHEDULE}id": str(row)}]
    autumn.call(ACTION, autumn.contract, InvoiceSchedules=given)
    autumn.call(ACTION, autumn.contract, InvoiceSchedules=given)
    assert len(autumn.find("invoice")) == invoices
    assert autumn.row(SCHEDULE, row)["msdyn_invoicerunstatus"] == RunStatus.SUCCESSFUL


@pytest.mark.parametrize(("race", "invoices"), [(timedelta(), 1), (timedelta(minutes=1), 2)])
def test_two_calls_at_once_may_bill_a_run_twice(autumn: Fabrikam, race: timedelta, invoices: int) -> None:
    autumn.switches.schedule_race = race
    row = scheduled(autumn, autumn.line, date(2020, 10, 4))
    autumn.ready_actual("1", "200", on=date(2020, 10, 3))
    autumn.clock.advance(timedelta(days=1))
    for _ in range(2):
        autumn.call(ACTION, autumn.contract, InvoiceSchedules=[{f"{SCHEDULE}id": str(row)}])
    assert len(autumn.find("invoice")) == invoices


def test_a_row_with_nothing_to_invoice_may_be_left_as_not_run(autumn: Fabrikam) -> None:
    autumn.switches.empty_run_succeeds = False
    row = scheduled(autumn, autumn.line, date(2020, 10, 4))
    autumn.wait(timedelta(days=1))
    assert autumn.row(SCHEDULE, row)["msdyn_invoicerunstatus"] == RunStatus.NOT_RUN


def test_a_schedule_that_is_not_due_or_another_contracts_is_refused(autumn: Fabrikam) -> None:
    row = scheduled(autumn, autumn.line, date(2020, 12, 1))
    with pytest.raises(Refused, match="isn't due"):
        autumn.call(ACTION, autumn.contract, InvoiceSchedules=[{f"{SCHEDULE}id": str(row)}])
    with autumn.building() as builder:
        other = builder.contract("O", "Other", "Adatum Corporation", autumn.dollar, "Adatum 2026")
    with pytest.raises(Refused, match="another contract"):
        autumn.call(ACTION, other, InvoiceSchedules=[{f"{SCHEDULE}id": str(row)}])


def test_a_milestone_goes_by_its_schedule_row_when_it_has_one(autumn: Fabrikam) -> None:
    scheduled(autumn, autumn.fixed, date(2020, 10, 5), autumn.milestone)
    changes: dict[str, Cell] = {"msdyn_invoicestatus": MilestoneStatus.READY}
    autumn.update(MILESTONE, autumn.milestone, changes | {"msdyn_invoicedate": midnight(date(2020, 10, 1))})
    assert tomorrow(autumn) == []
    assert tomorrow(autumn) == [(Decimal(5000), 1)]


def test_the_batch_job_drifts_from_the_end_of_its_run(autumn: Fabrikam) -> None:
    autumn.background.run_due()
    autumn.wait(timedelta(hours=24, minutes=7))
    autumn.wait(timedelta(hours=23, minutes=59))
    (job,) = autumn.find("msdyn_batchjob")
    assert job["msdyn_lastrundate"] == autumn.clock.now() - timedelta(hours=23, minutes=59)
    autumn.update("msdyn_batchjob", job["msdyn_batchjobid"], {"msdyn_isactive": False})  # type: ignore[arg-type]
    scheduled(autumn, autumn.line, date(2020, 10, 4))
    autumn.wait(timedelta(days=2))
    assert autumn.find(SCHEDULE)[0]["msdyn_invoicerunstatus"] == RunStatus.NOT_RUN


@pytest.mark.parametrize(
    ("period", "days", "details", "dates"),
    [
        (0, 0, ({"msdyn_weekday": 192350005},), ["2026-01-02", "2026-01-09", "2026-01-16", "2026-01-23", "2026-01-30"]),
        (1, 0, ({"msdyn_dayofmonth": 192350031},), ["2026-01-31", "2026-02-28"]),
        (1, 0, ({"msdyn_dayofmonth": 192350001}, {"msdyn_dayofmonth": 192350015}), ["2026-01-01", "2026-01-15"]),
        (1, 1, ({"msdyn_weekday": 192350001, "msdyn_occurrenceofweekday": 192350004},), ["2026-01-26", "2026-02-23"]),
        (1, 1, ({"msdyn_weekday": 192350000, "msdyn_occurrenceofweekday": 192350001},), ["2026-01-11", "2026-02-08"]),
    ],
)
def test_a_frequency_names_weekdays_or_days_of_the_month(
    fabrikam: Fabrikam, period: int, days: int, details: tuple[Mapping[str, Cell], ...], dates: list[str]
) -> None:
    often = frequency(fabrikam, period, details, days)
    last = date(2026, 2, 28) if period and len(details) == 1 else date(2026, 1, 31)
    plan(fabrikam, fabrikam.line, often, date(2026, 1, 1), last)
    fabrikam.call("msdyn_GenerateContractLineInvoiceSchedule", fabrikam.line)
    fabrikam.call("msdyn_GenerateContractLineInvoiceSchedule", fabrikam.line)
    assert [day.isoformat() for day in run_dates(fabrikam, fabrikam.line)] == dates


def test_scenario_56_periodic_milestones_add_up_to_the_line(fabrikam: Fabrikam) -> None:
    with fabrikam.building() as builder:
        builder.project("M", "Milestones", fabrikam.dollar)
        fixed = BillingMethod.FIXED_PRICE
        line = builder.project_line("M", "K", fabrikam.dollar, billing_method=fixed, amount=Decimal(10000))
    often = frequency(fabrikam, 1, ({"msdyn_dayofmonth": 192350001},))
    plan(fabrikam, line, often, date(2026, 1, 1), date(2026, 3, 31))
    fabrikam.call("msdyn_GenerateContractLineScheduleOfValues", line)
    rows = fabrikam.find(MILESTONE, msdyn_contractlineid=Link("salesorderdetail", line))
    amounts = [row["msdyn_amount"] for row in rows]
    assert amounts == [Decimal("3333.33"), Decimal("3333.33"), Decimal("3333.34")]
    assert {row["msdyn_invoicestatus"] for row in rows} == {MilestoneStatus.NOT_READY}
    with pytest.raises(Refused, match="has milestones already"):
        fabrikam.call("msdyn_GenerateContractLineScheduleOfValues", line)


def test_marking_ready_is_not_undone_by_an_empty_run(autumn: Fabrikam) -> None:
    scheduled(autumn, autumn.line, date(2020, 10, 4))
    actual = autumn.ready_actual("1", "200", on=date(2020, 10, 9))
    autumn.wait(timedelta(days=1))
    assert autumn.row("msdyn_actual", actual)["msdyn_billingstatus"] == BillingStatus.READY
