"""Which schedule rows are due, what comes together on one invoice, and what its cut-offs let on it."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mappings import tables
from mappings.backlog import Backlog, BacklogRow
from mappings.choices import BillingMethod, MilestoneStatus, RunStatus
from mappings.row import Row
from mappings.schedule import Due, DueRun, Scheduled, due, run_in, shared_out
from mappings.tables import Cell, Ref
from tests.mappings.samples import CUSTOMER, row, uid

NEW_YORK = ZoneInfo("America/New_York")
ZONES = (NEW_YORK, ZoneInfo("Pacific/Auckland"), ZoneInfo("Pacific/Honolulu"), ZoneInfo("UTC"))
DAY = date(2026, 3, 2)
TIME, EXPENSES, FIXED, ELSEWHERE = uid(21), uid(22), uid(23), uid(24)
ONE, OTHER = uid(31), uid(32)
WORK_BASED = 192350001


def midnight(day: date, zone: ZoneInfo = NEW_YORK) -> datetime:
    return datetime.combine(day, time(), zone).astimezone(UTC)


def contract(id: UUID = ONE, **cells: Cell) -> Row:
    values: dict[str, Cell] = {"msdyn_ordertype": WORK_BASED, "statecode": 0}
    return row(Ref(tables.CONTRACT, id), values | cells)


def line(id: UUID = TIME, **cells: Cell) -> Row:
    method = BillingMethod.FIXED_PRICE if id == FIXED else BillingMethod.TIME_AND_MATERIAL
    values: dict[str, Cell] = {"msdyn_billingmethod": int(method)}
    return row(Ref(tables.CONTRACT_LINE, id), values | cells)


def scheduled(
    number: int,
    day: date | None = DAY,
    of: UUID = TIME,
    under: UUID = ONE,
    status: int = RunStatus.NOT_RUN,
    zone: ZoneInfo = NEW_YORK,
    cut_off: date | None = None,
    milestone: BacklogRow | None = None,
    **cells: Cell,
) -> Scheduled:
    values: dict[str, Cell] = {
        "msdyn_invoicerunstatus": int(status),
        "msdyn_invoicerundate": None if day is None else midnight(day, zone),
        "msdyn_transactioncutoffdate": None if cut_off is None else midnight(cut_off, zone),
        "msdyn_contractlinescheduleofvalue": None if milestone is None else milestone.row.ref,
        "statecode": 0,
    }
    return Scheduled(row(Ref(tables.SCHEDULE, uid(number)), values | cells), line(of), contract(under), milestone)


def milestone(
    number: int, day: date = DAY, status: int = MilestoneStatus.READY_TO_INVOICE, **cells: Cell
) -> BacklogRow:
    values: dict[str, Cell] = {
        "msdyn_invoicestatus": int(status),
        "msdyn_invoicedate": midnight(day),
        "msdyn_amount": Decimal(5000),
        "msdyn_contract": Ref(tables.CONTRACT, ONE),
        "msdyn_contractlineid": Ref(tables.CONTRACT_LINE, FIXED),
    }
    return BacklogRow(Backlog.MILESTONES, row(Ref(tables.MILESTONE, uid(number)), values | cells))


def sale(number: int, day: date, of: UUID = TIME, zone: ZoneInfo = NEW_YORK, **cells: Cell) -> BacklogRow:
    values: dict[str, Cell] = {
        "msdyn_billingstatus": Backlog.TIME_AND_MATERIAL.ready,
        "msdyn_startdatetime": midnight(day, zone) + timedelta(hours=9),
        "msdyn_salescontract": Ref(tables.CONTRACT, ONE),
        "msdyn_salescontractlineid": Ref(tables.CONTRACT_LINE, of),
        "msdyn_accountcustomer": CUSTOMER,
    }
    return BacklogRow(Backlog.TIME_AND_MATERIAL, row(Ref(tables.ACTUAL, uid(number)), values | cells))


def runs(*rows: Scheduled, milestones: tuple[BacklogRow, ...] = (), until: date = DAY) -> tuple[DueRun, ...]:
    found = due(rows, milestones, until, NEW_YORK)
    assert found.unfit == ()
    return found.runs


def test_rows_of_a_contract_with_one_run_date_come_together_and_others_apart() -> None:
    found = runs(
        scheduled(1),
        scheduled(2, of=EXPENSES),
        scheduled(3, under=OTHER),
        scheduled(4, DAY - timedelta(1)),
    )
    assert [(run.contract, run.day, run.rows) for run in found] == [
        (ONE, DAY - timedelta(1), (uid(4),)),
        (ONE, DAY, (uid(1), uid(2))),
        (OTHER, DAY, (uid(3),)),
    ]
    assert [run_in(run.contract, json.loads(json.dumps(run.as_data()))) for run in found] == list(found)


@pytest.mark.parametrize(
    ("day", "status", "is_due"),
    [
        (DAY, RunStatus.NOT_RUN, True),
        (DAY, RunStatus.FAILED, True),
        (DAY, RunStatus.SUCCESSFUL, False),
        (DAY + timedelta(1), RunStatus.NOT_RUN, False),
        (DAY - timedelta(400), RunStatus.NOT_RUN, True),
        (None, RunStatus.NOT_RUN, False),
    ],
)
def test_due_is_what_has_not_run_or_failed_up_to_the_day(day: date | None, status: RunStatus, is_due: bool) -> None:
    assert bool(runs(scheduled(1, day, status=status))) is is_due


@pytest.mark.parametrize("zone", ZONES)
def test_the_day_is_that_of_the_stated_zone(zone: ZoneInfo) -> None:
    one = scheduled(1, zone=zone)
    assert due([one], [], DAY, zone).runs[0].day == DAY
    assert due([one], [], DAY - timedelta(1), zone) == Due()


def test_without_a_cut_off_it_is_the_day_before_the_run_and_two_rows_of_a_line_have_the_later() -> None:
    (run,) = runs(scheduled(1), scheduled(2, cut_off=DAY - timedelta(3)), scheduled(3, of=EXPENSES, cut_off=DAY))
    assert dict(run.cut_offs) == {TIME: DAY - timedelta(1), EXPENSES: DAY}


@pytest.mark.parametrize(("by", "taken"), [(-40, True), (-1, True), (0, False), (1, False)])
@pytest.mark.parametrize("zone", ZONES)
def test_the_cut_off_day_itself_is_taken(zone: ZoneInfo, by: int, taken: bool) -> None:
    (run,) = due([scheduled(1, zone=zone)], [], DAY, zone).runs
    assert run.takes(sale(50, DAY + timedelta(by), zone=zone), DAY, zone) is taken


def test_only_what_is_ready_invoiceable_and_of_the_rows_lines_is_taken() -> None:
    (run,) = runs(scheduled(1))
    before = DAY - timedelta(1)
    assert run.takes(sale(50, before), DAY, NEW_YORK)
    for other in (
        sale(51, before, of=ELSEWHERE),
        sale(52, before, msdyn_billingstatus=None),
        sale(53, before, msdyn_adjustmentstatus=192350001),
        sale(54, before, msdyn_accountcustomer=None),
        sale(55, before, msdyn_salescontractlineid=None),
        sale(56, before, msdyn_salescontract=Ref(tables.CONTRACT, OTHER)),
        milestone(57),
        BacklogRow(Backlog.PRODUCTS, sale(58, before).row),
    ):
        assert not run.takes(other, DAY, NEW_YORK), other


def test_a_cut_off_behind_today_lets_nothing_on_that_is_still_to_come() -> None:
    (run,) = runs(scheduled(1, cut_off=DAY + timedelta(9)))
    assert run.takes(sale(50, DAY), DAY, NEW_YORK)
    assert not run.takes(sale(51, DAY + timedelta(1)), DAY, NEW_YORK)


def test_a_milestone_goes_by_its_row_or_else_by_its_own_date() -> None:
    planned, alone = milestone(41, DAY - timedelta(9)), milestone(42)
    later, not_ready = milestone(43, DAY + timedelta(1)), milestone(44, status=MilestoneStatus.NOT_READY)
    (run,) = runs(scheduled(1, of=FIXED, milestone=planned), milestones=(alone, later, not_ready))
    assert run.milestones == (uid(41), uid(42))
    assert run.unplanned == ((uid(42), FIXED),)
    assert len(run.all_rows) == 2
    assert run.cut_offs == ()
    assert run.takes(planned, DAY, NEW_YORK)
    assert run.takes(alone, DAY, NEW_YORK)
    assert not run.takes(later, DAY, NEW_YORK)


def test_a_run_has_one_id_whether_its_milestone_has_its_row_already_or_gets_it() -> None:
    alone = milestone(42)
    (before,) = runs(milestones=(alone,))
    (row,) = before.all_rows
    kept = scheduled(1, of=FIXED, milestone=alone)
    (after,) = runs(Scheduled(Row(Ref(tables.SCHEDULE, row), "", kept.row.cells), kept.line, kept.contract, alone))
    assert before.command(0) == after.command(0) != after.command(1)


def test_a_missed_day_takes_its_own_and_leaves_the_rest_to_the_next() -> None:
    earlier, later = DAY - timedelta(14), DAY
    found = runs(scheduled(1, later), scheduled(2, earlier), scheduled(3, earlier, of=EXPENSES))
    old, new, late = (sale(n, earlier - timedelta(1)) for n in (51, 52, 53))
    recent, today = sale(54, later - timedelta(1)), sale(55, later)
    taken = shared_out(found, [recent, today, new, old, late], DAY, NEW_YORK)
    assert [[row.row.id for row in rows] for rows in taken.values()] == [[uid(51), uid(52), uid(53)], [uid(54)]]


@pytest.mark.parametrize(
    ("one", "why"),
    [
        (Scheduled(scheduled(1).row, None, None), "contract line can't be read"),
        (Scheduled(scheduled(1).row, line(), None), "contract of its line can't be read"),
        (scheduled(1, statecode=1), "inactive"),
        (Scheduled(scheduled(1).row, line(), contract(msdyn_ordertype=192350000)), "no project contract"),
        (Scheduled(scheduled(1).row, line(), contract(statecode=2)), "lost, abandoned or canceled"),
        (Scheduled(scheduled(1).row, line(), contract(msdyn_psastatusreason=192350005)), "lost, abandoned"),
        (scheduled(1, of=FIXED), "invoiced by milestones, but it names none"),
        (
            Scheduled(scheduled(1, of=FIXED, milestone=milestone(41)).row, line(FIXED), contract()),
            "Its milestone can't",
        ),
        (scheduled(1, of=ELSEWHERE, milestone=milestone(41)), "another contract line"),
    ],
)
def test_a_row_that_can_not_be_invoiced_is_told_with_its_reason(one: Scheduled, why: str) -> None:
    found = due([one], [], DAY, NEW_YORK)
    assert found.runs == ()
    (unfit,) = found.unfit
    assert why in unfit.why
    assert unfit.row.id == uid(1)


rows_of_schedule = st.lists(
    st.builds(
        lambda number, back, of, under, status: scheduled(
            number, DAY - timedelta(back), of=of, under=under, status=status
        ),
        st.integers(1000, 1020),
        st.integers(-3, 5),
        st.sampled_from((TIME, EXPENSES)),
        st.sampled_from((ONE, OTHER)),
        st.sampled_from(list(RunStatus)),
    ),
    unique_by=lambda one: one.row.id,
)
sales = st.lists(
    st.builds(
        lambda number, back, of: sale(number, DAY - timedelta(back), of=of),
        st.integers(2000, 2030),
        st.integers(-3, 9),
        st.sampled_from((TIME, EXPENSES, ELSEWHERE)),
    ),
    unique_by=lambda one: one.row.id,
)


@given(rows_of_schedule, sales)
def test_every_open_row_up_to_the_day_is_in_one_run_and_nothing_is_shared_out_twice(
    rows: list[Scheduled], ready: list[BacklogRow]
) -> None:
    found = due(rows, [], DAY, NEW_YORK)
    in_runs = [id for run in found.runs for id in run.rows]
    expected = {
        one.row.id
        for one in rows
        if one.row.choice("msdyn_invoicerunstatus") != RunStatus.SUCCESSFUL and (one.run_day(NEW_YORK) or DAY) <= DAY
    }
    assert sorted(in_runs) == sorted(expected)
    assert len({(run.contract, run.day) for run in found.runs}) == len(found.runs)
    assert found == due(rows[::-1], [], DAY, NEW_YORK)
    taken = [row for rows in shared_out(found.runs, ready, DAY, NEW_YORK).values() for row in rows]
    assert len(taken) == len({row.row.id for row in taken})
    last = {run.contract: max(dict(run.cut_offs).values()) for run in found.runs}
    for one in taken:
        assert one.starts is not None
        assert one.starts <= midnight(last[ONE] + timedelta(1))
