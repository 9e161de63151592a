"""Entries for which no price list is read at all."""

from __future__ import annotations

from uuid import UUID

import pytest

from connector.dataverse.changes import Reference
from tests.handlers.judging import refused
from tests.handlers.price_world import PricedWorld, figures, settle
from tests.handlers.world import CHARGEABLE, COST, LINE, UNBILLED

PRICE_TABLES = {"pricelevel", "msdyn_orderpricelist", "msdyn_dimension", "uom", "msdyn_resourcecategorypricelevel"}
AS_APPROVED = [(COST, CHARGEABLE, "100.00", "800.00"), (UNBILLED, CHARGEABLE, "200.00", "1600.00")]


@pytest.fixture
def world() -> PricedWorld:
    """Fabrikam and its price lists."""
    return PricedWorld()


def test_an_approval_that_says_everything_has_no_price_list_read(world: PricedWorld) -> None:
    entry = world.approved()
    settle(world, entry)
    assert figures(world, entry) == AS_APPROVED
    assert not world.tables_asked() & PRICE_TABLES


def test_an_entry_that_is_not_approved_has_no_price_list_read(world: PricedWorld) -> None:
    entry = world.unpriced()
    settle(world, entry)
    world.cancel(entry)
    world.dataverse.requests.clear()
    settle(world, entry)
    assert figures(world, entry) == []
    assert not world.tables_asked() & PRICE_TABLES


def test_fixed_price_work_needs_no_sales_price(world: PricedWorld) -> None:
    world.dataverse.put(LINE, msdyn_billingmethod=192350001)
    entry = world.submit()
    world.approve(entry, msdyn_salesprice=None)
    settle(world, entry)
    assert [(kind, amount) for kind, _, _, amount in figures(world, entry)] == [(COST, "800.00")]
    assert not world.tables_asked() & PRICE_TABLES


def test_an_entry_whose_project_is_gone_asks_for_no_prices(world: PricedWorld) -> None:
    project = Reference("msdyn_project", UUID(int=424242, version=4))
    entry = world.unpriced(msdyn_project=project)
    assert refused(settle(world, entry)[0]).code == "project-gone"
    assert not world.tables_asked() & PRICE_TABLES
