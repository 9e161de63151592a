"""What must hold for every set of price lists, not only for those in the book."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from decimal import ROUND_HALF_UP, Decimal
from itertools import combinations
from typing import Any
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from mappings.dimensions import DEFAULT, ROLE, UNIT
from mappings.money import Currency
from mappings.price_lists import Unpriced
from mappings.price_rows import Calculation, RolePrice, best
from mappings.pricing import Found, PriceBook
from tests.mappings.price_samples import (
    ADATUM,
    ANA,
    DEVELOPER,
    HOUR,
    INDIA,
    LONG_DAY,
    TESTER,
    US,
    book,
    category_price,
    dimension,
    expense_work,
    markup,
    price_list,
    role_price,
    time_work,
)
from tests.mappings.samples import EUR, GBP, JPY, KWD, USD, uid

BAND = "new_band"
ORDER = (*DEFAULT, dimension(BAND, 3))
VALUES: dict[str, Any] = {ROLE: DEVELOPER, UNIT: US, BAND: 1}
PRICES = st.integers(min_value=1, max_value=100_000).map(lambda cents: Decimal(cents) / 100)


@st.composite
def role_prices(draw: st.DrawFn) -> list[RolePrice]:
    """Rows for any roles, units and bands, and for none; no two for the same."""
    keys = draw(
        st.lists(
            st.tuples(
                st.sampled_from([DEVELOPER, TESTER, None]),
                st.sampled_from([US, INDIA, None]),
                st.sampled_from([1, 2, None]),
            ),
            unique=True,
            max_size=12,
        )
    )
    return [
        role_price(2000 + number, ADATUM, str(draw(PRICES)), values={ROLE: role, UNIT: unit, BAND: band})
        for number, (role, unit, band) in enumerate(keys)
    ]


def priced(rows: Sequence[RolePrice], **changes: Any) -> Found | Unpriced:
    prices = book(role_prices=tuple(rows), dimensions=ORDER, values={BAND: 1}, **changes)
    return prices.sales_rate(time_work(), USD)


def weight(row: RolePrice) -> int | None:
    """An independent reckoning of how well a row fits: four for the role, two for the unit, one for the band."""
    total = 0
    for column, worth in ((ROLE, 4), (UNIT, 2), (BAND, 1)):
        held = row.values[column]
        if held is not None and held != VALUES[column]:
            return None
        total += worth if held is not None else 0
    return total


@given(role_prices())
def test_the_row_that_fits_best_is_found_by_another_reckoning_too(rows: list[RolePrice]) -> None:
    fitting = [(weight(row), row) for row in rows if weight(row) is not None]
    found = priced(rows)
    if not fitting:
        assert isinstance(found, Unpriced)
        assert found.code == "price-missing"
    else:
        assert isinstance(found, Found)
        assert found.price == max(fitting, key=lambda pair: pair[0] or 0)[1].price


@given(role_prices(), st.randoms(use_true_random=False))
def test_the_order_of_rows_and_lists_does_not_matter(rows: list[RolePrice], random: Any) -> None:
    others = [price_list(2100, "Adatum 2024", year=2024), price_list(2101, "Adatum 2025", year=2025)]
    lists = [ADATUM, *others]
    first = priced(rows, lists=lists, of_contract=lists)
    random.shuffle(rows)
    random.shuffle(lists)
    assert priced(rows, lists=lists, of_contract=lists) == first


@given(role_prices())
def test_a_row_for_others_changes_nothing_and_a_less_special_one_never_wins(rows: list[RolePrice]) -> None:
    found = priced(rows)
    fitting = [row for row in rows if weight(row) is not None]
    without_strangers = priced(fitting)
    assert isinstance(found, Found) == isinstance(without_strangers, Found)
    if isinstance(found, Found):
        assert found == without_strangers
    for less, more in combinations(sorted(fitting, key=lambda row: weight(row) or 0), 2):
        assert best([less, more], ORDER, lambda one: VALUES[one.column]) == [more]


@given(role_prices(), st.sampled_from(["0.5", "1", "8", "10", "40"]))
def test_a_price_by_a_longer_unit_comes_to_the_same_an_hour(rows: list[RolePrice], length: str) -> None:
    hours = Decimal(length)
    units = {HOUR: (hour := book().units[HOUR]), LONG_DAY: replace(hour, id=LONG_DAY, base=HOUR, quantity=hours)}
    by_the_day = [replace(row, price=(row.price or 0) * hours, unit=LONG_DAY) for row in rows]
    plain, longer = priced(rows, units=units), priced(by_the_day, units=units)
    assert isinstance(plain, Found) == isinstance(longer, Found)
    if isinstance(plain, Found) and isinstance(longer, Found):
        assert plain.price == longer.price


@given(PRICES, st.integers(min_value=-50, max_value=300))
def test_a_markup_raises_the_rate_by_its_share_of_it(base: Decimal, percent: int) -> None:
    hours = (*DEFAULT, dimension("hours", 3, is_markup=True))
    prices = book(
        role_prices=(role_price(2200, ADATUM, str(base)),),
        dimensions=hours,
        markups=(markup(2201, ADATUM, str(percent), hours=2),),
        values={"hours": 2},
    )
    found = prices.sales_rate(time_work(), USD)
    assert isinstance(found, Found)
    assert found.price * 100 == base * (100 + percent)


CURRENCIES = st.sampled_from([USD, EUR, GBP, JPY, KWD])
ALL = {one.id: one for one in (USD, EUR, GBP, JPY, KWD)}


def charged_at_cost(cost: Decimal, source: Currency, target: Currency) -> Decimal:
    adatum = replace(ADATUM, currency=target.id)
    prices = book(
        (adatum,),
        (adatum,),
        (),
        category_prices=(category_price(2300, adatum, Calculation.AT_COST),),
        currencies=ALL,
    )
    found = prices.sales_rate(expense_work(str(cost), currency=source.id), target)
    assert isinstance(found, Found)
    return found.price


@given(PRICES, CURRENCIES, CURRENCIES)
def test_a_cost_goes_from_its_currency_into_the_base_and_from_there_into_the_contracts(
    cost: Decimal, source: Currency, target: Currency
) -> None:
    """Reckoned anew, and rounded once; the same currency is left as it is."""
    assert source.rate is not None
    assert target.rate is not None
    base = cost / source.rate
    step = Decimal(1).scaleb(-target.precision)
    expected = cost if source is target else (base * target.rate).quantize(step, rounding=ROUND_HALF_UP)
    assert charged_at_cost(cost, source, target) == expected


@given(PRICES, CURRENCIES)
def test_a_cost_in_the_base_currency_there_and_back_is_off_by_rounding_only(cost: Decimal, there: Currency) -> None:
    assert there.rate is not None
    abroad = charged_at_cost(cost, USD, there)
    back = charged_at_cost(abroad, there, USD)
    assert abs(back - cost) <= there.half_a_unit / there.rate + USD.half_a_unit


@st.composite
def books(draw: st.DrawFn) -> PriceBook:
    """Any two of four lists on a contract, two of which overlap."""
    known = [ADATUM, price_list(2401, "Twin"), price_list(2402, "Old", year=2025), price_list(2403, "Open", end=None)]
    chosen = draw(st.lists(st.sampled_from(known), unique_by=lambda one: one.ref, max_size=3))
    rows = tuple(role_price(2410 + n, one, str(draw(PRICES))) for n, one in enumerate(known))
    return book(known, chosen, (), role_prices=rows)


@given(books())
def test_a_rate_is_given_when_exactly_one_list_covers_the_day_and_never_else(prices: PriceBook) -> None:
    (attached,) = prices.of_contract.values()
    covering = attached & {ADATUM.ref.id, uid(2401)}
    found = prices.sales_rate(time_work(resource=ANA), USD)
    if len(covering) == 1:
        assert isinstance(found, Found)
        (of,) = covering
        assert [row.price for row in prices.role_prices if row.price_list == of] == [found.price]
    else:
        assert isinstance(found, Unpriced)
        assert found.code == ("price-ambiguous" if covering else "price-missing")


@given(st.lists(st.uuids(), max_size=3))
def test_lists_that_were_tied_but_not_found_are_as_if_not_there(strangers: list[UUID]) -> None:
    (contract,) = book().of_contract
    tied = {contract: frozenset({ADATUM.ref.id, *strangers})}
    rows = (role_price(2500, ADATUM, "200"),)
    assert book(role_prices=rows).sales_rate(time_work(), USD) == replace(
        book(role_prices=rows), of_contract=tied
    ).sales_rate(time_work(), USD)
