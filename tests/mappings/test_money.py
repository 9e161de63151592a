"""Rounding, stated once."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mappings import money
from mappings.money import Currency
from mappings.refusal import Refusal
from tests.mappings.samples import EUR, GBP, JPY, KWD, USD, uid

CURRENCIES = st.sampled_from([USD, EUR, JPY, KWD])
AMOUNTS = st.decimals(min_value=-1_000_000, max_value=1_000_000, places=6)


@pytest.mark.parametrize(
    ("minutes", "hours"), [(0, "0.00"), (1, "0.02"), (20, "0.33"), (100, "1.67"), (480, "8.00"), (1439, "23.98")]
)
def test_minutes_are_hours_of_two_decimals(minutes: int, hours: str) -> None:
    assert str(money.hours(minutes)) == hours


@pytest.mark.parametrize(
    ("currency", "value", "rounded"),
    [
        (USD, "1.005", "1.01"),
        (USD, "-1.005", "-1.01"),
        (USD, "1.0049", "1.00"),
        (JPY, "160000.5", "160001"),
        (JPY, "-0.5", "-1"),
        (KWD, "1.0005", "1.001"),
    ],
)
def test_halves_go_away_from_zero_in_the_currencys_precision(currency: Currency, value: str, rounded: str) -> None:
    assert str(currency.round(Decimal(value))) == rounded


def test_the_quantity_is_rounded_before_the_amount() -> None:
    assert money.amount(money.hours(100), Decimal(200), USD) == Decimal("334.00")


def test_a_conversion_goes_by_way_of_the_base_currency() -> None:
    # 400 GBP at 0.80 are 500 USD; 500 USD at 0.94 are 470 EUR.
    assert money.converted(Decimal(400), GBP, EUR) == Decimal("470.00")
    # 160,000 JPY at 123 are 1,300.81 USD.
    assert money.converted(Decimal(160000), JPY, USD) == Decimal("1300.81")
    # 250 EUR at 0.94 are 265.957... USD: rounded, not cut off.
    assert money.converted(Decimal(250), EUR, USD) == Decimal("265.96")


def test_nothing_is_converted_within_one_currency() -> None:
    assert money.converted(Decimal("0.125"), USD, USD) == Decimal("0.125")


@pytest.mark.parametrize("rate", [None, Decimal(0)])
@pytest.mark.parametrize("is_source", [True, False])
def test_an_amount_is_not_converted_at_no_rate(rate: Decimal | None, is_source: bool) -> None:
    without = Currency(uid(106), "XAU", 2, rate)
    source, target = (without, USD) if is_source else (USD, without)
    with pytest.raises(Refusal) as caught:
        money.converted(Decimal(100), source, target)
    assert caught.value.code == "rate-missing"
    assert "XAU" in caught.value.sentence


def test_within_one_currency_no_rate_is_needed() -> None:
    without = Currency(uid(106), "XAU", 2, None)
    assert money.converted(Decimal(100), without, without) == Decimal(100)


@given(AMOUNTS, CURRENCIES)
def test_what_was_rounded_once_reads_back_unchanged(value: Decimal, currency: Currency) -> None:
    once = currency.round(value)
    assert currency.round(once) == once
    assert money.quantity(money.quantity(value)) == money.quantity(value)


@given(AMOUNTS, CURRENCIES)
def test_an_amount_and_its_negation_cancel_each_other_out(value: Decimal, currency: Currency) -> None:
    assert currency.round(value) + currency.round(-value) == 0
    assert money.quantity(value) + money.quantity(-value) == 0
