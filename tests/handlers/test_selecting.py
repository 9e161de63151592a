"""A filter's meaning in a world of rows, each of which differs from the one that is wanted in one thing."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest

from connector.dataverse.changes import Reference
from connector.dataverse.query import Query
from handlers.selecting import condition
from mappings.backlog import Backlog
from mappings.refusal import Refusal
from mappings.selection import Class, Filter, Selection, Status
from tests.handlers.test_readiness import sales
from tests.handlers.world import CONTRACT, COST, CUSTOMER, LINE, PROJECT, RESOURCE, ROLE, World

ZONE = ZoneInfo("America/New_York")
MILESTONE, LINES = "msdyn_contractlinescheduleofvalue", "salesorderdetail"
MIDNIGHT = datetime(2026, 2, 10, 5, tzinfo=UTC)
"""The first moment of 10 February in New York."""
DAY = date(2026, 2, 10)
WANTED: dict[str, Any] = {
    "msdyn_project": PROJECT,
    "msdyn_bookableresource": RESOURCE,
    "msdyn_resourcecategory": ROLE,
    "msdyn_transactionclassification": 192350000,
    "msdyn_startdatetime": MIDNIGHT,
    "msdyn_amount": Decimal("100.00"),
}


def selected(
    world: World, backlog: Backlog, selection: Selection, statuses: tuple[Status, ...] = (Status.OPEN,)
) -> set[UUID]:
    """The ids the selection leads to."""
    where = condition(backlog, selection, statuses, ZONE, world.dataverse)
    (found,) = world.dataverse.query([Query(backlog.table, backlog.columns, where)])
    return {one.row.id for one in found}


def actuals(world: World, *statuses: Status, **given: Any) -> set[UUID]:
    """The actuals a filter leads to."""
    return selected(world, Backlog.TIME_AND_MATERIAL, Selection(where=Filter(**given)), statuses or (Status.OPEN,))


@pytest.mark.parametrize(
    ("given", "other"),
    [
        ({"contracts": (CONTRACT.id,)}, {"msdyn_salescontract": Reference("salesorder", UUID(int=1))}),
        ({"customers": (CUSTOMER.id,)}, {"msdyn_accountcustomer": Reference("account", UUID(int=1))}),
        ({"projects": (PROJECT.id,)}, {"msdyn_project": None}),
        ({"resources": (RESOURCE.id,)}, {"msdyn_bookableresource": None}),
        ({"roles": (ROLE.id,)}, {"msdyn_resourcecategory": None}),
        ({"classes": (Class.TIME, Class.FEE)}, {"msdyn_transactionclassification": 192350001}),
        ({"dated_from": DAY}, {"msdyn_startdatetime": MIDNIGHT - timedelta(seconds=1)}),
        ({"dated_to": DAY}, {"msdyn_startdatetime": MIDNIGHT + timedelta(days=1)}),
        ({"dated_from": DAY, "dated_to": DAY}, {"msdyn_startdatetime": None}),
        ({"amount_from": Decimal("100.00")}, {"msdyn_amount": Decimal("99.99")}),
        ({"amount_to": Decimal("100.00")}, {"msdyn_amount": Decimal("100.01")}),
    ],
)
def test_each_filter_takes_the_row_that_meets_it_and_leaves_the_one_that_does_not(
    world: World, given: dict[str, Any], other: dict[str, Any]
) -> None:
    wanted = sales(world, **WANTED)
    unwanted = sales(world, **(WANTED | other))
    assert actuals(world) == {wanted, unwanted}
    assert actuals(world, **given) == {wanted}


def test_filters_hold_together_and_values_of_one_are_alternatives(world: World) -> None:
    first, second = sales(world, **WANTED), sales(world, **(WANTED | {"msdyn_project": None}))
    on_others = sales(world, contract=Reference("salesorder", UUID(int=1)))
    assert actuals(world, contracts=(CONTRACT.id,), projects=(PROJECT.id,)) == {first}
    assert actuals(world, contracts=(CONTRACT.id, UUID(int=1))) == {first, second, on_others}


def test_a_person_who_is_the_customer_is_found_too(world: World) -> None:
    person = Reference("contact", UUID(int=2))
    theirs = sales(world, msdyn_accountcustomer=None, msdyn_contactcustomer=person)
    sales(world)
    assert actuals(world, customers=(person.id,)) == {theirs}


def test_rows_between_units_and_cost_are_never_in_the_backlog(world: World) -> None:
    mine = sales(world)
    for type in (COST, 192350006, 192350007, 192350008):
        sales(world, msdyn_transactiontypecode=type)
    every = tuple(Status)
    assert actuals(world, *every) == {mine}
    assert actuals(world, statuses=every) == {mine}


@pytest.mark.parametrize(
    ("cells", "status"),
    [
        ({}, Status.OPEN),
        ({"msdyn_billingstatus": 192350000}, Status.OPEN),
        ({"msdyn_adjustmentstatus": 192350000}, Status.OPEN),
        ({"msdyn_billingstatus": 192350004}, Status.READY),
        ({"msdyn_billingstatus": 192350001}, Status.ON_DRAFT),
        ({"msdyn_billingstatus": 192350002}, Status.POSTED),
        ({"msdyn_billingstatus": 192350003}, Status.CANCELED),
        ({"msdyn_adjustmentstatus": 192350001}, Status.ADJUSTED),
        ({"msdyn_adjustmentstatus": 192350002}, Status.ADJUSTED),
    ],
)
def test_an_actual_is_found_under_its_status_and_no_other(world: World, cells: dict[str, Any], status: Status) -> None:
    row = sales(world, **cells)
    assert {one for one in Status if actuals(world, statuses=(one,)) == {row}} == {status}


def test_milestones_go_by_their_own_numbers_and_product_lines_are_goods_on_project_contracts(world: World) -> None:
    numbers = {Status.OPEN: 192350000, Status.READY: 192350001, Status.ON_DRAFT: 192350002, Status.POSTED: 192350003}
    for status, number in numbers.items():
        row = world.fresh(MILESTONE)
        world.dataverse.put(row, msdyn_invoicestatus=number)
        assert selected(world, Backlog.MILESTONES, Selection(where=Filter(statuses=(status,)))) == {row.id}
    item_based = world.fresh("salesorder")
    world.dataverse.put(CONTRACT, msdyn_ordertype=192350001)
    world.dataverse.put(item_based, msdyn_ordertype=192350000)
    goods = world.fresh(LINES)
    world.dataverse.put(goods, producttypecode=1, salesorderid=CONTRACT)
    world.dataverse.put(world.fresh(LINES), producttypecode=5, salesorderid=CONTRACT)
    world.dataverse.put(world.fresh(LINES), producttypecode=1, salesorderid=item_based)
    for where in (Filter(), Filter(contracts=(CONTRACT.id,)), Filter(contracts=(CONTRACT.id, item_based.id))):
        assert selected(world, Backlog.PRODUCTS, Selection(where=where)) == {goods.id}


def test_a_milestone_without_a_contract_belongs_to_its_lines_and_one_with_a_contract_to_that(world: World) -> None:
    by_line, by_contract, of_another = (world.fresh(MILESTONE) for _ in range(3))
    world.dataverse.put(by_line, msdyn_contractlineid=LINE, msdyn_invoicestatus=192350000)
    world.dataverse.put(by_contract, msdyn_contract=CONTRACT, msdyn_invoicestatus=192350000)
    another = Reference("salesorder", UUID(int=1))
    world.dataverse.put(of_another, msdyn_contract=another, msdyn_contractlineid=LINE, msdyn_invoicestatus=192350000)
    found = selected(world, Backlog.MILESTONES, Selection(where=Filter(contracts=(CONTRACT.id,))))
    assert found == {by_line.id, by_contract.id}


def test_rows_named_by_id_are_found_whatever_they_are(world: World) -> None:
    rows = {sales(world), sales(world, msdyn_transactiontypecode=COST), sales(world, msdyn_billingstatus=192350002)}
    assert selected(world, Backlog.TIME_AND_MATERIAL, Selection(rows=tuple(rows))) == rows


def test_a_filter_that_a_backlog_has_no_column_for_is_refused_and_not_passed_over(world: World) -> None:
    with pytest.raises(Refusal, match="roles") as caught:
        selected(world, Backlog.MILESTONES, Selection(where=Filter(roles=(ROLE.id,))))
    assert caught.value.code == "unknown-filter"


@pytest.mark.parametrize(
    ("day", "hours"),
    # Clocks in New York go forward on 8 March 2026 and back on 1 November: those days have 23 and 25 hours.
    [(date(2026, 3, 8), 23), (date(2026, 11, 1), 25), (date(2026, 2, 10), 24)],
)
def test_a_day_is_as_long_as_it_is_where_the_business_is(world: World, day: date, hours: int) -> None:
    first = datetime(day.year, day.month, day.day, tzinfo=ZONE).astimezone(UTC)
    begins = sales(world, msdyn_startdatetime=first)
    ends = sales(world, msdyn_startdatetime=first + timedelta(hours=hours, seconds=-1))
    sales(world, msdyn_startdatetime=first + timedelta(hours=hours))
    sales(world, msdyn_startdatetime=first - timedelta(seconds=1))
    assert actuals(world, dated_from=day, dated_to=day) == {begins, ends}
