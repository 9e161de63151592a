"""``close-check``: every question is answered by yes until the fault it asks for is there, in its month only."""

from __future__ import annotations

from datetime import date, timedelta
from uuid import UUID, uuid4

import pytest

from handlers.fixed_point import FixedPoint
from mappings.tables import Ref
from service.app import App
from service.closing.everything import closing
from service.closing.month import Month
from service.status.part import Part, State
from tests.flow.due_world import DueWorld
from tests.service.status.test_faults import record

DAY = timedelta(days=1)
APRIL, MAY = Month.of(2026, 4), Month.of(2026, 5)
FIRST, LAST = date(2026, 4, 1), date(2026, 4, 30)
IN_APRIL = date(2026, 4, 10)


def answers(app: App, month: Month = APRIL) -> dict[str, Part]:
    if app.profile is None:
        app.check()
    return {part.key: part for part in closing(app, month, lambda code: code, with_queues=False).parts}


def draft(world: DueWorld) -> UUID:
    id = uuid4()
    row = {
        "invoiceid": str(id),
        "name": "A draft",
        "msdyn_ordertype": 192350001,
        "msdyn_projectinvoicestatus": 192350000,
        "customerid_account@odata.bind": world.http("GET", "accounts?$top=1").json()["value"][0]["accountid"],
    }
    row["customerid_account@odata.bind"] = f"/accounts({row['customerid_account@odata.bind']})"
    world.http("POST", "invoices", row)
    return id


def test_every_approved_entry_of_the_month_needs_its_actuals_whenever_it_was_approved(
    world: DueWorld, app: App
) -> None:
    entry = next(one for one in world.company.entries.values() if one.table == "msdyn_timeentry" and one.project)
    world.approve(entry)
    world.wait(40)
    its_month, another = (Month.of(entry.day.year, month) for month in (entry.day.month, entry.day.month % 12 + 1))
    found = answers(app, its_month)["approved-without-actuals"]
    assert (found.state, found.count, found.figures) == (State.ATTENTION, 1, {"looked_at": 1, "repairable": 1})
    assert found.rows[0].row == Ref(entry.table, entry.id)
    assert f"reconcile --month {its_month}" in found.next
    assert answers(app, another)["approved-without-actuals"].state is State.OK
    world.mission.settle([Ref(entry.table, entry.id)], FixedPoint(world.client))
    assert answers(app, its_month)["approved-without-actuals"].state is State.OK


def test_somebody_elses_cost_alone_is_not_all_that_an_approved_entry_calls_for(world: DueWorld, app: App) -> None:
    entry = next(one for one in world.company.entries.values() if one.table == "msdyn_timeentry" and one.project)
    world.approve(entry)
    world.write_foreign_cost(entry)
    found = answers(app, Month.of(entry.day.year, entry.day.month))["approved-without-actuals"]
    assert (found.state, found.count) == (State.ATTENTION, 1)
    assert "unbilled sales" in found.rows[0].why


@pytest.mark.parametrize(
    ("day", "is_in_april"), [(FIRST, True), (LAST, True), (FIRST - DAY, False), (LAST + DAY, False)]
)
def test_days_are_business_days_and_both_ends_belong_to_the_month(
    world: DueWorld, app: App, day: date, is_in_april: bool
) -> None:
    # Midnight in New York is four o'clock UTC: by UTC alone the ends would be off.
    world.http("PATCH", f"msdyn_actuals({world.ready(100, day)})", {"msdyn_billingstatus": None})
    world.http("PATCH", f"msdyn_actuals({world.ready(0, day)})", {"msdyn_transactiontypecode": 192350000})
    found = answers(app)
    expected = State.ATTENTION if is_in_april else State.OK
    assert (found["not-ready"].state, found["zero-price"].state) == (expected, expected)


def test_what_is_open_and_not_marked_is_told_and_what_is_ready_or_reversed_is_not(world: DueWorld, app: App) -> None:
    world.ready(100, IN_APRIL)
    world.milestone("ready", 500, IN_APRIL)
    uncharged = {"msdyn_billingstatus": None, "msdyn_billingtype": 192350000}
    world.http("PATCH", f"msdyn_actuals({world.ready(7, IN_APRIL)})", uncharged)
    world.http("PATCH", f"msdyn_actuals({world.ready(5, IN_APRIL)})", {"msdyn_adjustmentstatus": 192350001})
    assert answers(app)["not-ready"].state is State.OK
    missing = world.milestone("not ready", 500, IN_APRIL, ready=False)
    found = answers(app)["not-ready"]
    assert [(one.row.id, one.name) for one in found.rows] == [(missing, "not ready")]
    assert "backlog list milestones --from 2026-04-01 --to 2026-04-30 --status open" in found.next


def test_sales_without_a_customer_and_drafts_keep_a_month_open(world: DueWorld, app: App) -> None:
    nobodys = world.ready(100, IN_APRIL)
    world.http("DELETE", f"msdyn_actuals({nobodys})/msdyn_AccountCustomer/$ref")
    invoice = draft(world)
    found = answers(app)
    assert [one.row.id for one in found["without-customer"].rows] == [nobodys]
    assert [one.row for one in found["drafts"].rows] == [Ref("invoice", invoice)]
    # One that is made after the end of a month does not keep that month open.
    assert answers(app, Month.of(2026, 3))["drafts"].state is State.OK
    world.http("DELETE", f"invoices({invoice})")
    assert answers(app)["drafts"].state is State.OK


def test_a_run_that_was_due_in_the_month_keeps_it_open_and_one_of_another_month_does_not(
    world: DueWorld, app: App
) -> None:
    world.scheduled(world.time_line, IN_APRIL)
    world.ready(200, IN_APRIL - DAY)
    found = answers(app)["schedules-overdue"]
    assert (found.state, found.count) == (State.ATTENTION, 1)
    assert answers(app, MAY)["schedules-overdue"].state is State.OK
    assert answers(app, Month.of(2026, 3))["schedules-overdue"].state is State.OK


def test_calls_in_doubt_keep_every_month_open(world: DueWorld, app: App) -> None:
    record(world, "attempt", "in-doubt", psac_subject=str(world.contract))
    assert answers(app)["in-doubt"].state is answers(app, MAY)["in-doubt"].state is State.ATTENTION
