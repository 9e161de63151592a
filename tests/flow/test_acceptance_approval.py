"""The acceptance scenarios from approval to actuals, through the whole service; numbers are the scenarios'.

Each is run twice: with the prices and billing type of the approval, and with none but those of lists and settings.
"""

from __future__ import annotations

from decimal import Decimal

import pytest

from connector.settlement import Complete, DeadLetter, RedeliverAt
from sandbox.company.names import company_id
from sandbox.dataverse.product.choices import BillingMethod, BillingType
from tests.flow.acceptance import Acceptance, cost, unbilled
from tests.flow.queue_world import copy_the_waiting_event, listen, run_until_drained
from tests.flow.test_actuals import race_two_workers
from tests.flow.test_between_units import OF_ALL_FOUR, figures, offshore
from tests.flow.test_invoices import create, mark_ready
from tests.flow.world import World

__all__ = ["offshore"]

OF_EIGHT = ("8", "100", "800")


@pytest.fixture(params=["priced by the approval", "priced by lists"])
def scenario(world: World, request: pytest.FixtureRequest) -> Acceptance:
    return Acceptance(world, priced_by_lists=request.param == "priced by lists")


def test_scenario_1_eight_hours_are_a_cost_and_chargeable_sales(scenario: Acceptance) -> None:
    rows = scenario.billed(scenario.time())
    assert rows == [cost("8", "100", "800"), unbilled("8", "200", "1600", OF_EIGHT)]


def test_scenario_1_over_the_queue(world: World) -> None:
    scenario = Acceptance(world)
    listen(world)
    entry = scenario.time()
    scenario.approve(entry)
    run_until_drained(world)
    assert scenario.rows(entry) == [cost("8", "100", "800"), unbilled("8", "200", "1600", OF_EIGHT)]
    assert world.faults() == []


def test_scenario_2_hours_that_were_cut_are_not_chargeable(scenario: Acceptance) -> None:
    rows = scenario.billed(scenario.time(), msdyn_salesquantity=6)
    assert rows == [
        cost("8", "100", "800"),
        unbilled("6", "200", "1200", ("6", "100", "600")),
        unbilled("2", "200", "400", ("2", "100", "200"), billing="non-chargeable"),
    ]


def test_scenario_3_hours_that_were_raised_are_chargeable(scenario: Acceptance) -> None:
    rows = scenario.billed(scenario.time(), msdyn_salesquantity=10)
    assert rows == [cost("8", "100", "800"), unbilled("10", "200", "2000", OF_EIGHT)]


def test_scenario_4_on_a_fixed_price_line_there_is_a_cost_only(scenario: Acceptance) -> None:
    (row,) = scenario.billed(scenario.time(project="P2"))
    of_line = {"project": "Contoso migration", "contract": "ORD-C2", "line": "C2 P2"}
    assert row | {"billing": None} == cost("8", "100", "800", billing=None, **of_line)


def test_scenario_5_an_internal_project_has_a_cost_only_and_no_contract(scenario: Acceptance) -> None:
    (row,) = scenario.billed(scenario.time(project="P4"))
    internal = {"project": "Fabrikam academy", "contract": None, "line": None}
    assert row | {"billing": None} == cost("8", "100", "800", billing=None, **internal)


@pytest.mark.parametrize("on", ["the line", "the master"])
def test_scenario_7_a_role_that_is_not_chargeable_says_nothing_of_expenses(scenario: Acceptance, on: str) -> None:
    with scenario.building() as builder:
        if on == "the line":
            builder.role_on_line("P1", "Developer", BillingType.NON_CHARGEABLE)
        else:
            role = company_id("bookableresourcecategory", "Developer")
            builder.work.update("bookableresourcecategory", role, {"msdyn_billingtype": BillingType.NON_CHARGEABLE})
    free = {"billing": "non-chargeable"}
    rows = scenario.billed(scenario.time(300))
    assert rows == [cost("5", "100", "500", **free), unbilled("5", "200", "1000", ("5", "100", "500"), **free)]
    rows = scenario.billed(scenario.expense("Hotel", "120"))
    of_hotel = {"role": None, "category": "Hotel"}
    assert [row | {"list": None} for row in rows] == [
        cost("1", "120", "120", list=None, **of_hotel),
        unbilled("1", "120", "120", ("1", "120", "120"), list=None, **of_hotel),
    ]


def test_scenario_8_what_is_given_away_adds_nothing_to_the_invoice(scenario: Acceptance) -> None:
    world, gift = scenario.world, scenario.time(120)
    free = {"billing": "complimentary"}
    rows = scenario.billed(gift, msdyn_billingtype=192350002)
    assert rows == [cost("2", "100", "200", **free), unbilled("2", "200", "400", ("2", "100", "200"), **free)]
    scenario.billed(scenario.time())
    world.command(mark_ready(world))
    world.command(create(world))
    assert world.invoiced("C1") == (1, Decimal(1600))
    assert world.faults() == []


def test_scenario_9_two_lines_that_claim_the_work_are_both_named_and_nothing_is_billed(scenario: Acceptance) -> None:
    entry, dollar = scenario.time(), scenario.dollar
    with scenario.building() as builder:
        builder.project_line("P1", "C1", dollar, expense=False, key="Second line")
    end = scenario.held(entry)
    assert end.code == "two-contract-lines"
    assert "C1 P1" in end.sentence
    assert "C1 Second line" in end.sentence


def test_scenario_10_a_class_the_line_does_not_take_has_a_cost_that_is_not_available(scenario: Acceptance) -> None:
    (row,) = scenario.billed(scenario.expense("Hotel", "120", project="P3"))
    outside = {"project": "Northwind support", "contract": "ORD-C3", "line": None, "billing": "not available"}
    assert row == cost("1", "120", "120", **outside, list=None, role=None, category="Hotel")


def test_scenario_11_work_of_another_unit_is_four_rows(offshore: tuple[World, object]) -> None:
    world, entry = offshore
    world.approve(entry)  # type: ignore[arg-type]
    (end,) = world.work_on(entry)  # type: ignore[arg-type]
    assert isinstance(end, Complete)
    assert figures(world, entry) == OF_ALL_FOUR  # type: ignore[arg-type]
    assert world.faults() == []


def test_scenario_15_the_same_event_three_times_and_two_workers_at_once_write_once(world: World) -> None:
    scenario = Acceptance(world)
    listen(world)
    entry = scenario.time()
    scenario.approve(entry)
    assert world.sandbox.events.idle(30)
    copy_the_waiting_event(world, 2)
    run_until_drained(world)
    expected = [cost("8", "100", "800"), unbilled("8", "200", "1600", OF_EIGHT)]
    assert scenario.rows(entry) == expected
    race_two_workers(world)
    assert world.faults() == []


def test_scenario_16_a_target_of_approved_is_no_approval(scenario: Acceptance) -> None:
    world, entry = scenario.world, scenario.time()
    world.sandbox.switches.entries_locked = False
    world.http("PATCH", f"msdyn_timeentries({entry.id})", {"msdyn_targetentrystatus": 192350002})
    for _ in range(3):
        end = scenario.work(entry)
        assert isinstance(end, RedeliverAt)
        assert end.attempt == 1
    given_up = scenario.at_the_retry_limit(entry)
    assert isinstance(given_up, DeadLetter)
    assert given_up.code == "not-yet"
    assert str(entry.id) in given_up.sentence
    assert scenario.rows(entry) == []
    world.http("PATCH", f"msdyn_timeentries({entry.id})", {"msdyn_targetentrystatus": None})
    assert scenario.billed(entry) == [cost("8", "100", "800"), unbilled("8", "200", "1600", OF_EIGHT)]


def test_scenario_17_a_vacation_brings_no_actuals(world: World) -> None:
    (vacation,) = world.company.of_project(None)
    world.approve(vacation)
    (end,) = world.work_on(vacation)
    assert isinstance(end, Complete)
    assert world.books()["msdyn_actuals"] == []
    assert world.faults() == []


def test_a_project_whose_only_line_is_of_another_method_for_expenses_bills_each_class_by_its_own(
    scenario: Acceptance,
) -> None:
    """Which line: one line bills time of a project by the hour, another one its expenses at a fixed price."""
    dollar, fixed = scenario.dollar, BillingMethod.FIXED_PRICE
    with scenario.building() as builder:
        builder.project_line("P3", "C3", dollar, billing_method=fixed, time=False, key="Expenses of P3")
    (row,) = scenario.billed(scenario.expense("Hotel", "90", project="P3"))
    assert (row["kind"], row["line"], row["amount"]) == ("cost", "C3 Expenses of P3", Decimal(90))
    rows = scenario.billed(scenario.time(240, project="P3"))
    assert [(row["kind"], row["line"], row["amount"]) for row in rows] == [
        ("cost", "C3 P3", Decimal(400)),
        ("unbilled", "C3 P3", Decimal(720)),
    ]
