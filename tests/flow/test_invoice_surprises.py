"""What others do while an invoice is made, or to it afterwards, is told with both sides and never put right."""

from __future__ import annotations

from decimal import Decimal

import pytest

from connector.settlement import Complete
from handlers.half_made import SETTLING
from mappings.invoice import MANY_DETAILS
from tests.flow.barriers import BeforeCommit
from tests.flow.invoice_world import (
    FENCE,
    READY,
    AfterTheCall,
    details,
    get,
    given,
    recorded,
    told,
    write_ready_sales,
)
from tests.flow.test_invoices import bill_one_entry, create
from tests.flow.world import World


@pytest.mark.parametrize(
    ("column", "value", "sides"),
    [
        ("msdyn_price", 190, ("200.00", "190.00")),
        ("msdyn_quantity", 7, ("8.00", "7.00")),
        ("msdyn_amount", 1599.99, ("1,600.00", "1,599.99")),
        ("msdyn_billingtype", 192350002, ("chargeable", "complimentary")),
    ],
)
def test_what_a_plug_in_changes_on_a_new_invoice_is_told_with_both_sides_and_left_as_it_is(
    world: World, column: str, value: float, sides: tuple[str, str]
) -> None:
    bill_one_entry(world)

    def plug_in() -> None:
        (detail,) = details(world)
        path = f"msdyn_invoicelinetransactions({detail['msdyn_invoicelinetransactionid']})"
        world.http("PATCH", path, {column: value})

    outcome = given(world, dataverse=AfterTheCall(world, plug_in))
    assert outcome["outcome"] == "created-differs"
    assert ("differs", *sides) in told(outcome)
    (detail,) = details(world)
    assert detail[column] == value


def test_a_detail_that_is_missing_is_missed_when_the_product_had_its_time_to_bring_it(world: World) -> None:
    bill_one_entry(world)
    bill_one_entry(world, number=1)

    def somebody_deletes_one() -> None:
        one = details(world)[0]
        world.http("DELETE", f"msdyn_invoicelinetransactions({one['msdyn_invoicelinetransactionid']})")

    command = create(world)
    (end,) = world.command(command, dataverse=AfterTheCall(world, somebody_deletes_one))
    assert not isinstance(end, Complete), "the row is ready again: the product may still be at it"
    world.sandbox.clock.advance(SETTLING)
    world.command(command)
    outcome = recorded(world, command)
    assert outcome["outcome"] == "created-differs"
    assert ("missing", "1,600.00", "nothing") in told(outcome)


def test_rows_marked_ready_while_the_product_was_at_work_are_told_and_no_mistake(world: World) -> None:
    bill_one_entry(world)
    grew = BeforeCommit(world.client, lambda: bill_one_entry(world, number=1), commit=FENCE)
    outcome = given(world, dataverse=grew)
    assert (outcome["outcome"], outcome["rows"], outcome["total"]) == ("created", 1, "3200.00")
    assert told(outcome) == [("grew", "nothing", "1,600.00")]
    assert world.invoiced("C1") == (1, Decimal(3200))


def test_a_row_taken_back_while_the_product_was_at_work_is_told_and_no_mistake(world: World) -> None:
    bill_one_entry(world)
    bill_one_entry(world, number=1)

    def a_clerk_takes_one_back() -> None:
        one = get(world, f"msdyn_actuals?$filter=msdyn_billingstatus eq {READY}")[0]
        world.http("PATCH", f"msdyn_actuals({one['msdyn_actualid']})", {"msdyn_billingstatus": None})

    outcome = given(world, dataverse=BeforeCommit(world.client, a_clerk_takes_one_back, commit=FENCE))
    assert (outcome["outcome"], told(outcome)) == ("created", [("left", "1,600.00", "nothing")])


def test_what_a_colleagues_invoice_took_is_no_longer_expected_and_their_invoice_is_named(world: World) -> None:
    bill_one_entry(world)

    def a_colleague_is_faster_and_more_becomes_ready() -> None:
        contract = world.company.contracts["C1"]
        world.http("POST", f"salesorders({contract})/Microsoft.Dynamics.CRM.msdyn_NewInvoiceContract")
        bill_one_entry(world, number=1)

    outcome = given(world, dataverse=BeforeCommit(world.client, a_colleague_is_faster_and_more_becomes_ready, FENCE))
    assert outcome["outcome"] == "created"
    assert sorted(told(outcome)) == [("grew", "nothing", "1,600.00"), ("taken-elsewhere", "1,600.00", "nothing")]
    (taken,) = [one for one in outcome["differences"] if one["kind"] == "taken-elsewhere"]
    theirs = [one for one in get(world, "invoices") if one["invoiceid"] != outcome["invoices"][0]["id"]]
    assert theirs[0]["invoicenumber"] in taken["why"]
    assert world.invoiced("C1") == (2, Decimal(3200))


def test_a_draft_that_people_edit_afterwards_does_not_change_what_was_reported(world: World) -> None:
    bill_one_entry(world)
    command = create(world)
    world.command(command)
    before = recorded(world, command)
    (detail,) = details(world)
    world.http(
        "PATCH",
        f"msdyn_invoicelinetransactions({detail['msdyn_invoicelinetransactionid']})",
        {"msdyn_quantity": 6, "msdyn_amount": 1200},
    )
    world.command(command)
    assert recorded(world, command) == before
    assert before["outcome"] == "created"


def test_more_than_a_thousand_details_are_compared_one_by_one_and_warned_about(world: World) -> None:
    write_ready_sales(world, MANY_DETAILS + 1)
    spoiled: list[str] = []

    def plug_in() -> None:
        detail = details(world)[500]
        spoiled.append(detail["msdyn_description"])
        path = f"msdyn_invoicelinetransactions({detail['msdyn_invoicelinetransactionid']})"
        world.http("PATCH", path, {"msdyn_quantity": 9})

    outcome = given(world, dataverse=AfterTheCall(world, plug_in))
    assert outcome["outcome"] == "created-differs"
    assert outcome["warnings"] == [
        f"Invoice {outcome['invoices'][0]['number']} has 1,001 details; above 1,000 the product is slow with them."
    ]
    (difference,) = outcome["differences"]
    assert (difference["what"], difference["expected"], difference["found"]) == (spoiled[0], "8.00", "9.00")


def test_an_invoice_that_bills_a_row_of_an_earlier_one_again_is_told(world: World) -> None:
    world.make_the_action_racy()
    bill_one_entry(world)
    given(world)
    bill_one_entry(world, number=1)
    outcome = given(world)
    assert (outcome["outcome"], outcome["expected_total"], outcome["total"]) == (
        "created-differs",
        "1600.00",
        "3200.00",
    )
    assert [kind for kind, *_ in told(outcome)] == ["twice"]
