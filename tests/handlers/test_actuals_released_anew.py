"""What an approval released is the ledger's measure; what the set-up says since is not."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from connector.dataverse.changes import Reference
from handlers.rows import reference
from mappings.tables import Ref
from tests.handlers.fake_dataverse import Cells
from tests.handlers.judging import EIGHT_HOURS, in_balance
from tests.handlers.world import (
    CHARGEABLE,
    CONTRACT,
    COST,
    CUSTOMER,
    DAY,
    EUR,
    LINE,
    MANAGER,
    OTHER_CUSTOMER,
    PROJECT,
    UNBILLED,
    UNIT,
    USD,
    World,
    new,
)

TASK, OTHER_ROLE = new("msdyn_projecttask", 21), new("bookableresourcecategory", 22)
CATEGORY, COLLEAGUE = new("msdyn_transactioncategory", 24), new("bookableresource", 25)


def other_project(world: World) -> Reference:
    """A project on another customer's contract."""
    contract, line, project = world.fresh("salesorder"), world.fresh("salesorderdetail"), world.fresh("msdyn_project")
    world.dataverse.put(contract, name="Contoso", customerid=OTHER_CUSTOMER, transactioncurrencyid=USD)
    world.dataverse.put(project, ownerid=MANAGER, msdyn_contractorganizationalunitid=UNIT, msdyn_salesorderid=contract)
    world.dataverse.put(line, **world.line_of(project, contract))
    return project


def counting(world: World, entry: Ref) -> list[Cells]:
    """The rows nobody took back."""
    return [cells for cells in world.actuals(entry).values() if cells.get("msdyn_adjustmentstatus") is None]


def sales_of(world: World, entry: Ref) -> Reference:
    """The entry's one unbilled sales row."""
    (found,) = (row for row, cells in world.actuals(entry).items() if cells["msdyn_transactiontypecode"] == UNBILLED)
    return found


def test_an_entry_that_was_moved_and_approved_anew_while_nobody_looked_is_billed_where_it_is_now(world: World) -> None:
    entry = world.approved()
    world.settled(entry)
    project = other_project(world)
    world.cancel(entry)
    world.dataverse.put(reference(entry), msdyn_project=project)
    world.approve(entry)
    assert world.settled(entry).commits == 2
    assert world.live(entry) == EIGHT_HOURS
    assert {cells["msdyn_project"] for cells in counting(world, entry)} == {project}
    billed_to = [cells.get("msdyn_accountcustomer") for cells in counting(world, entry)]
    assert sorted(billed_to, key=str) == sorted([None, OTHER_CUSTOMER], key=str)
    assert in_balance(world, entry)


def test_an_hour_filled_in_later_on_the_same_day_changes_nothing(world: World) -> None:
    """An upgrade that fills in the start of old entries must not bill them anew."""
    entry = world.approved()
    world.settled(entry)
    world.dataverse.put(reference(entry), msdyn_start=DAY + timedelta(hours=9))
    assert world.settled(entry).commits == 0


@pytest.mark.parametrize(
    ("changed", "column", "now"),
    [
        ({"msdyn_date": DAY - timedelta(days=31)}, "msdyn_startdatetime", DAY - timedelta(days=31)),
        ({"msdyn_start": DAY + timedelta(hours=33)}, "msdyn_startdatetime", DAY + timedelta(hours=33)),
        ({"msdyn_projecttask": TASK}, "msdyn_task", TASK),
        ({"msdyn_resourcecategory": OTHER_ROLE}, "msdyn_resourcecategory", OTHER_ROLE),
        ({"msdyn_bookableresource": COLLEAGUE}, "msdyn_bookableresource", COLLEAGUE),
    ],
)
def test_whatever_else_was_released_anew_is_taken_back_and_made_afresh(
    world: World, changed: dict[str, Any], column: str, now: object
) -> None:
    entry = world.approved()
    world.settled(entry)
    world.cancel(entry)
    world.dataverse.put(reference(entry), **changed)
    world.approve(entry)
    assert world.settled(entry).commits == 2
    assert world.live(entry) == EIGHT_HOURS
    assert [cells[column] for cells in counting(world, entry)] == [now, now]
    assert (world.net(entry, COST), world.net(entry, UNBILLED)) == (Decimal(800), Decimal(1600))


@pytest.mark.parametrize(
    "changed",
    [
        {"msdyn_projecttask": TASK},
        {"msdyn_resourcecategory": OTHER_ROLE},
        {"msdyn_date": DAY - timedelta(days=31)},
        {"msdyn_transactioncategory": CATEGORY},
    ],
)
def test_what_an_approval_leaves_open_and_somebody_edits_later_is_said_and_not_made_anew(
    world: World, changed: dict[str, Any]
) -> None:
    """Tasks that are put on approved entries in bulk must not take a month's rows back."""
    entry = world.approved()
    world.settled(entry)
    before = world.actuals(entry)
    world.dataverse.put(reference(entry), **changed)
    settled = world.settled(entry)
    assert settled.commits == 0
    assert "nobody approved it since" in settled.because
    assert world.actuals(entry) == before
    world.dataverse.put(world.approval_of(entry), msdyn_salesquantity=Decimal(6))
    assert world.settled(entry).commits == 2
    assert world.net(entry, UNBILLED) == Decimal(1600)
    assert len(counting(world, entry)) == 3


def test_a_category_released_anew_is_taken_over(world: World) -> None:
    entry = world.approved()
    world.settled(entry)
    world.approve(entry, msdyn_transactioncategory=CATEGORY)
    assert world.settled(entry).commits == 2
    assert [cells["msdyn_transactioncategory"] for cells in counting(world, entry)] == [CATEGORY, CATEGORY]


def test_the_same_figures_released_in_another_currency_are_not_the_same(world: World) -> None:
    entry = world.approved()
    world.settled(entry)
    world.dataverse.put(CONTRACT, transactioncurrencyid=EUR)
    world.dataverse.put(UNIT, msdyn_currency=EUR)
    world.approve(entry, transactioncurrencyid=EUR)
    assert world.settled(entry).commits == 2
    assert {cells["transactioncurrencyid"] for cells in counting(world, entry)} == {EUR}


@pytest.mark.parametrize(
    ("row", "changed"),
    [
        (CONTRACT, {"customerid": OTHER_CUSTOMER}),
        (LINE, {"salesorderdetailname": "Renamed"}),
        (PROJECT, {"ownerid": new("systemuser", 26)}),
    ],
)
def test_the_set_up_changed_since_bills_nothing_anew(world: World, row: Reference, changed: dict[str, Any]) -> None:
    entry = world.approved()
    world.settled(entry)
    world.dataverse.put(row, **changed)
    assert world.settled(entry).commits == 0
    assert counting(world, entry)[0]["msdyn_salescontract"] == CONTRACT


def test_a_contract_line_replaced_by_another_one_bills_nothing_anew(world: World) -> None:
    entry = world.approved()
    world.settled(entry)
    del world.dataverse.rows.cells[LINE]
    world.dataverse.put(world.fresh("salesorderdetail"), **world.line_of(PROJECT, CONTRACT))
    assert world.settled(entry).commits == 0
    assert {cells["msdyn_salescontractlineid"] for cells in counting(world, entry)} == {LINE}


def test_sales_given_another_customer_are_still_ours_and_a_cancellation_takes_them_back(world: World) -> None:
    """Two accounts are merged: the product points the rows, and the contract, to the one that stays."""
    entry = world.approved()
    world.settled(entry)
    sales = sales_of(world, entry)
    world.dataverse.put(sales, msdyn_accountcustomer=OTHER_CUSTOMER)
    world.dataverse.put(CONTRACT, customerid=OTHER_CUSTOMER)
    assert world.settled(entry).commits == 0
    world.cancel(entry)
    world.settled(entry)
    assert world.live(entry) == []
    assert (world.net(entry, COST), world.net(entry, UNBILLED)) == (Decimal(0), Decimal(0))
    reversal = next(c for c in world.actuals(entry).values() if c["msdyn_amount"] == Decimal(-1600))
    assert reversal["msdyn_accountcustomer"] == OTHER_CUSTOMER
    assert in_balance(world, entry)


def test_approved_again_after_a_change_of_customer_is_billed_to_the_new_one(world: World) -> None:
    entry = world.approved()
    world.settled(entry)
    world.dataverse.put(sales_of(world, entry), msdyn_accountcustomer=OTHER_CUSTOMER)
    world.dataverse.put(CONTRACT, customerid=OTHER_CUSTOMER)
    world.cancel(entry)
    world.settled(entry)
    world.approve(entry)
    world.settled(entry)
    assert world.live(entry) == [
        (COST, CHARGEABLE, "8.00", "800.00"),
        (UNBILLED, CHARGEABLE, "8.00", "1600.00"),
    ]
    assert {cells.get("msdyn_accountcustomer") for cells in counting(world, entry)} == {None, OTHER_CUSTOMER}
    assert CUSTOMER not in {cells.get("msdyn_accountcustomer") for cells in counting(world, entry)}
