"""An entry's ledger follows its approval, whatever came and however often."""

from __future__ import annotations

from decimal import Decimal

import pytest

from handlers.fixed_point import Unsettled
from handlers.rows import reference
from mappings import keys
from mappings.tables import Ref
from tests.handlers.judging import EIGHT_HOURS, refused
from tests.handlers.world import (
    APPROVED_ON,
    CHARGEABLE,
    CONTRACT,
    COST,
    CUSTOMER,
    DAY,
    INDIA,
    INTERNAL,
    LINE,
    NON_CHARGEABLE,
    PROJECT,
    UNBILLED,
    USD,
    World,
)


def test_an_approved_entry_gets_its_cost_its_sales_their_origins_and_their_connection(world: World) -> None:
    entry = world.approved()
    assert world.settled(entry).commits == 1
    assert world.live(entry) == EIGHT_HOURS
    cost = keys.row_id(entry.id, 0, "cost")
    sales = keys.row_id(entry.id, 0, f"sales/chargeable/{CUSTOMER.id}")
    assert {row.id for row in world.actuals()} == {cost, sales}
    origins = world.dataverse.rows.of("msdyn_transactionorigin").values()
    assert {cells["msdyn_transaction"] for cells in origins} == {str(cost), str(sales)}
    (connection,) = world.dataverse.rows.of("msdyn_transactionconnection").values()
    ends = [connection[f"msdyn_transaction{end}"] for end in ("1", "1role", "2", "2role")]
    assert ends == [str(sales), "Unbilled Sales", str(cost), "Cost"]


def test_five_deliveries_write_what_one_does(world: World) -> None:
    entry = world.approved()
    for _ in range(5):
        world.settled(entry)
    assert len(world.actuals()) == 2
    assert len(world.dataverse.committed) == 1


def test_a_cut_entry_is_split(world: World) -> None:
    entry = world.submit()
    world.approve(entry, msdyn_salesquantity=Decimal(6))
    world.settled(entry)
    assert world.live(entry) == [
        (COST, CHARGEABLE, "8.00", "800.00"),
        (UNBILLED, NON_CHARGEABLE, "2.00", "400.00"),
        (UNBILLED, CHARGEABLE, "6.00", "1200.00"),
    ]


def test_many_entries_cost_a_constant_number_of_requests(world: World) -> None:
    world.settle(world.approved())
    alone = len(world.dataverse.requests)
    world.dataverse.requests.clear()
    world.settle(*(world.approved() for _ in range(20)))
    assert len(world.dataverse.requests) == alone
    assert len(world.actuals()) == 42


def test_a_cancelled_approval_is_taken_back_to_the_cent(world: World) -> None:
    entry = world.approved()
    world.settled(entry)
    world.cancel(entry)
    world.settled(entry)
    assert (world.net(entry, COST), world.net(entry, UNBILLED)) == (Decimal(0), Decimal(0))
    assert world.live(entry) == []
    statuses = sorted(
        (c["msdyn_quantity"], c["msdyn_adjustmentstatus"], c["msdyn_billingstatus"])
        for c in world.actuals(entry).values()
    )
    taken_back, original = (Decimal(-8), 192350002, 192350003), (Decimal(8), 192350001, 192350003)
    assert statuses == [taken_back, taken_back, original, original]


def test_five_cancellations_write_what_one_does(world: World) -> None:
    entry = world.approved()
    world.settled(entry)
    world.cancel(entry)
    for _ in range(5):
        world.settled(entry)
    assert len(world.actuals(entry)) == 4


@pytest.mark.parametrize("status", [192350000, 192350001, 192350003])
def test_draft_returned_and_submitted_all_take_back(world: World, status: int) -> None:
    entry = world.approved()
    world.settled(entry)
    world.cancel(entry)
    world.dataverse.put(reference(entry), msdyn_entrystatus=status)
    world.settled(entry)
    assert world.live(entry) == []


def test_approved_again_is_another_generation(world: World) -> None:
    entry = world.approved()
    for generation in range(3):
        world.settled(entry)
        ids = {row.id for row, cells in world.actuals(entry).items() if cells.get("msdyn_adjustmentstatus") is None}
        assert keys.row_id(entry.id, generation, "cost") in ids
        assert world.live(entry) == EIGHT_HOURS
        world.cancel(entry)
        world.settled(entry)
        world.approve(entry)
    assert len(world.actuals(entry)) == 12


def test_approved_anew_with_other_hours_while_nobody_looked_is_reversed_and_made_afresh(world: World) -> None:
    entry = world.approved()
    world.settled(entry)
    world.approve(entry, msdyn_costquantity=Decimal(6), msdyn_salesquantity=Decimal(6))
    assert world.settled(entry).commits == 2
    assert world.live(entry) == [(COST, CHARGEABLE, "6.00", "600.00"), (UNBILLED, CHARGEABLE, "6.00", "1200.00")]
    assert (world.net(entry, COST), world.net(entry, UNBILLED)) == (Decimal(600), Decimal(1200))


def test_approved_anew_as_not_chargeable_is_reversed_and_made_afresh(world: World) -> None:
    entry = world.approved()
    world.settled(entry)
    world.approve(entry, msdyn_billingtype=NON_CHARGEABLE)
    world.settled(entry)
    assert world.live(entry)[1] == (UNBILLED, NON_CHARGEABLE, "8.00", "1600.00")
    assert len(world.live(entry)) == 2


@pytest.mark.parametrize(("status", "code"), [(192350001, "on-draft-invoice"), (192350002, "already-invoiced")])
def test_what_stands_on_an_invoice_is_not_taken_back(world: World, status: int, code: str) -> None:
    """A draft can still be deleted, so a withdrawal waits for it; what was posted has to be credited by a person."""
    entry = world.approved()
    world.settled(entry)
    sales = next(r for r, c in world.actuals(entry).items() if c["msdyn_transactiontypecode"] == UNBILLED)
    world.dataverse.put(sales, msdyn_billingstatus=status)
    world.cancel(entry)
    before = len(world.dataverse.committed)
    (outcome,) = world.settle(entry)
    assert isinstance(outcome, Unsettled)
    assert outcome.failure.code == code
    assert str(sales.id) in outcome.failure.sentence
    assert len(world.dataverse.committed) == before


def test_figures_changed_on_an_invoiced_entry_are_refused_too(world: World) -> None:
    entry = world.approved()
    world.settled(entry)
    sales = next(r for r, c in world.actuals(entry).items() if c["msdyn_transactiontypecode"] == UNBILLED)
    world.dataverse.put(sales, msdyn_billingstatus=192350002)
    world.approve(entry, msdyn_salesquantity=Decimal(6))
    assert refused(world.settle(entry)[0]).code == "already-invoiced"
    assert world.net(entry, UNBILLED) == Decimal(1600)


def test_an_internal_project_and_a_fixed_price_line_have_a_cost_only(world: World) -> None:
    internal = world.approved(msdyn_project=INTERNAL)
    world.dataverse.put(LINE, msdyn_billingmethod=192350001)
    fixed = world.approved()
    for entry in (internal, fixed):
        world.settled(entry)
        assert world.live(entry) == EIGHT_HOURS[:1]
    (cost,) = world.actuals(internal).values()
    assert cost.get("msdyn_salescontract") is None


def test_two_lines_that_take_the_entry_are_named_and_nothing_is_written(world: World) -> None:
    second = world.fresh("salesorderdetail")
    world.dataverse.put(second, **world.line_of(PROJECT, CONTRACT, salesorderdetailname="Support"))
    failure = refused(world.settle(world.approved())[0])
    assert failure.code == "two-contract-lines"
    assert str(LINE.id) in failure.sentence
    assert str(second.id) in failure.sentence
    assert not world.dataverse.committed


def test_a_resource_of_another_unit_without_a_currency_is_refused_not_half_written(world: World) -> None:
    world.dataverse.put(INDIA, msdyn_currency=None)
    failure = refused(world.settle(world.approved(msdyn_resourceorganizationalunitid=INDIA))[0])
    assert failure.code == "currency-missing"
    assert not world.dataverse.committed


def test_an_expense_costs_the_amount_entered_stays_so_and_is_taken_back_to_the_cent(world: World) -> None:
    """Three units for 100.00 are 33.33 each, of which three make 99.99."""
    expense, approval = world.fresh("msdyn_expense"), world.fresh("msdyn_projectapproval")
    world.dataverse.put(
        expense,
        msdyn_expensestatus=192350002,
        msdyn_project=PROJECT,
        msdyn_quantity=Decimal(3),
        msdyn_amount=Decimal(100),
        msdyn_transactiondate=DAY,
        transactioncurrencyid=USD,
    )
    world.dataverse.put(
        approval,
        msdyn_recordstage=2,
        msdyn_expenseentry=expense,
        msdyn_approvedon=APPROVED_ON,
        msdyn_costquantity=Decimal(3),
        msdyn_salesquantity=Decimal(3),
        msdyn_costprice=Decimal("33.3333"),
        msdyn_salesprice=Decimal(40),
        msdyn_billingtype=CHARGEABLE,
        transactioncurrencyid=USD,
    )
    entry = Ref(expense.table, expense.id)
    assert world.settled(entry).commits == 1
    assert world.live(entry) == [(COST, CHARGEABLE, "3.00", "100.00"), (UNBILLED, CHARGEABLE, "3.00", "120.00")]
    assert world.settled(entry).commits == 0
    world.dataverse.put(approval, msdyn_recordstage=0)
    world.dataverse.put(expense, msdyn_expensestatus=192350001)
    world.settled(entry)
    assert (world.net(entry, COST), world.net(entry, UNBILLED)) == (Decimal(0), Decimal(0))
    assert world.live(entry) == []
