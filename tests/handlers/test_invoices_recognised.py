"""Which invoice came of which command, told from what colleagues make beside it."""

from __future__ import annotations

from decimal import Decimal
from uuid import UUID

from connector.dataverse.changes import Reference
from handlers.fixed_point import Settled, Unsettled
from tests.handlers.fake_dataverse import SERVICE
from tests.handlers.test_invoicing import brought, command, give, ready
from tests.handlers.world import CONTRACT, LINE, World


def test_a_colleagues_invoice_is_not_taken_for_ours(world: World) -> None:
    ready(world)
    give(world, command(UUID(int=7)))
    theirs = ready(world)
    world.invoice_by_hand()
    ready(world)
    (mine,) = give(world, command())
    (invoice,) = mine[1]
    details = world.dataverse.rows.of("msdyn_transactionconnection").values()
    its_detail = next(c["msdyn_transaction1"] for c in details if c["msdyn_transaction2"] == str(theirs))
    detail = world.dataverse.get(Reference("msdyn_invoicelinetransaction", UUID(its_detail)))
    assert detail["msdyn_invoice"].id != invoice


def test_an_invoice_of_milestones_alone_is_recognised_by_contract_creator_and_time(world: World) -> None:
    milestone = world.fresh("msdyn_contractlinescheduleofvalue")
    world.dataverse.put(milestone, msdyn_contract=CONTRACT, msdyn_invoicestatus=192350001, msdyn_amount=Decimal(5000))
    world.invoice_by_hand()
    (credited,) = world.invoices()
    world.dataverse.put(credited, msdyn_projectinvoicestatus=192350002)
    world.dataverse.put(milestone, msdyn_invoicestatus=192350001)
    world.dataverse.later(minutes=1)
    (outcome,) = give(world, command())
    (mine,) = [row for row, cells in world.invoices().items() if cells["createdby"] == SERVICE]
    assert outcome == ("created", [mine.id])


def test_a_colleagues_invoice_of_milestones_right_after_ours_is_not_named(world: World) -> None:
    milestone = world.fresh("msdyn_contractlinescheduleofvalue")
    values = {"msdyn_contract": CONTRACT, "msdyn_amount": Decimal(5000)}
    world.dataverse.put(milestone, msdyn_invoicestatus=192350001, **values)

    def a_colleague() -> None:
        world.dataverse.put(milestone, msdyn_invoicestatus=192350001)
        world.invoice_by_hand()

    world.dataverse.after_commit = [lambda: None, a_colleague]
    (outcome,) = give(world, command())
    (mine,) = [row for row, cells in world.invoices().items() if cells["createdby"] == SERVICE]
    assert len(world.invoices()) == 2
    assert outcome == ("created-differs", [mine.id])  # the milestone stands on both


def test_an_invoice_deleted_before_it_was_reported_is_said_to_be_gone(world: World) -> None:
    ready(world)

    def delete() -> None:
        for invoice in world.invoices():
            del world.dataverse.rows.cells[invoice]

    world.dataverse.after_commit = [lambda: None, delete]
    (outcome,) = world.command(command())
    assert isinstance(outcome, Unsettled), "it may still come: the product may work on after its answer"
    assert outcome.failure.code == "not-yet"
    world.dataverse.later(minutes=31)
    (outcome,) = world.command(command())
    assert brought(outcome) == ("created-and-gone", [])
    assert isinstance(outcome, Settled)
    assert "its invoice is not there" in str(outcome.outcome["because"])
    assert world.dataverse.calls() == 1


def test_ids_kept_as_text_are_read_in_any_spelling(world: World) -> None:
    ready(world)

    def spell_otherwise() -> None:
        for cells in world.dataverse.rows.of("msdyn_transactionconnection").values():
            cells["msdyn_transaction1"] = cells["msdyn_transaction1"].upper()
            cells["msdyn_transaction2"] = cells["msdyn_transaction2"].upper()

    world.dataverse.after_commit = [lambda: None, spell_otherwise]
    assert give(world, command()) == [("created", [invoice.id for invoice in world.invoices()])]


def test_a_milestone_that_names_only_its_contract_line_is_invoiced_with_the_lines_contract(world: World) -> None:
    milestone = world.fresh("msdyn_contractlinescheduleofvalue")
    world.dataverse.put(milestone, msdyn_contractlineid=LINE, msdyn_invoicestatus=192350001, msdyn_amount=Decimal(5000))
    (outcome,) = world.command(command())
    assert isinstance(outcome, Settled)
    assert (outcome.outcome["outcome"], outcome.outcome["expected_total"]) == ("created", "5000")
    assert world.dataverse.get(milestone)["msdyn_invoicestatus"] == 192350002


def test_a_product_is_expected_at_what_it_costs_before_tax(world: World) -> None:
    """300 and 60 tax: the line's extended amount is 360, and the invoice's amounts are before tax."""
    product = world.fresh("salesorderdetail")
    world.dataverse.put(
        product,
        salesorderid=CONTRACT,
        producttypecode=1,
        msdyn_billingstatus=192350004,
        extendedamount=Decimal(360),
        tax=Decimal(60),
    )
    (outcome,) = world.command(command())
    assert isinstance(outcome, Settled)
    assert outcome.outcome["expected_total"] == "300"


def test_two_invoices_of_milestones_in_one_second_are_told_apart(world: World) -> None:
    milestone = world.fresh("msdyn_contractlinescheduleofvalue")
    ready_one = {"msdyn_contract": CONTRACT, "msdyn_amount": Decimal(5000), "msdyn_invoicestatus": 192350001}
    world.dataverse.put(milestone, **ready_one)
    (first,) = give(world, command(UUID(int=7)))
    world.dataverse.put(world.fresh("msdyn_contractlinescheduleofvalue"), **ready_one)
    (second,) = give(world, command())
    assert (first[0], second[0]) == ("created", "created")
    assert len(first[1]) == len(second[1]) == 1
    assert first[1] != second[1]
