"""Entries for which no price list is read at all."""

from __future__ import annotations

from decimal import Decimal
from uuid import UUID

import pytest

from connector.dataverse.changes import Reference
from mappings.tables import Ref
from tests.handlers.judging import refused
from tests.handlers.price_world import PricedWorld, figures, settle
from tests.handlers.world import CHARGEABLE, COST, EUR, LINE, UNBILLED, USD

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


def submitted_with_prices(world: PricedWorld, currency: Reference, price: int) -> Ref:
    """Time whose approval has no prices, while the journal lines of its submission have."""
    entry = world.unpriced()
    for kind in (COST, UNBILLED):
        line = world.fresh("msdyn_journalline")
        world.dataverse.put(
            line, msdyn_transactiontypecode=kind, msdyn_price=Decimal(price), transactioncurrencyid=currency
        )
        world.dataverse.put(
            world.fresh("msdyn_transactionorigin"),
            msdyn_origin=str(entry.id),
            msdyn_origintype=entry.table,
            msdyn_transaction=str(line.id),
            msdyn_transactiontype=line.table,
        )
    return entry


def test_prices_of_journal_lines_are_prices(world: PricedWorld) -> None:
    entry = submitted_with_prices(world, USD, 90)
    settle(world, entry)
    assert figures(world, entry) == [(COST, CHARGEABLE, "90.00", "720.00"), (UNBILLED, CHARGEABLE, "90.00", "720.00")]
    assert not world.tables_asked() & PRICE_TABLES


@pytest.mark.parametrize(("currency", "price", "code"), [(USD, 0, "price-zero"), (EUR, 90, None)])
def test_journal_lines_without_a_price_in_the_sides_currency_are_no_help(
    world: PricedWorld, currency: Reference, price: int, code: str | None
) -> None:
    """A zero is held all the same, but with what the lists say; a price in another currency leaves it to the lists."""
    entry = submitted_with_prices(world, currency, price)
    (outcome,) = settle(world, entry)
    assert world.tables_asked() >= PRICE_TABLES
    if code is None:
        assert [price for *_, price, _ in figures(world, entry)] == ["110.00", "210.00"]
    else:
        assert refused(outcome).code == code
        assert "By now the lists give 110.00" in refused(outcome).sentence
