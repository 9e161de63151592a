"""A product that bills what it must not: its invoice is told as one that somebody has to look at."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from connector.dataverse.changes import Reference
from handlers import due_facts
from handlers.fixed_point import Outcome, Settled
from handlers.invoicing import ACTION
from mappings.invoice_expectation import RUN
from tests.handlers.fake_dataverse import Rows
from tests.handlers.invoice_drawn_up import draw_up
from tests.handlers.test_due_invoices import TODAY, Due, midnight, runs
from tests.handlers.test_invoicing import ONE, TWO, command, give, ready
from tests.handlers.world import DAY, OTHER_CUSTOMER, PROJECT, READY, World, new


def bills(world: World, *rows: Reference, action: str = ACTION) -> None:
    """The product's next invoices are of these rows, or else of everything that is ready."""

    def invoice(books: Rows, contract: Reference) -> Reference:
        made = world.fresh("invoice")
        books.put(made, {"salesorderid": contract, "invoicenumber": f"INV-{len(books.of('invoice'))}"})
        every = [row for row, cells in books.of("msdyn_actual").items() if cells["msdyn_billingstatus"] == READY]
        draw_up(books, made, contract, rows or every, world.fresh)
        return made

    world.dataverse.actions[action] = invoice


def kinds(outcome: Outcome) -> tuple[object, set[str]]:
    """What came of a command, and the sorts of differences."""
    assert isinstance(outcome, Settled)
    told: Any = outcome.outcome
    return told["outcome"], {one["kind"] for one in told["differences"]}


@pytest.mark.parametrize(
    "cells", [{"msdyn_startdatetime": DAY + timedelta(days=30)}, {"msdyn_adjustmentstatus": 192350001}]
)
def test_what_was_left_out_and_is_billed_all_the_same_is_a_mistake(world: World, cells: dict[str, Any]) -> None:
    ready(world)
    ready(world, **cells)
    bills(world)
    assert kinds(world.command(command())[0]) == ("created-differs", {"not-due"})


def test_what_was_billed_before_and_is_billed_again_is_billed_twice(world: World) -> None:
    first = Reference("msdyn_actual", ready(world))
    give(world, command(ONE))
    world.dataverse.later(seconds=5)
    bills(world, first, Reference("msdyn_actual", ready(world)))
    assert kinds(world.command(command(TWO))[0]) == ("created-differs", {"twice"})


def test_a_row_of_another_contract_is_a_mistake(world: World) -> None:
    other = new("salesorder", 500)
    world.dataverse.put(other, name="Other", customerid=OTHER_CUSTOMER, msdyn_ordertype=192350001)
    foreign = ready(world, msdyn_salescontract=other, msdyn_accountcustomer=OTHER_CUSTOMER)
    bills(world, Reference("msdyn_actual", ready(world)), Reference("msdyn_actual", foreign))
    assert kinds(world.command(command())[0]) == ("created-differs", {"not-due"})


def test_an_invoice_by_schedule_that_goes_beyond_its_run_is_a_mistake(world: World) -> None:
    """It takes what is dated the day after the cut-off, and work on a line without a schedule."""
    due, db = Due(world), world.dataverse
    contract = due.contract(0, TODAY)
    (planned,) = db.rows.of("msdyn_actual")
    other = new("salesorderdetail", 300)
    db.put(other, **World.line_of(PROJECT, contract, salesorderdetailname="No schedule"))
    cells = {name: value for name, value in db.get(planned).items() if name.startswith(("msdyn", "trans"))}
    on_other = cells | {"msdyn_salescontractlineid": other, "msdyn_amount": Decimal(7), "msdyn_price": Decimal(7)}
    db.put(world.fresh("msdyn_actual"), **on_other)
    db.put(world.fresh("msdyn_actual"), **(cells | {"msdyn_startdatetime": midnight(TODAY)}))
    bills(world, action=due_facts.ACTION)
    (run,) = runs(due.sweep())
    assert run["outcome"] == "created-differs"
    told = [one["why"] for one in run["differences"] if one["kind"] == "not-due"]
    assert len(told) == 2
    assert any("cut-off" in why for why in told)


def test_a_run_is_recorded_where_the_expectation_finds_its_bounds() -> None:
    assert due_facts.NOTED == RUN
