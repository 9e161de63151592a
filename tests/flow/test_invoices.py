"""Backlog rows are marked and contracts invoiced once per command, judged by the independent ledger checker."""

from __future__ import annotations

from decimal import Decimal
from functools import partial
from uuid import UUID

from connector.settlement import Complete, DeadLetter, RedeliverAt
from mappings.backlog import Backlog
from mappings.messages import CreateInvoices, MarkReady
from tests.flow.barriers import BeforeCommit, Together, in_background
from tests.flow.world import World, new_id

EIGHT_HOURS_OF_ADA = Decimal("1600.00")


def bill_one_entry(world: World, number: int = 0) -> None:
    """Approve one of Ada's days on C1, write its actuals and mark them ready."""
    entry = world.time("P1", "Ada", number)
    world.approve(entry)
    world.work_on(entry)
    world.command(mark_ready(world))


def mark_ready(world: World, backlog: Backlog = Backlog.TIME_AND_MATERIAL, contract: str = "C1") -> MarkReady:
    return MarkReady(
        command=new_id(), requested_by="clerk", backlog=backlog, contracts=(world.company.contracts[contract],)
    )


def create(world: World, contract: str = "C1", command: UUID | None = None) -> CreateInvoices:
    return CreateInvoices(command=command or new_id(), requested_by="clerk", contract=world.company.contracts[contract])


def test_a_contract_is_invoiced_to_the_cent(world: World) -> None:
    bill_one_entry(world)
    (end,) = world.command(create(world))
    assert isinstance(end, Complete)
    assert world.invoiced("C1") == (1, EIGHT_HOURS_OF_ADA)
    assert world.faults() == []


def test_two_invoice_commands_for_one_contract_at_once_make_one_invoice(world: World) -> None:
    bill_one_entry(world)
    race_two_commands(world)
    assert world.invoiced("C1") == (1, EIGHT_HOURS_OF_ADA)
    assert world.faults() == []


def race_two_commands(world: World) -> None:
    """Two commands, both planned before either may commit, on a product whose action is as racy as in life."""
    world.make_the_action_racy()
    # Both are held before the contract's lease is made, and again before the action.
    together = Together(world.client, 2, commits=2)
    workers = [in_background(partial(world.command, create(world), dataverse=side)) for side in together.sides]
    for worker in workers:
        worker.join(30)
        assert not worker.is_alive()


def test_a_command_delivered_again_after_more_became_ready_does_not_invoice_that_too(world: World) -> None:
    deliver_again_after_more_became_ready(world)
    assert world.invoiced("C1") == (1, EIGHT_HOURS_OF_ADA)
    assert world.faults() == []


def deliver_again_after_more_became_ready(world: World) -> None:
    bill_one_entry(world)
    command = create(world)
    world.command(command)
    bill_one_entry(world, number=1)
    world.command(command)


def test_an_invoice_whose_answer_is_lost_is_found_and_not_made_again(world: World) -> None:
    bill_one_entry(world)
    command = create(world)
    # The first commit gives the contract its lease; the second is the fenced action, and its answer never arrives.
    (end,) = world.command(command, dataverse=BeforeCommit(world.client, world.lose_the_next_answer, commit=2))
    assert world.lost_answers == 1
    assert isinstance(end, RedeliverAt)  # a write that was never answered may land late: one more look, later
    (end,) = world.command(command)
    assert isinstance(end, Complete)
    assert world.invoiced("C1") == (1, EIGHT_HOURS_OF_ADA)
    record = world.attempt(command)
    assert record["outcome"] == "created"
    assert len(record["invoices"]) == 1


def test_nothing_ready_makes_no_invoice_and_the_command_stays_obeyed(world: World) -> None:
    command = create(world)
    (end,) = world.command(command)
    assert isinstance(end, Complete)
    bill_one_entry(world)
    world.command(command)
    assert world.invoiced("C1") == (0, Decimal())
    assert world.attempt(command)["outcome"] == "nothing-to-invoice"


def test_a_contract_that_does_not_exist_is_refused_by_name(world: World) -> None:
    gone = new_id()
    (end,) = world.command(CreateInvoices(command=new_id(), requested_by="clerk", contract=gone))
    assert isinstance(end, DeadLetter)
    assert end.code == "contract-gone"
    assert str(gone) in end.sentence


def test_a_row_invoiced_between_selection_and_marking_is_refused_and_stays_invoiced(world: World) -> None:
    command = invoice_between_selection_and_marking(world)
    (changed,) = world.record(command)["changed"].values()
    assert "draft invoice" in changed
    assert world.faults() == []


def invoice_between_selection_and_marking(world: World) -> MarkReady:
    """A clerk marks and invoices the row after our command has read it, and before it writes."""
    entry = world.time("P1", "Ada")
    world.approve(entry)
    world.work_on(entry)
    command = mark_ready(world)
    (sales,) = [a for a in world.books().live(str(entry.id)) if a["msdyn_transactiontypecode"] == 192350005]

    def clerk_is_faster() -> None:
        world.http("PATCH", f"msdyn_actuals({sales['msdyn_actualid']})", {"msdyn_billingstatus": 192350004})
        contract = world.company.contracts["C1"]
        world.http("POST", f"salesorders({contract})/Microsoft.Dynamics.CRM.msdyn_NewInvoiceContract")

    # The first commit writes down the selection; the clerk comes in before the second, which marks.
    world.command(command, dataverse=BeforeCommit(world.client, clerk_is_faster, commit=2))
    return command
