"""Calls on one contract are told apart by when they were made, by what they took, and by what the product answered."""

from __future__ import annotations

import json
from datetime import timedelta
from uuid import UUID

import pytest

from connector.dataverse.changes import ChangeSet, Reference
from connector.errors import Throttled, Transient
from handlers.fixed_point import FixedPoint, Outcome, Settled
from handlers.invoicing import ACTION, InvoicingHandler
from handlers.recorded import InvoiceCalls, Mode
from mappings import keys
from mappings.messages import CreateInvoices
from tests.handlers.fake_dataverse import Rows, calls_an_action
from tests.handlers.test_invoices_by_others import made_by
from tests.handlers.test_invoicing import COMMANDS, ONE, TWO, brought, command, give, ready
from tests.handlers.world import CONTRACT, CUSTOMER, MANAGER, OTHER_CUSTOMER, ZONE, World

EARLIER, THREE = UUID(int=9, version=4), UUID("55555555-5555-4555-8555-555555555555")


def recorded(world: World) -> InvoiceCalls:
    return InvoiceCalls(world.dataverse, lambda: Mode.RECORDED)


class Dies:
    """A worker that is gone as soon as its call was made."""

    def __init__(self, world: World) -> None:
        self._world = world

    def __enter__(self) -> None:
        dataverse = self._world.dataverse
        commit = dataverse.commit
        self._commit, called = commit, False

        def dying(change_sets: list[ChangeSet]) -> object:
            nonlocal called
            outcomes = commit(change_sets)
            if called or (len(change_sets[0].changes) > 1 and calls_an_action(change_sets[0])):
                dataverse.query_faults.append(Transient("gone", "The process ended."))
                called = False
            else:
                called = calls_an_action(change_sets[0])
            return outcomes

        dataverse.commit = dying  # type: ignore[method-assign,assignment]

    def __exit__(self, *_: object) -> None:
        self._world.dataverse.commit = self._commit  # type: ignore[method-assign]


def take_back(world: World, row: UUID, invoice: Reference) -> None:
    """Somebody deletes an invoice, and takes back the row that was on it."""
    cells = world.dataverse.rows.cells
    del cells[invoice]
    ties = world.dataverse.rows.of("msdyn_transactionconnection").items()
    for tie in [tie for tie, held in ties if held["msdyn_transaction2"] == str(row)]:
        del cells[tie]
    world.dataverse.put(Reference("msdyn_actual", row), msdyn_billingstatus=None)


def test_an_invoice_is_told_by_the_next_call_though_marks_have_a_gap(world: World) -> None:
    """One called and died; two was withdrawn; three called and died; two called again, under a later mark."""
    db, through = world.dataverse, recorded(world)
    ready(world)
    give(world, command(EARLIER), through=through)
    db.later(hours=1)
    row = ready(world)
    with Dies(world):
        world.command(command(ONE), through=through)
    take_back(world, row, list(world.invoices())[-1])
    db.later(hours=1)
    ready(world)
    db.fail(Throttled("throttled", "Wait.", timedelta(seconds=1)), calls_an_action)
    world.command(command(TWO), through=through)
    db.later(minutes=1)
    with Dies(world):
        world.command(command(THREE), through=through)
    db.later(minutes=1)
    ready(world)
    (second,) = give(world, command(TWO), through=through)
    db.later(hours=1)
    words = [give(world, command(id), through=through)[0] for id in (ONE, THREE)]
    assert [word for word, _ in words] == ["created-and-gone", "created"]
    assert set(words[1][1]).isdisjoint(second[1])


def test_marks_that_begin_anew_after_the_lease_was_deleted_keep_nobody_from_their_invoice(world: World) -> None:
    db, through = world.dataverse, recorded(world)
    for id in (ONE, TWO):
        ready(world)
        give(world, command(id), through=through)
        db.later(days=1)
    del db.rows.cells[Reference(COMMANDS, keys.lease_id(CONTRACT.id))]
    ready(world)
    action = db.actions[ACTION]

    def slow(rows: Rows, contract: Reference) -> Reference | None:
        rows.now += timedelta(seconds=5)
        return action(rows, contract)

    db.actions[ACTION] = slow
    assert give(world, command(THREE), through=through) == [("created", [list(world.invoices())[-1].id])]


def each(world: World, *commands: CreateInvoices, mode: Mode = Mode.FENCE) -> list[Outcome]:
    """Commands where the product makes an invoice for each customer."""
    handler = InvoicingHandler(lambda: world.dataverse.rows.now, ZONE, several=True)
    return list(FixedPoint(InvoiceCalls(world.dataverse, lambda: mode)).settle(handler, list(commands)).values())


def test_of_two_calls_within_a_second_neither_claims_the_others_invoice(world: World) -> None:
    for id in (ONE, TWO):
        ready(world)
        with Dies(world):
            each(world, command(id))
    one, two = (brought(each(world, command(id))[0]) for id in (ONE, TWO))
    assert (one[0], two[0]) == ("created", "created")
    assert [*one[1], *two[1]] == [invoice.id for invoice in world.invoices()]


@pytest.mark.parametrize("customer", [CUSTOMER, OTHER_CUSTOMER])
def test_what_the_same_person_makes_by_hand_later_is_no_other_customers(world: World, customer: Reference) -> None:
    ready(world)
    with Dies(world):
        each(world, command(ONE))
    (ours,) = world.invoices()
    world.dataverse.put(ours, customerid=CUSTOMER)
    world.dataverse.later(minutes=20)
    ready(world)
    world.invoice_by_hand(user=world.dataverse.rows.user)
    world.dataverse.put(list(world.invoices())[-1], customerid=customer)
    assert brought(each(world, command(ONE))[0]) == ("created", [ours.id])


def test_the_invoice_the_product_answered_with_is_written_down_and_ours_whoever_is_named_as_its_creator(
    world: World,
) -> None:
    ready(world)
    made_by(world, MANAGER, "CRM Admin")
    with Dies(world):
        world.command(command(), through=recorded(world))
    (invoice,) = world.invoices()
    attempt = world.dataverse.get(Reference(COMMANDS, keys.attempt_id(CONTRACT.id, ONE)))
    assert json.loads(attempt["psac_outcome"])["invoices"] == [{"id": str(invoice.id), "number": None, "name": None}]
    assert give(world, command(), through=recorded(world)) == [("created", [invoice.id])]


def test_what_came_of_a_command_is_told_though_its_contract_can_not_be_read_any_more(world: World) -> None:
    ready(world)
    first = give(world, command())
    del world.dataverse.rows.cells[CONTRACT]
    (outcome,) = world.command(command())
    assert isinstance(outcome, Settled)
    assert [brought(outcome)] == first
