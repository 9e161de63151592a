"""Invoices that somebody else is named as the creator of, and those of several customers: whose are they?"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from typing import Any, cast

import pytest

from connector.dataverse.changes import Reference
from handlers.fixed_point import FixedPoint, Settled, Unsettled
from handlers.invoicing import ACTION, InvoicingHandler
from handlers.recorded import InvoiceCalls, Mode
from tests.handlers.fake_dataverse import Rows, calls_an_action
from tests.handlers.invoice_drawn_up import draw_up
from tests.handlers.test_invoicing import brought, command, give, ready
from tests.handlers.world import CONTRACT, CUSTOMER, LINE, MANAGER, OTHER_CUSTOMER, READY, ZONE, World, new

SYSTEM = new("systemuser", 41)
MILESTONE = "msdyn_contractlinescheduleofvalue"


def milestone(world: World) -> None:
    """5,000, ready to be invoiced."""
    values = {"msdyn_contractlineid": LINE, "msdyn_contract": CONTRACT, "msdyn_amount": Decimal(5000)}
    world.dataverse.put(world.fresh(MILESTONE), msdyn_invoicestatus=192350001, **values)


def product(world: World) -> None:
    """A product of 300, ready to be invoiced."""
    values: dict[str, Any] = {"salesorderid": CONTRACT, "producttypecode": 1, "extendedamount": Decimal(300)}
    values |= {"quantity": Decimal(1), "priceperunit": Decimal(300), "msdyn_billingstatus": READY}
    world.dataverse.put(world.fresh("salesorderdetail"), **values)


def made_by(world: World, user: Reference, name: str) -> None:
    """Whatever the product is called for, it says that this user created it."""
    world.dataverse.put(user, fullname=name)
    action = world.dataverse.actions[ACTION]

    def by_user(rows: Rows, contract: Reference) -> Reference | None:
        made = action(rows, contract)
        assert made is not None
        rows.put(made, {"createdby": user})
        return made

    world.dataverse.actions[ACTION] = by_user


@pytest.mark.parametrize("prepare", [ready, milestone, product])
def test_an_invoice_that_the_system_created_is_recognised_by_the_rows_it_took(
    world: World, prepare: Callable[[World], object]
) -> None:
    prepare(world)
    made_by(world, SYSTEM, "SYSTEM")
    assert give(world, command()) == [("created", [invoice.id for invoice in world.invoices()])]


def test_what_a_colleague_made_of_the_rows_is_theirs_although_the_product_said_that_it_was_done(world: World) -> None:
    """The schedule action finds nothing any more in that case, and says that all is well."""
    ready(world)
    made_by(world, MANAGER, "Grace")
    (outcome,) = world.command(command())
    assert brought(outcome) == ("nothing-to-invoice", [])
    assert isinstance(outcome, Settled)
    assert outcome.outcome["because"] == "Everything that was ready is on invoice INV-00001 of Grace."


def test_an_invoice_that_is_seen_later_than_the_rows_it_moved_is_waited_for(world: World) -> None:
    ready(world)
    hidden: dict[Reference, Any] = {}

    def hide() -> None:
        for invoice in world.invoices():
            hidden[invoice] = world.dataverse.rows.cells.pop(invoice)

    world.dataverse.after_commit = [lambda: None, hide]
    (outcome,) = world.command(command())
    assert isinstance(outcome, Unsettled)
    assert outcome.failure.code == "not-yet"
    world.dataverse.rows.cells |= hidden
    assert give(world, command()) == [("created", [invoice.id for invoice in hidden])]


@pytest.mark.parametrize("mode", Mode)
def test_where_the_product_makes_one_for_each_customer_all_of_them_are_told(world: World, mode: Mode) -> None:
    """The second customer's has a milestone alone, and the third's a row that was marked ready meanwhile."""
    actual = Reference("msdyn_actual", ready(world))
    milestone(world)

    def one_for_each(rows: Rows, contract: Reference) -> None:
        late = world.fresh("msdyn_actual")
        rows.put(late, rows.cells[actual] | {"msdyn_amount": Decimal(80)})
        parts = [[actual], list(rows.of(MILESTONE)), [late]]
        for taken, customer in zip(parts, (CUSTOMER, OTHER_CUSTOMER, new("account", 77)), strict=True):
            invoice = world.fresh("invoice")
            rows.put(invoice, {"salesorderid": contract, "customerid": customer, "invoicenumber": str(invoice.id)})
            draw_up(rows, invoice, contract, taken, world.fresh)

    world.dataverse.actions[ACTION] = one_for_each
    handler = InvoicingHandler(lambda: world.dataverse.rows.now, ZONE, several=True)
    (outcome,) = FixedPoint(InvoiceCalls(world.dataverse, lambda: mode)).settle(handler, [command()]).values()
    assert brought(outcome)[1] == [invoice.id for invoice in world.invoices()]
    assert isinstance(outcome, Settled)
    assert outcome.outcome["total"] == "6680"
    told = cast(list[dict[str, str]], outcome.outcome["differences"])
    assert [(one["kind"], one["found"]) for one in told if one["kind"] == "grew"] == [("grew", "80.00")]


def test_a_milestone_that_nothing_ties_to_its_detail_is_recognised_though_the_call_was_not_answered(
    world: World,
) -> None:
    milestone(world)
    action = world.dataverse.actions[ACTION]

    def untied(rows: Rows, contract: Reference) -> Reference | None:
        made = action(rows, contract)
        for tie in rows.of("msdyn_transactionorigin"):
            del rows.cells[tie]
        return made

    world.dataverse.actions[ACTION] = untied
    world.dataverse.lose_the_answer(calls_an_action)
    (outcome,) = world.command(command(), through=InvoiceCalls(world.dataverse, lambda: Mode.RECORDED))
    assert brought(outcome) == ("created", [invoice.id for invoice in world.invoices()])


@pytest.mark.parametrize("prepare", [ready, milestone, product])
@pytest.mark.parametrize("is_earlier", [False, True])
def test_what_a_colleague_invoiced_and_confirmed_before_we_looked_is_theirs(
    world: World, prepare: Callable[[World], object], is_earlier: bool
) -> None:
    """Their invoice may even be older than our call, if the product found nothing and said that all is well."""
    prepare(world)
    made_by(world, MANAGER, "Grace")
    action = world.dataverse.actions[ACTION]

    def confirmed(rows: Rows, contract: Reference) -> None:
        made = action(rows, contract)
        assert made is not None
        rows.put(made, {"msdyn_projectinvoicestatus": 192350002})
        for row in rows.of(MILESTONE):
            rows.put(row, {"msdyn_invoicestatus": 192350003})
        for row, cells in rows.of("salesorderdetail").items():
            if cells["producttypecode"] == 1:
                rows.put(row, {"msdyn_billingstatus": 192350002})
        if is_earlier:
            rows.cells[made]["createdon"] -= timedelta(seconds=3)

    world.dataverse.actions[ACTION] = confirmed
    (outcome,) = world.command(command())
    assert brought(outcome) == ("nothing-to-invoice", [])
    assert isinstance(outcome, Settled)
    assert "INV-00001 of Grace" in str(outcome.outcome["because"])
