"""Pages of a backlog: contracts filled in, doubles told; and fixed-price lines that milestones do not total."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from connector.dataverse.change_tracking import Changed
from connector.dataverse.changes import Record, Reference
from connector.dataverse.query import Condition, Query, all_of
from handlers.backlog_rows import pages
from handlers.fixed_price_lines import mismatches
from mappings.backlog import Backlog, BacklogRow
from tests.handlers.fake_dataverse import FakeDataverse
from tests.handlers.test_readiness import sales
from tests.handlers.world import CONTRACT, LINE, PROJECT, READY, World

MILESTONE, LINES = "msdyn_contractlinescheduleofvalue", "salesorderdetail"


class Paged(FakeDataverse):
    """The world's Dataverse, two rows to a page."""

    def __init__(self, other: FakeDataverse) -> None:
        super().__init__()
        self.rows = other.rows

    def scan(self, question: Query) -> Iterator[list[Record]]:
        (found,) = self.query([question])
        for begin in range(0, len(found), 2):
            yield found[begin : begin + 2]

    @property
    def tracking(self) -> Any:
        """Not asked for."""
        raise AssertionError(Changed)


def read(world: World, backlog: Backlog, condition: Condition) -> list[BacklogRow]:
    """All rows of all pages."""
    order = (f"{backlog.table}id",)
    return [row for page in pages(backlog, condition, order, Paged(world.dataverse)) for row in page]


def origin(world: World, entry: UUID, actual: UUID) -> None:
    """Tie an actual to a time entry."""
    world.dataverse.put(
        world.fresh("msdyn_transactionorigin"),
        msdyn_origin=str(entry),
        msdyn_origintype="msdyn_timeentry",
        msdyn_transaction=str(actual),
        msdyn_transactiontype="msdyn_actual",
    )


@pytest.mark.parametrize("status", [None, READY])
def test_an_open_or_ready_row_that_is_doubled_is_told_and_says_why_it_may_not_be_marked(
    world: World, status: int | None
) -> None:
    entry = world.fresh("msdyn_timeentry").id
    first, second = (sales(world, msdyn_billingstatus=status, msdyn_quantity=Decimal(8)) for _ in range(2))
    alone = sales(world)
    for actual in (first, second):
        origin(world, entry, actual)
    found = {one.row.id: one for one in read(world, Backlog.TIME_AND_MATERIAL, all_of())}
    assert {id for id, one in found.items() if one.is_doubled} == {first, second}
    assert "counts the same work" in (found[first].why_not() or "")
    assert found[alone].why_not() is None


def test_every_page_of_milestones_says_the_contract_of_those_that_name_only_their_line(world: World) -> None:
    rows = [world.fresh(MILESTONE) for _ in range(5)]
    for row in rows[:3]:
        world.dataverse.put(row, msdyn_contractlineid=LINE, msdyn_invoicestatus=192350000)
    world.dataverse.put(rows[3], msdyn_contract=CONTRACT, msdyn_invoicestatus=192350000)
    world.dataverse.put(rows[4], msdyn_invoicestatus=192350000)
    found = {one.row.id: one.contract for one in read(world, Backlog.MILESTONES, all_of())}
    assert [found[row.id] for row in rows] == [*[CONTRACT.id] * 4, None]


def line(world: World, contract: Reference, value: int, **cells: Any) -> Reference:
    """A fixed-price line."""
    row = world.fresh(LINES)
    fixed = {"salesorderid": contract, "producttypecode": 5, "msdyn_billingmethod": 192350001, "msdyn_project": PROJECT}
    world.dataverse.put(row, **(fixed | {"extendedamount": Decimal(value)} | cells))
    return row


def test_fixed_price_lines_are_compared_with_their_milestones_page_by_page(world: World) -> None:
    canceled, item_based = world.fresh("salesorder"), world.fresh("salesorder")
    world.dataverse.put(CONTRACT, msdyn_ordertype=192350001, statecode=0)
    world.dataverse.put(canceled, msdyn_ordertype=192350001, statecode=2)
    world.dataverse.put(item_based, msdyn_ordertype=192350000, statecode=0)
    total, short, none, free = (line(world, CONTRACT, value) for value in (100, 100, 100, 0))
    other_project = line(world, CONTRACT, 100, msdyn_project=None)
    line(world, canceled, 100)
    line(world, item_based, 100)
    line(world, CONTRACT, 100, msdyn_billingmethod=192350000)
    for of, amounts in ((total, (40, 60)), (short, (40, 59)), (free, (0,))):
        for amount in amounts:
            world.dataverse.put(world.fresh(MILESTONE), msdyn_contractlineid=of, msdyn_amount=Decimal(amount))
    dataverse = Paged(world.dataverse)

    def odd(contracts: tuple[UUID, ...] = (), projects: tuple[UUID, ...] = ()) -> set[UUID]:
        return {one.line.id for one in mismatches(contracts, projects, dataverse)}

    assert odd() == odd((CONTRACT.id,)) == {short.id, none.id, other_project.id}
    assert odd(projects=(PROJECT.id,)) == {short.id, none.id}
    assert odd((item_based.id,)) == set()
