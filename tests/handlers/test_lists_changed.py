"""Lists and settings change after work was priced by them: what was written stays until an approval releases anew."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from handlers.fixed_point import Settled, Unsettled
from handlers.rows import reference
from mappings.tables import Ref
from tests.handlers.judging import EIGHT_HOURS
from tests.handlers.price_world import PricedWorld, figures, settle
from tests.handlers.world import CHARGEABLE, CONTRACT, COST, EUR, NON_CHARGEABLE, ROLE, UNBILLED, USD

LONG_AGO = datetime(2026, 1, 2, 5, tzinfo=UTC)
BY_LISTS = [(COST, CHARGEABLE, "110.00", "880.00"), (UNBILLED, CHARGEABLE, "210.00", "1680.00")]


@pytest.fixture
def world() -> PricedWorld:
    """Fabrikam and its price lists."""
    return PricedWorld()


def left_alone(world: PricedWorld, entry: Ref) -> str:
    """Handle the entry once more; nothing is written, and what is said comes back."""
    (outcome,) = settle(world, entry)
    assert isinstance(outcome, Settled)
    assert outcome.commits == 0
    return outcome.because


def test_a_price_that_changed_since_bills_nothing_anew_and_is_said(world: PricedWorld) -> None:
    entry = world.unpriced()
    settle(world, entry)
    world.dataverse.put(world.sales_price, msdyn_price=Decimal(230))
    said = left_alone(world, entry)
    (sales,) = (row for row, cells in world.actuals(entry).items() if cells["msdyn_transactiontypecode"] == UNBILLED)
    assert said == (
        f"Price lists or settings say otherwise by now than when msdyn_actual({sales.id}) was written; left as it is."
    )
    assert figures(world, entry) == BY_LISTS


def test_a_contract_that_changed_its_currency_bills_nothing_anew_and_is_said(world: PricedWorld) -> None:
    entry = world.approved()
    settle(world, entry)
    world.dataverse.put(CONTRACT, transactioncurrencyid=EUR)
    world.dataverse.put(world.sells, transactioncurrencyid=EUR)
    assert left_alone(world, entry).endswith("was written; left as it is.")
    assert world.live(entry) == EIGHT_HOURS


def test_lists_that_still_say_the_same_are_no_news(world: PricedWorld) -> None:
    entry = world.unpriced()
    settle(world, entry)
    assert left_alone(world, entry) == "The ledger holds the 2 actuals the approval calls for."


def test_rows_stand_when_no_list_prices_them_any_more_and_that_is_news(world: PricedWorld) -> None:
    entry = world.unpriced()
    settle(world, entry)
    world.dataverse.put(world.sells, enddate=LONG_AGO)
    said = left_alone(world, entry)
    assert "stands as written, although its price could not be told any more" in said
    assert all(str(actual) in said for actual in world.actuals(entry))
    assert figures(world, entry) == BY_LISTS


def test_other_hours_that_no_list_prices_any_more_are_refused_and_nothing_is_touched(world: PricedWorld) -> None:
    entry = world.unpriced()
    settle(world, entry)
    world.dataverse.put(world.sells, enddate=LONG_AGO)
    world.approve(entry, msdyn_costquantity=Decimal(6), msdyn_salesquantity=Decimal(6))
    (outcome,) = settle(world, entry)
    assert isinstance(outcome, Unsettled)
    assert outcome.failure.code == "price-missing"
    assert figures(world, entry) == BY_LISTS


def test_a_price_released_as_zero_is_held_whatever_stands(world: PricedWorld) -> None:
    entry = world.unpriced()
    settle(world, entry)
    world.approve(entry, msdyn_salesprice=Decimal(0), transactioncurrencyid=USD)
    (outcome,) = settle(world, entry)
    assert isinstance(outcome, Unsettled)
    assert outcome.failure.code == "price-zero"
    assert figures(world, entry) == BY_LISTS


def test_a_role_that_became_non_chargeable_since_takes_nothing_back(world: PricedWorld) -> None:
    entry = world.submit()
    world.approve(entry, msdyn_billingtype=None, msdyn_salesquantity=Decimal(6))
    settle(world, entry)
    before = figures(world, entry)
    assert [billing for kind, billing, *_ in before if kind == UNBILLED] == [NON_CHARGEABLE, CHARGEABLE]
    world.dataverse.put(ROLE, msdyn_billingtype=NON_CHARGEABLE)
    assert "left as it is" in left_alone(world, entry)
    assert figures(world, entry) == before


def test_other_hours_released_anew_are_priced_by_the_lists_of_then(world: PricedWorld) -> None:
    entry = world.unpriced()
    settle(world, entry)
    world.dataverse.put(world.sales_price, msdyn_price=Decimal(230))
    world.cancel(entry)
    world.dataverse.put(reference(entry), msdyn_duration=360)
    hours = {"msdyn_costquantity": Decimal(6), "msdyn_salesquantity": Decimal(6)}
    world.approve(entry, **hours)
    settle(world, entry)
    assert figures(world, entry) == [
        (COST, CHARGEABLE, "110.00", "660.00"),
        (UNBILLED, CHARGEABLE, "230.00", "1380.00"),
    ]
    assert (world.net(entry, COST), world.net(entry, UNBILLED)) == (Decimal(660), Decimal(1380))


def test_a_price_the_approval_released_anew_is_taken_over_as_ever(world: PricedWorld) -> None:
    entry = world.unpriced()
    settle(world, entry)
    world.approve(entry, msdyn_salesprice=Decimal(220), transactioncurrencyid=USD)
    settle(world, entry)
    assert figures(world, entry) == [BY_LISTS[0], (UNBILLED, CHARGEABLE, "220.00", "1760.00")]


def test_hours_cut_anew_are_taken_over_although_the_lists_say_the_price(world: PricedWorld) -> None:
    """Eight hours are eight hours, but two of them are not to be charged any more."""
    entry = world.unpriced()
    settle(world, entry)
    world.approve(entry, msdyn_salesquantity=Decimal(6))
    settle(world, entry)
    assert figures(world, entry) == [
        BY_LISTS[0],
        (UNBILLED, NON_CHARGEABLE, "210.00", "420.00"),
        (UNBILLED, CHARGEABLE, "210.00", "1260.00"),
    ]


def test_hours_no_longer_cut_are_taken_over_although_settings_say_the_billing_type(world: PricedWorld) -> None:
    entry = world.submit()
    world.approve(entry, msdyn_billingtype=None, msdyn_salesquantity=Decimal(6))
    settle(world, entry)
    world.approve(entry, msdyn_billingtype=None, msdyn_salesquantity=Decimal(8))
    settle(world, entry)
    sales = [(billing, amount) for kind, billing, _, amount in figures(world, entry) if kind == UNBILLED]
    assert sales == [(CHARGEABLE, "1600.00")]
