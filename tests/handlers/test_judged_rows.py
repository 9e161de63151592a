"""What other rows say against a backlog row keeps it from being marked, whichever way it was selected."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any
from uuid import UUID

from connector.dataverse.query import all_of
from handlers.backlog_rows import pages
from mappings.backlog import Backlog
from mappings.not_to_exceed import NotToExceed
from tests.handlers.test_backlog_rows import Paged, read
from tests.handlers.test_readiness import command, sales, told
from tests.handlers.world import CONTRACT, World

CHECK = NotToExceed("new_limitstatus", 7)
LINES = "salesorderdetail"


def product(world: World, order: Any) -> UUID:
    row = world.fresh(LINES)
    world.dataverse.put(row, salesorderid=order, producttypecode=1, extendedamount=Decimal(300))
    return row.id


def test_a_product_line_of_an_order_that_is_no_project_contract_is_refused_when_it_is_named(world: World) -> None:
    item_based, untyped = world.fresh("salesorder"), world.fresh("salesorder")
    world.dataverse.put(item_based, msdyn_ordertype=192350000)
    world.dataverse.put(untyped, msdyn_ordertype=None)
    fine, *others = (product(world, order) for order in (CONTRACT, item_based, untyped))
    outcome = told(world, command(fine, *others, backlog=Backlog.PRODUCTS))
    assert outcome["marked"] == [str(fine)]
    assert set(outcome["refused"]) == {str(id) for id in others}
    assert all("no project contract" in why for why in outcome["refused"].values())
    listed = {one.row.id: one.why_not() for one in read(world, Backlog.PRODUCTS, all_of())}
    assert [id for id, why in listed.items() if "no project contract" in (why or "")] == others


def test_a_failed_check_is_read_only_where_a_column_of_actuals_says_so(world: World) -> None:
    row = sales(world, new_limitstatus=7)
    sales(world, new_limitstatus=8)

    def failed(check: NotToExceed | None) -> list[UUID]:
        found = pages(Backlog.TIME_AND_MATERIAL, all_of(), (), Paged(world.dataverse), check)
        return [one.row.id for page in found for one in page if "not-to-exceed" in (one.why_not() or "")]

    assert failed(None) == []
    assert failed(CHECK) == [row]
    milestone = replace(*read(world, Backlog.TIME_AND_MATERIAL, all_of())[:1], backlog=Backlog.MILESTONES)
    assert not CHECK.told(milestone).exceeds_limit
    assert CHECK.columns(Backlog.MILESTONES) == ()
