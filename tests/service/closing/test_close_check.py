"""``close-check``: every question is answered by yes until the fault it asks for is there, in its month only."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from uuid import UUID, uuid4

import pytest

from handlers.fixed_point import FixedPoint
from mappings.tables import Ref
from sandbox.world import Sandbox
from service.app import App, compose
from service.closing.everything import closing
from service.closing.month import Month
from service.settings_sources import load
from service.status.part import Part, State
from tests.flow.due_world import FAILED, MILESTONES, SCHEDULES, DueWorld
from tests.service.status.conftest import parts
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
    # An empty one that is made after the end of a month holds nothing of that month.
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


def test_where_others_invoice_a_run_that_did_not_come_or_failed_keeps_its_month_open(world: DueWorld, app: App) -> None:
    world.lose_the_action()
    world.scheduled(world.time_line, IN_APRIL)
    world.ready(7000, IN_APRIL - DAY)
    old = world.scheduled(world.expenses, date(2024, 2, 1))
    world.http("PATCH", f"{SCHEDULES}({old})", {"msdyn_invoicerunstatus": FAILED})
    found = {month: answers(app, month)["schedules-overdue"] for month in (APRIL, Month.of(2026, 3), Month.of(2024, 2))}
    assert [(one.state, one.count) for one in found.values()] == [
        (State.ATTENTION, 1),
        (State.OK, 0),
        (State.ATTENTION, 1),
    ]


def test_calls_in_doubt_keep_every_month_open(world: DueWorld, app: App) -> None:
    record(world, "attempt", "in-doubt", psac_subject=str(world.contract))
    assert answers(app)["in-doubt"].state is answers(app, MAY)["in-doubt"].state is State.ATTENTION


def test_work_of_a_month_on_a_draft_made_after_it_keeps_it_open_until_that_is_confirmed(
    world: DueWorld, app: App
) -> None:
    # As usual, April is invoiced on the first of May.
    sale, free = world.ready(1000, LAST), world.ready(0, IN_APRIL)
    late = world.milestone("on a draft", 500, IN_APRIL)
    world.http("DELETE", f"msdyn_actuals({sale})/msdyn_AccountCustomer/$ref")
    for one in (sale, free):
        world.http("PATCH", f"msdyn_actuals({one})", {"msdyn_billingstatus": 192350001})
    world.http("PATCH", f"{MILESTONES}({late})", {"msdyn_invoicestatus": 192350002})
    world.wait(18)
    found = answers(app)
    assert {one.row.id for one in found["drafts"].rows} == {sale, free, late}
    assert "--status in-review;" in found["drafts"].next
    assert [one.row.id for one in found["zero-price"].rows] == [free]
    assert [one.row.id for one in found["without-customer"].rows] == [sale]
    for one in (sale, free):
        world.http("PATCH", f"msdyn_actuals({one})", {"msdyn_billingstatus": 192350002})
    world.http("PATCH", f"{MILESTONES}({late})", {"msdyn_invoicestatus": 192350003})
    found = answers(app)
    asked = ("drafts", "zero-price", "without-customer")
    assert {found[key].state for key in asked} == {State.OK}


def test_a_run_on_the_first_of_the_next_month_belongs_to_the_month_it_takes(world: DueWorld, app: App) -> None:
    world.scheduled(world.time_line, MAY.first)
    world.ready(5000, date(2026, 4, 20))
    world.wait(18)
    assert answers(app)["schedules-overdue"].state is State.ATTENTION
    assert answers(app, Month.of(2026, 3))["schedules-overdue"].state is State.OK


@pytest.fixture
def asked_at(
    sandbox: Sandbox, world: DueWorld, nothing_set: pytest.MonkeyPatch
) -> Iterator[Callable[[str | None, float], App]]:
    """An application of a service that invoices every day at a time, so many days later."""
    made: list[App] = []

    def at(time: str | None, days: float) -> App:
        world.wait(days)
        if time is not None:
            nothing_set.setenv("PSA_CONNECTOR_DUE__AT", time)
        made.append(compose(load(None), now=sandbox.clock.now))
        return made[-1]

    yield at
    for one in made:
        one.close()


@pytest.mark.parametrize(
    ("at", "days", "said", "of_status"),
    [
        # Noon of the first of May; its sweep was six hours ago, is eleven hours ahead, or comes by somebody's hand.
        ("06:00", 16, "1 run of the month was due up to 2026-05-01", State.ATTENTION),
        ("23:00", 16, "1 other is due by 2026-05-01, and had no turn yet", State.OK),
        (None, 16, "1 other is due by 2026-05-01, and had no turn yet", State.OK),
        # Half an hour after the sweep began it may still be at work.
        ("11:30", 16, "1 other is due by 2026-05-01, and had no turn yet", State.OK),
        ("23:00", 17, "1 run of the month was due up to 2026-05-01", State.ATTENTION),
        (None, 17, "1 run of the month was due up to 2026-05-01", State.ATTENTION),
    ],
)
def test_the_run_of_the_first_keeps_the_month_open_from_that_day_on_and_is_overdue_once_its_sweep_is_over(
    world: DueWorld,
    asked_at: Callable[[str | None, float], App],
    at: str | None,
    days: float,
    said: str,
    of_status: State,
) -> None:
    world.scheduled(world.time_line, MAY.first)
    world.ready(200, IN_APRIL)
    app = asked_at(at, days)
    found = answers(app)["schedules-overdue"]
    assert (found.state, found.count, said in found.sentence) == (State.ATTENTION, 1, True), found.sentence
    assert parts(app)["schedules-overdue"].state is of_status


def test_a_later_run_keeps_the_month_open_whose_work_it_should_have_taken_once_its_turn_is_over(
    world: DueWorld, asked_at: Callable[[str | None, float], App]
) -> None:
    world.scheduled(world.time_line, date(2026, 5, 5))
    world.ready(200, IN_APRIL)
    before = answers(asked_at("06:00", 19))
    # Nothing is claimed of a run to come; that something waits is said.
    assert before["schedules-overdue"].state is before["not-ready"].state is State.OK
    assert "1 is ready and waits for an invoice" in before["not-ready"].sentence
    app = asked_at("06:00", 1)
    assert (found := answers(app)["schedules-overdue"]).state is State.ATTENTION
    assert [one.row for one in found.rows] == [Ref("salesorder", world.contract)]
    with world.building() as building:
        building.work.update("salesorder", world.contract, {"msdyn_ordertype": 192350000})
    found = answers(app)["schedules-overdue"]
    assert (found.state, found.count, found.figures["left_out"]) == (State.ATTENTION, 0, 1)
    assert answers(app, Month.of(2026, 3))["schedules-overdue"].state is State.OK


def test_a_later_run_that_has_nothing_of_the_month_leaves_it_alone(
    world: DueWorld, asked_at: Callable[[str | None, float], App]
) -> None:
    world.scheduled(world.time_line, date(2026, 5, 5))
    world.ready(200, date(2026, 5, 2))
    app = asked_at(None, 25)
    assert answers(app)["schedules-overdue"].state is State.OK
    assert answers(app, MAY)["schedules-overdue"].state is State.ATTENTION


def test_a_milestone_without_a_date_is_told_of_beside(world: DueWorld, app: App) -> None:
    id = world.milestone("undated", 500, IN_APRIL, ready=False)
    world.http("PATCH", f"{MILESTONES}({id})", {"msdyn_invoicedate": None})
    found = answers(app)["not-ready"]
    assert (found.state, found.figures) == (State.OK, {"ready": 0, "undated": 1})
    assert "1 milestone not ready without a date" in found.sentence


def test_sales_without_a_billing_type_are_not_given_away_unseen(world: DueWorld, app: App) -> None:
    sale = world.ready(0, IN_APRIL)
    world.http("PATCH", f"msdyn_actuals({sale})", {"msdyn_billingstatus": None, "msdyn_billingtype": None})
    world.http("DELETE", f"msdyn_actuals({sale})/msdyn_AccountCustomer/$ref")
    found = answers(app)
    for key in ("zero-price", "without-customer", "not-ready"):
        assert [one.row.id for one in found[key].rows] == [sale], key


def test_an_entry_that_waits_for_the_answer_to_a_recall_was_approved(world: DueWorld, app: App) -> None:
    entry = next(one for one in world.company.entries.values() if one.table == "msdyn_timeentry" and one.project)
    world.approve(entry)
    with world.building() as builder:
        builder.work.update(entry.table, entry.id, {"msdyn_entrystatus": 192350004})
    found = answers(app, Month.of(entry.day.year, entry.day.month))["approved-without-actuals"]
    assert (found.state, found.count, found.figures) == (State.ATTENTION, 1, {"looked_at": 1, "repairable": 0})


def test_an_entry_belongs_to_the_month_that_bills_it_whichever_zone_its_unit_lives_in(
    world: DueWorld, sandbox: Sandbox, nothing_set: pytest.MonkeyPatch
) -> None:
    entry = next(one for one in world.company.entries.values() if one.table == "msdyn_timeentry" and one.project)
    # The first of April in Tokyo, still the last of March in the settings' time zone.
    moment = {"msdyn_date": datetime(2026, 3, 31, 15, tzinfo=UTC)}
    unit = str(world.company.organizational_unit)
    nothing_set.setenv("PSA_CONNECTOR_UNIT_TIME_ZONES", json.dumps({unit: "Asia/Tokyo"}))
    approvals = f"msdyn_projectapprovals?$filter=_msdyn_timeentry_value eq {entry.id}"
    (approval,) = world.http("GET", approvals).json()["value"]
    with world.building() as builder:
        builder.work.update(entry.table, entry.id, moment)
        builder.work.update("msdyn_projectapproval", UUID(approval["msdyn_projectapprovalid"]), moment)
    world.approve(entry)
    app = compose(load(None), now=world.now)
    try:
        march, april = (answers(app, month)["approved-without-actuals"] for month in (Month.of(2026, 3), APRIL))
    finally:
        app.close()
    assert (march.count, april.count) == (1, 0)
    assert "reconcile --month 2026-04" in march.next
