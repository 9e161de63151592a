"""The id of a command to invoice stands for one contract; and what is told where somebody else was faster."""

from __future__ import annotations

import pytest

from connector.dataverse.changes import Committed, Reference
from connector.envelope import Envelope
from connector.settlement import DeadLetter
from handlers.fence import lease_for
from handlers.fixed_point import Outcome, Settled
from handlers.given_up import GivenUp
from handlers.recorded import InvoiceCalls, Mode
from handlers.replies import Ended
from tests.handlers.fake_dataverse import Stalled
from tests.handlers.judging import refused
from tests.handlers.test_invoicing import ONE, TWO, brought, command, give, ready
from tests.handlers.world import CONTRACT, CUSTOMER, MANAGER, USD, World, new

OTHER = new("salesorder", 600)


def give_leases(world: World) -> None:
    """As a command before this one has left them."""
    commits = [lease_for(command(TWO, contract)) for contract in (CONTRACT, OTHER)]
    assert all(isinstance(one, Committed) for one in world.dataverse.commit(commits))


def also(world: World) -> None:
    """Another contract with something to invoice."""
    cells = {"name": "Other", "ordernumber": "O", "customerid": CUSTOMER, "msdyn_ordertype": 192350001}
    world.dataverse.put(OTHER, transactioncurrencyid=USD, **cells)
    ready(world)
    ready(world, msdyn_salescontract=OTHER)


def test_a_command_given_again_for_another_contract_is_refused_before_anything_is_called(world: World) -> None:
    also(world)
    first = give(world, command())
    (again,) = world.command(command(contract=OTHER))
    assert refused(again).code == "command-id-reused"
    put_aside = DeadLetter("command-id-reused", refused(again).sentence)
    envelope = Envelope("m", b"", "application/json", queue="commands")
    GivenUp(world.dataverse).answer([Ended(envelope, command(contract=OTHER), put_aside, {})])
    (again,) = world.command(command(contract=OTHER))
    assert refused(again).code == "command-id-reused", "sent again from the dead letters"
    assert (give(world, command()), world.dataverse.calls()) == (first, 1)


def test_of_two_contracts_under_one_id_in_one_batch_one_is_invoiced(world: World) -> None:
    also(world)
    one, other = world.command(command(), command(contract=OTHER))
    assert brought(one)[0] == "created"
    assert refused(other).code == "command-id-reused"
    assert world.dataverse.calls() == 1


@pytest.mark.parametrize("mode", list(Mode))
def test_of_two_contracts_under_one_id_in_two_batches_at_the_same_moment_one_is_invoiced(
    world: World, mode: Mode
) -> None:
    """Both have read that the id was never given before either of them writes."""
    also(world)
    others: list[Outcome] = []

    def meanwhile() -> None:
        others.extend(world.command(command(contract=OTHER), through=InvoiceCalls(world.dataverse, lambda: mode)))

    # The first commit only gives the contract its lease.
    give_leases(world)
    (outcome,) = world.command(command(), through=InvoiceCalls(Stalled(world.dataverse, meanwhile), lambda: mode))
    assert brought(others[0])[0] == "created"
    assert refused(outcome).code == "command-id-reused"
    assert world.dataverse.calls() == 1


def test_whoever_finds_nothing_ready_any_more_is_told_who_was_faster(world: World) -> None:
    ready(world)
    world.dataverse.put(MANAGER, fullname="Grace")
    world.dataverse.rows.user = MANAGER
    give(world, command(TWO))
    (outcome,) = world.command(command(ONE))
    assert isinstance(outcome, Settled)
    (invoice,) = world.invoices()
    number = world.dataverse.get(Reference("invoice", invoice.id)).get("invoicenumber")
    assert outcome.outcome["because"] == f"It was invoiced just now: invoice {number} of Grace."
    assert outcome.outcome["outcome"] == "nothing-to-invoice"


def test_an_invoice_from_before_is_no_news(world: World) -> None:
    ready(world)
    give(world, command(TWO))
    world.dataverse.later(hours=2)
    (outcome,) = world.command(command(ONE))
    assert isinstance(outcome, Settled)
    assert "because" not in outcome.outcome


def test_more_rows_than_can_be_recorded_are_refused_in_words_before_the_call(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("handlers.command_record.LONGEST", 100)
    ready(world)
    (outcome,) = world.command(command())
    assert refused(outcome).code == "too-many-rows"
    assert world.dataverse.calls() == 0
