"""What is due is held against the ceilings when it is found, when it is taken up again, and at each call."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from connector.dataverse.changes import Reference
from connector.errors import Throttled, Transient
from handlers.due_invoices import DueInvoices
from handlers.fixed_point import FixedPoint, Outcome, Settled, Unsettled
from handlers.invoicing import InvoicingHandler
from handlers.recorded import InvoiceCalls, Mode
from mappings.acting import Acting
from mappings.acting import Mode as ActingMode
from mappings.ceiling import Ceiling
from tests.handlers.test_due_invoices import COMMAND, TODAY, Due, midnight, runs, words
from tests.handlers.world import CUSTOMER, READY, UNBILLED, USD, ZONE, World, new

DOWN = Transient("unreachable", "No route.")
LOW = Ceiling(5, Decimal(300))
CONFIRMED = COMMAND.model_copy(update={"confirmed": True})


@pytest.fixture
def due(world: World) -> Due:
    return Due(world)


def grow(due: Due, contract: Reference, number: int, amount: int = 1000) -> None:
    """One row more has become ready on the only line of a contract."""
    due.world.dataverse.put(
        due.world.fresh("msdyn_actual"),
        msdyn_transactiontypecode=UNBILLED,
        msdyn_billingtype=192350001,
        msdyn_billingstatus=READY,
        msdyn_quantity=Decimal(1),
        msdyn_price=Decimal(amount),
        msdyn_amount=Decimal(amount),
        msdyn_startdatetime=midnight(TODAY - timedelta(days=1)),
        msdyn_accountcustomer=CUSTOMER,
        msdyn_salescontract=contract,
        msdyn_salescontractlineid=new("salesorderdetail", 200 + number),
        transactioncurrencyid=USD,
    )


def test_what_has_grown_since_it_was_found_is_not_invoiced_above_the_ceiling_when_it_comes_again(due: Due) -> None:
    contracts = [due.contract(number, TODAY) for number in range(2)]
    due.trouble[contracts[1]] = DOWN
    assert isinstance(due.sweep(ceiling=LOW), Unsettled)
    due.trouble.clear()
    grow(due, contracts[1], 1)
    created, left = runs(due.sweep(ceiling=LOW))
    assert (created["outcome"], left["outcome"]) == ("created", "refused")
    assert "1,100.00 USD is more than the ceiling of 300. If that is meant, say so" in left["because"]
    assert len(due.world.invoices()) == 1
    assert due.told[-1] == left, "Whoever hears of each run hears of this one, too."


def test_what_grows_before_its_call_is_held_against_the_ceiling_with_what_the_others_take(due: Due) -> None:
    _, second, _ = (due.contract(number, TODAY) for number in range(3))
    grown: list[Reference] = []

    def grows(contract: Reference) -> None:
        if not grown:
            grow(due, second, 1, 50)
            grown.append(second)

    due.before_call = grows
    told = runs(due.sweep(ceiling=LOW))
    # 300.00 was found; of the second 150.00 is ready at last, which is too much with the other two.
    assert [run["outcome"] for run in told] == ["created", "refused", "created"]
    assert "350.00 USD is more than the ceiling of 300." in told[1]["because"]


@pytest.mark.parametrize("confirmed", [True, False])
def test_what_a_person_has_seen_is_invoiced_and_so_is_what_does_not_grow(due: Due, confirmed: bool) -> None:
    contracts = [due.contract(number, TODAY, TODAY - timedelta(days=7)) for number in range(2)]
    due.before_call = lambda contract: grow(due, contracts[1], 1) if confirmed and len(due.called) == 1 else None
    ceiling = LOW if confirmed else Ceiling(4, Decimal(400))
    command = CONFIRMED if confirmed else COMMAND
    assert set(words(due.sweep(command=command, ceiling=ceiling))) == {"created"}


def test_a_person_who_was_disabled_meanwhile_is_told_what_came_of_it_and_nothing_more_is_called_for(due: Due) -> None:
    _, other = (due.contract(number, TODAY) for number in range(2))
    clerk = new("systemuser", 55)
    entra: dict[str, Any] = {"azureactivedirectoryobjectid": UUID(int=77, version=4), "isdisabled": False}
    due.world.dataverse.put(clerk, domainname="clerk", internalemailaddress="clerk", fullname="clerk", **entra)
    due.trouble[other] = DOWN

    def delivered() -> Outcome:
        acting = Acting(ActingMode.USER, ())
        handler = DueInvoices(InvoicingHandler(lambda: due.world.dataverse.rows.now, ZONE, acting))
        return handler.settle([COMMAND], FixedPoint(InvoiceCalls(due, lambda: Mode.FENCE, 4)))[COMMAND]

    first = delivered()
    assert isinstance(first, Unsettled)
    assert first.failure is DOWN
    due.trouble.clear()
    due.world.dataverse.put(clerk, isdisabled=True)
    created, failed = runs(delivered())
    assert (created["outcome"], failed["outcome"]) == ("created", "refused")
    assert "person-disabled" in failed["because"]
    assert len(due.called) == 2


def test_what_dataverse_said_of_one_contract_is_told_rather_than_our_own_wait_for_the_next(due: Due) -> None:
    first, second = (due.contract(number, TODAY) for number in range(2))
    ours = Throttled("own-budget", "Used up.", timedelta(seconds=60))
    due.trouble |= {first: DOWN, second: ours}
    both = due.sweep()
    del due.trouble[first]
    alone = due.sweep()
    assert isinstance(both, Unsettled)
    assert isinstance(alone, Unsettled)
    assert (both.failure, alone.failure) == (DOWN, ours)


def test_runs_with_nothing_ready_keep_none_out_that_has_something(due: Due, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("handlers.due_look.MOST_RUNS", 2)
    for number in range(3):
        old = due.contract(number, TODAY - timedelta(days=60))
        for row, cells in due.world.dataverse.rows.of("msdyn_actual").items():
            if cells["msdyn_salescontract"] == old:
                due.world.dataverse.put(row, **(cells | {"msdyn_billingstatus": None}))
    due.contract(3, TODAY)
    outcome = due.sweep()
    assert sorted(words(outcome)) == ["created", "nothing-to-invoice"]
    assert isinstance(outcome, Settled)
    assert "left" not in outcome.outcome
