"""A contract is invoiced once per command, whoever else is at it and whatever gets lost."""

from __future__ import annotations

import json
from datetime import timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from connector.dataverse.changes import Call, Create, Reference, Update
from connector.errors import Conflict, Rejected, Transient, UnknownOutcome
from handlers.fixed_point import Outcome, Settled, Unsettled
from handlers.invoicing import invoices_of
from mappings import keys
from mappings.messages import CreateInvoices
from tests.handlers.fake_dataverse import Stalled, calls_an_action
from tests.handlers.test_readiness import sales
from tests.handlers.world import CONTRACT, READY, World

ONE, TWO = UUID("33333333-3333-4333-8333-333333333333"), UUID("44444444-4444-4444-8444-444444444444")
COMMANDS = "psac_command"


def command(id: UUID = ONE, contract: Reference = CONTRACT) -> CreateInvoices:
    """Invoice the contract."""
    return CreateInvoices(command=id, requested_by="ada@fabrikam.com", contract=contract.id)


def ready(world: World, **cells: Any) -> UUID:
    """An unbilled sales actual of 1,600 that is ready."""
    return sales(world, **({"msdyn_billingstatus": READY} | cells))


def brought(outcome: Outcome) -> tuple[str, list[UUID]]:
    """What a command brought, and the invoices it names."""
    assert isinstance(outcome, Settled), outcome
    return str(outcome.outcome["outcome"]), invoices_of(outcome.outcome)


def give(world: World, *commands: CreateInvoices, through: Any = None) -> list[tuple[str, list[UUID]]]:
    """Give commands and say what they brought."""
    return [brought(outcome) for outcome in world.command(*commands, through=through)]


def test_everything_ready_becomes_one_invoice_that_is_named_with_what_was_expected(world: World) -> None:
    ready(world)
    ready(world, msdyn_amount=Decimal(400), msdyn_billingtype=192350000)
    (outcome,) = world.command(command())
    (invoice,) = world.invoices()
    assert brought(outcome) == ("created", [invoice.id])
    assert isinstance(outcome, Settled)
    assert (outcome.outcome["expected_total"], outcome.outcome["rows"]) == ("1600", 2)


def test_attempt_claim_lease_and_call_are_one_change_set_in_this_order(world: World) -> None:
    ready(world)
    give(world, command())
    (fence,) = [one for one in world.dataverse.committed if calls_an_action(one)]
    attempt, claim, lease, call = fence.changes
    assert isinstance(claim, Create)
    assert (claim.row, claim.values["psac_subject"]) == (Reference(COMMANDS, keys.claim_id(ONE)), str(CONTRACT.id))
    assert isinstance(attempt, Create)
    assert attempt.row == Reference(COMMANDS, keys.attempt_id(CONTRACT.id, ONE))
    assert isinstance(lease, Update)
    assert lease.row == Reference(COMMANDS, keys.lease_id(CONTRACT.id))
    assert isinstance(call, Call)
    assert (call.action, call.bound_to) == ("msdyn_NewInvoiceContract", CONTRACT)


def test_five_deliveries_of_a_command_make_one_invoice_and_answer_the_same(world: World) -> None:
    ready(world)
    first = give(world, command())
    ready(world)
    assert [give(world, command()) for _ in range(4)] == [first] * 4
    assert (len(world.invoices()), world.dataverse.calls()) == (1, 1)


def test_two_commands_in_one_batch_make_one_invoice(world: World) -> None:
    ready(world)
    outcomes = give(world, command(ONE), command(TWO))
    assert sorted(word for word, _ in outcomes) == ["created", "nothing-to-invoice"]
    assert (len(world.invoices()), world.dataverse.calls()) == (1, 1)


def test_two_workers_with_two_commands_make_one_invoice(world: World) -> None:
    ready(world)
    world.dataverse.put(
        Reference(COMMANDS, keys.lease_id(CONTRACT.id)), psac_kind="lease", psac_state="held", psac_mark=0
    )
    others: list[tuple[str, list[UUID]]] = []
    stalled = Stalled(world.dataverse, lambda: others.extend(give(world, command(TWO))))
    mine = give(world, command(ONE), through=stalled)
    assert (mine, [word for word, _ in others]) == ([("nothing-to-invoice", [])], ["created"])
    assert (len(world.invoices()), world.dataverse.calls()) == (1, 1)


def test_two_workers_with_one_command_make_one_invoice_and_both_name_it(world: World) -> None:
    ready(world)
    others: list[tuple[str, list[UUID]]] = []
    stalled = Stalled(world.dataverse, lambda: others.extend(give(world, command())))
    assert give(world, command(), through=stalled) == others
    assert (len(world.invoices()), world.dataverse.calls()) == (1, 1)


def test_a_second_command_invoices_what_became_ready_since(world: World) -> None:
    ready(world)
    (first,) = give(world, command(ONE))
    world.dataverse.later(hours=1)
    ready(world)
    (second,) = give(world, command(TWO))
    assert (first[0], second[0]) == ("created", "created")
    assert first[1] != second[1]
    assert give(world, command(ONE)) == [first]


def test_nothing_ready_is_recorded_and_stays_the_answer(world: World) -> None:
    assert give(world, command()) == [("nothing-to-invoice", [])]
    ready(world)
    assert give(world, command()) == [("nothing-to-invoice", [])]
    assert world.dataverse.calls() == 0


def test_what_is_dated_tomorrow_is_left_out_today_and_taken_tomorrow(world: World) -> None:
    ready(world, msdyn_startdatetime=world.dataverse.rows.now + timedelta(days=1))
    assert give(world, command(ONE)) == [("nothing-to-invoice", [])]
    world.dataverse.later(days=1)
    assert give(world, command(TWO))[0][0] == "created"


def test_what_is_dated_later_today_is_taken_today(world: World) -> None:
    ready(world, msdyn_startdatetime=world.dataverse.rows.now + timedelta(hours=9))
    assert give(world, command())[0][0] == "created"


def test_a_colleague_who_was_faster_leaves_nothing_to_invoice(world: World) -> None:
    ready(world)
    give(world, command(UUID(int=7)))
    ready(world)
    stalled = Stalled(world.dataverse, world.invoice_by_hand)
    assert give(world, command(), through=stalled) == [("nothing-to-invoice", [])]
    assert len(world.invoices()) == 2


def test_a_lost_answer_is_looked_up_and_the_action_never_called_again(world: World) -> None:
    ready(world)
    world.dataverse.lose_the_answer(calls_an_action)
    (outcome,) = give(world, command())
    (invoice,) = world.invoices()
    assert outcome == ("created", [invoice.id])
    assert world.dataverse.calls() == 1


@pytest.mark.parametrize("which", range(3))
def test_whichever_answer_is_lost_there_is_one_invoice(world: World, which: int) -> None:
    ready(world)
    seen: list[object] = []

    def this_one(change_set: object) -> bool:
        seen.append(change_set)
        return len(seen) == which + 1

    world.dataverse.lose_the_answer(this_one)
    assert give(world, command())[0][0] == "created"
    assert (len(world.invoices()), world.dataverse.calls()) == (1, 1)


def test_a_worker_that_died_after_the_call_leaves_an_attempt_that_the_next_delivery_reports(world: World) -> None:
    ready(world)
    written_down = Reference(COMMANDS, keys.attempt_id(CONTRACT.id, ONE))
    world.dataverse.fail(
        Transient("gone", "The process ended."),
        lambda one: isinstance(one.changes[0], Update) and one.changes[0].row == written_down,
    )
    (dead,) = world.command(command())
    assert isinstance(dead, Unsettled)
    assert world.dataverse.get(written_down)["psac_state"] == "called"
    (outcome,) = give(world, command())
    assert outcome == ("created", [invoice.id for invoice in world.invoices()])
    assert world.dataverse.calls() == 1


def test_a_refusal_of_the_product_is_handed_on_written_down_and_stays_the_answer(world: World) -> None:
    ready(world)
    world.dataverse.fail(Rejected("0x80048306", "The contract is closed."), calls_an_action)
    for _ in range(2):
        (outcome,) = world.command(command())
        assert isinstance(outcome, Unsettled)
        assert isinstance(outcome.failure, Rejected)
        assert outcome.failure.code == "0x80048306"
        assert "The contract is closed." in outcome.failure.sentence
    assert not world.invoices()
    written_down = world.dataverse.get(Reference(COMMANDS, keys.attempt_id(CONTRACT.id, ONE)))
    assert json.loads(written_down["psac_outcome"])["outcome"] == "refused"
    assert give(world, command(TWO))[0][0] == "created"


def test_an_outcome_that_stays_unknown_is_in_doubt_until_looked_up(world: World) -> None:
    ready(world)
    world.dataverse.fail(UnknownOutcome("lost", "Lost."), calls_an_action, times=2)
    (outcome,) = world.command(command())
    assert isinstance(outcome, Unsettled)
    assert isinstance(outcome.failure, UnknownOutcome)
    assert not world.invoices()


def test_a_contract_that_can_not_be_read_is_refused(world: World) -> None:
    (outcome,) = world.command(command(contract=world.fresh("salesorder")))
    assert isinstance(outcome, Unsettled)
    assert outcome.failure.code == "contract-gone"
    assert not world.dataverse.committed


def test_a_lease_that_always_moves_ends_in_a_conflict_that_names_it(world: World) -> None:
    ready(world)
    lease = f"{COMMANDS}({keys.lease_id(CONTRACT.id)})"
    world.dataverse.fail(Conflict("changed", "Changed.", lease), calls_an_action, times=99)
    (outcome,) = world.command(command())
    assert isinstance(outcome, Unsettled)
    assert isinstance(outcome.failure, Conflict)
    assert outcome.failure.record == lease
    assert not world.invoices()


def test_contracts_do_not_disturb_each_other(world: World) -> None:
    other = world.fresh("salesorder")
    world.dataverse.put(other, name="Contoso")
    ready(world)
    ready(world, contract=other)
    outcomes = give(world, command(ONE), command(TWO, other))
    assert [word for word, _ in outcomes] == ["created", "created"]
    assert {cells["salesorderid"] for cells in world.invoices().values()} == {CONTRACT, other}
