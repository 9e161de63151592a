"""What stands on an invoice, and that what was expected is what was made: scenarios by number, over HTTP."""

from __future__ import annotations

from datetime import UTC, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from handlers.fixed_point import FixedPoint, Settled
from handlers.invoice_contents import read
from handlers.invoice_owner import Owner
from handlers.invoicing import InvoicingHandler
from mappings.backlog import Backlog
from sandbox.dataverse.product.switches import Released
from tests.flow.invoice_world import (
    CHARGEABLE,
    CREATED,
    NON_CHARGEABLE,
    READY,
    add_fixed_price_line,
    add_milestone,
    details,
    get,
    given,
    the_invoice,
    told,
    write_everything_of_scenario_35,
)
from tests.flow.test_invoices import bill_one_entry, create, mark_ready
from tests.flow.world import ZONE, World

# Scenario 35


def test_scenario_35_everything_ready_is_on_one_draft_of_7450_to_the_cent(world: World) -> None:
    write_everything_of_scenario_35(world)
    outcome = given(world)
    assert (outcome["outcome"], outcome["differences"]) == ("created", [])
    assert (Decimal(outcome["expected_total"]), Decimal(outcome["total"])) == (Decimal(7450), Decimal(7450))
    header = the_invoice(world)
    assert (header["totalamount"], header["msdyn_projectinvoicestatus"]) == (7450, 192350000)
    lines = get(world, f"invoicedetails?$filter=_invoiceid_value eq {header['invoiceid']}")
    assert sorted((line["producttypecode"], line["extendedamount"]) for line in lines) == [
        (1, 300),
        (5, 2150),
        (5, 5000),
    ]
    assert [(one["msdyn_amount"], one["msdyn_billingtype"]) for one in details(world)] == [
        (5000, CHARGEABLE),
        (1600, CHARGEABLE),
        (550, CHARGEABLE),
        (400, NON_CHARGEABLE),
    ]
    actuals = get(world, f"msdyn_actuals?$filter=msdyn_billingstatus eq {CREATED}")
    assert len(actuals) == 3
    assert get(world, f"msdyn_actuals?$filter=msdyn_billingstatus eq {READY}") == []
    assert len(get(world, "msdyn_contractlinescheduleofvalues?$filter=msdyn_invoicestatus eq 192350002")) == 1
    assert len(get(world, f"salesorderdetails?$filter=msdyn_billingstatus eq {CREATED}")) == 1
    assert world.faults() == []


def test_an_invoice_of_every_kind_is_read_in_two_requests_with_what_each_detail_came_of(world: World) -> None:
    write_everything_of_scenario_35(world)
    given(world)
    id = UUID(the_invoice(world)["invoiceid"])
    asked: list[int] = []

    class Counting:
        def query(self, questions: Any) -> Any:
            asked.append(len(questions))
            return world.client.query(questions)

    (invoice,) = read([id], Counting()).values()
    assert len(asked) == 2
    assert (invoice.amount, invoice.tax, len(invoice.details)) == (Decimal(7450), Decimal(0), 4)
    assert {one.source.table for one in invoice.details if one.source} == {
        "msdyn_actual",
        "msdyn_contractlinescheduleofvalue",
    }
    assert all(one.source is not None for one in invoice.details)


def test_a_milestones_tax_is_expected_and_found(world: World) -> None:
    line = add_fixed_price_line(world, "Migration")
    add_milestone(world, line, "Design accepted", 5000, tax=950)
    world.command(mark_ready(world, Backlog.MILESTONES))
    outcome = given(world)
    assert (outcome["outcome"], outcome["expected_total"], outcome["expected_tax"]) == ("created", "5000.00", "950.00")
    assert the_invoice(world)["totalamount"] == 5950


def test_an_invoice_is_given_to_the_contracts_owner(world: World) -> None:
    contract = world.company.contracts["C1"]
    approver = world.http("GET", "WhoAmI", user="approver").json()["UserId"]
    world.http("PATCH", f"salesorders({contract})", {"ownerid@odata.bind": f"/systemusers({approver})"})
    bill_one_entry(world)
    command = create(world)
    handler = InvoicingHandler(world.now, ZONE, owner=Owner.CONTRACT)
    outcome = FixedPoint(world.client).settle(handler, [command])[command]
    assert isinstance(outcome, Settled)
    assert (outcome.outcome["outcome"], outcome.outcome["warnings"]) == ("created", [])
    assert the_invoice(world)["_ownerid_value"] == approver
    assert world.faults() == []


# Scenarios 36, 37, 44


def test_scenario_36_nothing_ready_makes_no_invoice_and_calls_nothing(world: World) -> None:
    assert given(world)["outcome"] == "nothing-to-invoice"
    assert world.invoiced("C1") == (0, Decimal(0))


def test_scenario_37_what_is_dated_tomorrow_is_left_out_today_and_taken_tomorrow(world: World) -> None:
    bill_one_entry(world)
    tomorrow = (world.now() + timedelta(days=1)).astimezone(UTC)
    (actual,) = get(world, f"msdyn_actuals?$filter=msdyn_billingstatus eq {READY}")
    late = {"msdyn_startdatetime": tomorrow.isoformat().replace("+00:00", "Z")}
    world.http("PATCH", f"msdyn_actuals({actual['msdyn_actualid']})", late)
    bill_one_entry(world, number=1)
    outcome = given(world)
    assert (outcome["outcome"], outcome["rows"], world.invoiced("C1")[1]) == ("created", 1, Decimal(1600))
    world.sandbox.clock.advance(timedelta(days=1, hours=1))
    outcome = given(world)
    assert (outcome["outcome"], outcome["rows"], outcome["differences"]) == ("created", 1, [])
    assert world.invoiced("C1") == (2, Decimal(3200))


def test_where_only_yesterday_is_past_what_is_dated_today_is_told_and_left_for_tomorrow(world: World) -> None:
    world.sandbox.switches.today_is_past = False
    bill_one_entry(world)
    (actual,) = get(world, f"msdyn_actuals?$filter=msdyn_billingstatus eq {READY}")
    today = {"msdyn_startdatetime": world.now().isoformat().replace("+00:00", "Z")}
    world.http("PATCH", f"msdyn_actuals({actual['msdyn_actualid']})", today)
    bill_one_entry(world, number=1)
    outcome = given(world)
    assert (outcome["outcome"], told(outcome)) == ("created", [("left", "1,600.00", "nothing")])
    world.sandbox.clock.advance(timedelta(days=1))
    assert given(world)["outcome"] == "created"
    assert world.invoiced("C1") == (2, Decimal(3200))


def test_scenario_44_a_line_without_a_schedule_is_taken_by_hand(world: World) -> None:
    assert get(world, "msdyn_contractlineinvoiceschedules") == []
    bill_one_entry(world)
    assert given(world)["outcome"] == "created"
    assert world.invoiced("C1") == (1, Decimal(1600))


# Scenario 46


@pytest.mark.parametrize("released", list(Released))
def test_scenario_46_a_deleted_draft_lets_its_rows_go_and_they_are_invoiced_anew(
    world: World, released: Released
) -> None:
    world.sandbox.switches.released = released
    bill_one_entry(world)
    first = create(world)
    world.command(first)
    world.http("DELETE", f"invoices({the_invoice(world)['invoiceid']})")
    assert (
        get(world, "msdyn_transactionconnections?$filter=msdyn_transaction1type eq 'msdyn_invoicelinetransaction'")
        == []
    )
    world.command(first)  # delivered again: it was obeyed, and stays so
    assert world.invoiced("C1") == (0, Decimal(0))
    if released is Released.EMPTY:
        world.command(mark_ready(world))
    outcome = given(world)
    assert (outcome["outcome"], outcome["differences"]) == ("created", [])
    assert world.invoiced("C1") == (1, Decimal(1600))


def test_scenario_46_a_draft_deleted_after_its_sibling_was_confirmed_is_not_offered_again(world: World) -> None:
    bill_one_entry(world)
    given(world)
    world.http("POST", f"invoices({the_invoice(world)['invoiceid']})/Microsoft.Dynamics.CRM.msdyn_PostInvoice")
    assert given(world)["outcome"] == "nothing-to-invoice"
    assert world.invoiced("C1") == (1, Decimal(1600))
