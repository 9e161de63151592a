"""What is due by schedule is invoiced once, up to its cut-off, whoever and however often finds it due."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from decimal import Decimal
from functools import partial
from typing import Any
from uuid import uuid4

import pytest

from connector.settlement import Complete, DeadLetter
from handlers.fixed_point import Outcome, Settled, Unsettled
from mappings.ceiling import Ceiling
from mappings.messages import CreateDueInvoices
from service.registration import register_command_table
from tests.flow.barriers import BeforeCommit, Together, in_background
from tests.flow.due_world import FAILED, NOT_RUN, SUCCESSFUL, DueWorld, still

DAY = date(2020, 10, 5)
BEFORE = DAY - timedelta(days=1)


@pytest.fixture
def world() -> Iterator[DueWorld]:
    """The evening of 5 October 2020 in New York."""
    with still(DAY) as sandbox:
        world = DueWorld(sandbox)
        register_command_table(world.signed_in("administrator"))
        yield world


def runs(outcome: Outcome) -> list[dict[str, Any]]:
    assert isinstance(outcome, Settled), outcome
    told: Any = outcome.outcome["runs"]
    return list(told)


def words(outcome: Outcome) -> list[str]:
    return [run["outcome"] for run in runs(outcome)]


def refusal(outcome: Outcome) -> str:
    assert isinstance(outcome, Unsettled), outcome
    return outcome.failure.code


def test_scenario_41_each_day_makes_what_is_due_on_it() -> None:
    start = date(2020, 10, 4)
    with still(start) as sandbox:
        world = DueWorld(sandbox)
        register_command_table(world.signed_in("administrator"))
        world.milestone("Design", 5000, date(2020, 10, 5))
        world.milestone("Build", 12000, date(2020, 11, 3))
        for day in (date(2020, 10, 5), date(2020, 10, 19), date(2020, 11, 2)):
            world.scheduled(world.time_line, day)
        for day in (date(2020, 10, 5), date(2020, 11, 2)):
            world.scheduled(world.expenses, day)
        for day, amount in ((date(2020, 10, 4), 200), (date(2020, 10, 18), 400), (date(2020, 11, 1), 600)):
            world.ready(amount, day)
        for day, amount in ((date(2020, 10, 4), 50), (date(2020, 11, 1), 70)):
            world.ready(amount, day, world.expenses)
        made: dict[date, list[tuple[Decimal, int]]] = {}
        for _ in range(31):
            before = len(world.invoices())
            assert isinstance(world.sweep(), Settled)
            if after := world.invoices()[before:]:
                made[world.now().astimezone(world.zone).date()] = after
            world.wait()
    assert made == {
        date(2020, 10, 5): [(Decimal(5250), 3)],
        date(2020, 10, 19): [(Decimal(400), 1)],
        date(2020, 11, 2): [(Decimal(670), 2)],
        date(2020, 11, 3): [(Decimal(12000), 1)],
    }


def test_scenario_43_a_row_runs_once_and_a_failed_one_again(world: DueWorld) -> None:
    row = world.scheduled(world.time_line, DAY)
    world.ready(200, BEFORE)
    world.sandbox.switches.failing[world.contract] = "Time-out expired."
    (failed,) = runs(world.sweep())
    assert (failed["outcome"], world.row(row)) == ("refused", (FAILED, False))
    assert "Time-out expired." in failed["because"]
    assert words(world.sweep()) == ["refused"]
    world.sandbox.switches.failing.clear()
    (created,) = runs(world.sweep())
    assert (created["outcome"], world.row(row)) == ("created", (SUCCESSFUL, True))
    world.ready(200, BEFORE)
    assert runs(world.sweep()) == []
    assert world.invoices() == [(Decimal(200), 1)]


def test_scenario_44_a_line_without_a_schedule_is_untouched(world: DueWorld) -> None:
    world.ready(200, BEFORE)
    assert runs(world.sweep()) == []
    assert world.invoices() == []


@pytest.mark.parametrize("written_back", [True, False])
def test_the_run_status_and_the_invoice_stand_in_the_row_whoever_writes_them(
    world: DueWorld, written_back: bool
) -> None:
    world.sandbox.switches.runs_written_back = written_back
    row = world.scheduled(world.time_line, DAY)
    milestone = world.milestone("Design", 5000, DAY)
    world.ready(200, BEFORE)
    assert words(world.sweep()) == ["created"]
    assert world.row(row) == (SUCCESSFUL, True)
    assert world.invoices() == [(Decimal(5200), 2)]
    assert runs(world.sweep()) == []
    assert milestone


def test_two_sweeps_at_once_make_one_invoice(world: DueWorld) -> None:
    row = world.scheduled(world.time_line, DAY)
    world.ready(200, BEFORE)
    world.make_the_action_racy()
    together = Together(world.client, 2, commits=3)
    workers = [in_background(partial(world.sweep, dataverse=side)) for side in together.sides]
    for worker in workers:
        worker.join(30)
        assert not worker.is_alive()
    assert world.invoices() == [(Decimal(200), 1)]
    assert world.row(row) == (SUCCESSFUL, True)


def test_a_lost_answer_is_looked_up_and_not_asked_for_again(world: DueWorld) -> None:
    row = world.scheduled(world.time_line, DAY)
    world.ready(200, BEFORE)
    outcome = world.sweep(dataverse=BeforeCommit(world.client, world.lose_the_next_answer, commit=3))
    assert world.lost_answers == 1
    assert outcome.unsure  # what was never answered is looked at once more
    assert words(outcome) == ["created"]
    assert runs(world.sweep()) == []
    assert (world.invoices(), world.row(row)) == ([(Decimal(200), 1)], (SUCCESSFUL, True))


def test_missed_days_are_caught_up_with_the_oldest_first_and_each_with_its_own_cut_off(world: DueWorld) -> None:
    rows = [world.scheduled(world.time_line, DAY - timedelta(days=14 * back)) for back in (0, 1, 2)]
    for back, amount in ((1, 100), (15, 200), (16, 400), (29, 800), (90, 1600)):
        world.ready(amount, DAY - timedelta(days=back))
    told = runs(world.sweep())
    assert [(run["day"], run["outcome"]) for run in told] == [
        ("2020-09-07", "created"),
        ("2020-09-21", "created"),
        ("2020-10-05", "created"),
    ]
    assert [total for total, _ in world.invoices()] == [Decimal(2400), Decimal(600), Decimal(100)]
    assert [world.row(row) for row in rows] == [(SUCCESSFUL, True)] * 3


def test_later_runs_of_a_contract_wait_for_one_that_fails(world: DueWorld) -> None:
    rows = [world.scheduled(world.time_line, DAY - timedelta(days=back)) for back in (7, 0)]
    world.ready(100, BEFORE)
    world.ready(200, DAY - timedelta(days=8))
    world.sandbox.switches.failing[world.contract] = "Time-out expired."
    assert words(world.sweep()) == ["refused", "waiting"]
    assert [world.row(row)[0] for row in rows] == [FAILED, NOT_RUN]


def test_nothing_ready_makes_no_invoice_and_leaves_the_row_for_when_something_is(world: DueWorld) -> None:
    row = world.scheduled(world.time_line, DAY)
    planned = world.scheduled(world.fixed, DAY, world.milestone("Design", 5000, DAY, ready=False))
    late = world.ready(100, DAY)
    assert words(world.sweep()) == ["nothing-to-invoice"]
    assert (world.row(row), world.row(planned), world.invoices()) == ((NOT_RUN, False), (NOT_RUN, False), [])
    world.wait()
    world.ready(300, BEFORE)
    assert words(world.sweep()) == ["created"]
    assert world.invoices() == [(Decimal(300), 1)]
    assert world.http("GET", f"msdyn_actuals({late})").json()["msdyn_billingstatus"] == 192350004


def test_what_is_not_due_is_refused_before_its_day(world: DueWorld) -> None:
    world.scheduled(world.time_line, DAY + timedelta(days=1))
    world.ready(100, BEFORE)
    assert runs(world.sweep()) == []
    assert refusal(world.sweep(due=DAY + timedelta(days=1))) == "not-due-yet"
    looked = runs(world.sweep(due=DAY + timedelta(days=1), dry_run=True))
    assert [(run["day"], run["ready"], run["total"]) for run in looked] == [("2020-10-06", 1, "100.00")]
    assert world.invoices() == []


def test_an_earlier_day_takes_what_was_due_by_then_only(world: DueWorld) -> None:
    early, late = (world.scheduled(world.time_line, DAY - timedelta(days=back)) for back in (7, 0))
    world.ready(100, BEFORE)
    world.ready(200, DAY - timedelta(days=8))
    assert words(world.sweep(due=DAY - timedelta(days=1))) == ["created"]
    assert (world.row(early)[0], world.row(late)[0]) == (SUCCESSFUL, NOT_RUN)
    assert world.invoices() == [(Decimal(200), 1)]


def test_while_the_products_own_job_is_active_nothing_is_invoiced(world: DueWorld) -> None:
    world.scheduled(world.time_line, DAY)
    world.ready(100, BEFORE)
    world.native_job()
    end = world.message(CreateDueInvoices(command=uuid4(), requested_by="clerk"))
    assert isinstance(end, DeadLetter)
    assert end.code == "product-invoices-itself"
    assert "Nightly: Create Invoices" in end.sentence
    assert world.invoices() == []


def test_a_job_that_is_switched_off_is_in_nobodys_way(world: DueWorld) -> None:
    world.scheduled(world.time_line, DAY)
    world.ready(100, BEFORE)
    world.native_job(active=False)
    assert words(world.sweep()) == ["created"]


def test_without_the_action_nothing_is_invoiced_in_another_way(world: DueWorld) -> None:
    world.scheduled(world.time_line, DAY)
    world.ready(100, BEFORE)
    world.lose_the_action()
    assert refusal(world.sweep()) == "no-schedule-action"
    assert world.invoices() == []


def test_a_command_delivered_twice_has_the_same_answer_and_effect(world: DueWorld) -> None:
    world.scheduled(world.time_line, DAY)
    world.ready(100, BEFORE)
    command = CreateDueInvoices(command=uuid4(), requested_by="clerk")
    assert isinstance(world.message(command), Complete)
    world.scheduled(world.expenses, DAY)
    world.ready(50, BEFORE, world.expenses)
    assert isinstance(world.message(command), Complete)
    assert words(world.sweep(command=command.command)) == ["created"]
    assert world.invoices() == [(Decimal(100), 1)]


def test_above_the_ceiling_somebody_has_to_confirm(world: DueWorld) -> None:
    world.ceiling = Ceiling(1, Decimal(1000))
    world.compose()
    world.scheduled(world.time_line, DAY)
    world.ready(100, BEFORE)
    world.ready(200, BEFORE)
    assert refusal(world.sweep()) == "over-ceiling"
    assert words(world.sweep(confirmed=True)) == ["created"]


def test_a_row_that_can_not_be_invoiced_is_told_and_keeps_no_other_from_it(world: DueWorld) -> None:
    wrong = world.scheduled(world.fixed, DAY)
    world.scheduled(world.time_line, DAY)
    world.ready(100, BEFORE)
    outcome = world.sweep()
    assert words(outcome) == ["created"]
    assert isinstance(outcome, Settled)
    told: Any = outcome.outcome["unfit"]
    (unfit,) = told
    assert unfit["row"] == str(wrong)
    assert "fixed price" in unfit["why"]
    assert world.row(wrong) == (NOT_RUN, False)


def test_a_row_that_somebody_resets_after_deleting_the_draft_runs_again(world: DueWorld) -> None:
    row = world.scheduled(world.time_line, DAY)
    world.ready(100, BEFORE)
    world.sweep()
    (invoice,) = world.http("GET", f"invoices?$filter=_salesorderid_value eq {world.contract}").json()["value"]
    reset = {"msdyn_invoicerunstatus": NOT_RUN, "msdyn_Invoice@odata.bind": None}
    world.http("PATCH", f"msdyn_contractlineinvoiceschedules({row})", reset)
    world.http("DELETE", f"invoices({invoice['invoiceid']})")
    assert words(world.sweep()) == ["created"]
    assert world.invoices() == [(Decimal(100), 1)]


def test_runs_within_one_second_each_name_their_own_invoice(world: DueWorld) -> None:
    for back, amount in ((0, 12000), (7, 5000)):
        world.milestone(f"Back {back}", amount, DAY - timedelta(days=back))
    told = runs(world.sweep())
    assert [(run["outcome"], len(run["invoices"]), Decimal(run["total"])) for run in told] == [
        ("created", 1, Decimal(5000)),
        ("created", 1, Decimal(12000)),
    ]
