"""The documentation's own examples of prices, from the lists to the amount, every figure written down by hand."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest

from mappings import money
from mappings.choices import TransactionClass
from mappings.dimensions import DEFAULT, ROLE, UNIT
from mappings.money import Currency
from mappings.price_lists import Context, PriceList
from mappings.price_rows import Calculation
from mappings.pricing import PriceBook, Work
from mappings.rates import Rate, cost_rate, resourcing_unit_rate, sales_rate, transfer_rate
from mappings.refusal import Refusal
from tests.mappings.price_samples import (
    ADATUM,
    AIRFARE,
    COSTS,
    INDIA,
    INR,
    KILOMETER,
    LONG_DAY,
    MILE,
    MILEAGE,
    book,
    category_price,
    dimension,
    expense_work,
    markup,
    price_list,
    role_price,
    time_work,
)
from tests.mappings.samples import GBP, JPY, USD, approval

OPEN = approval(cost_price=None, sales_price=None)
"""An approval that leaves the prices to the lists."""


def cost(work: Work, prices: PriceBook, currency: Currency = USD, held: bool = True) -> Rate:
    return cost_rate(OPEN, None, currency, work, prices, held)


def sales(work: Work, prices: PriceBook, currency: Currency = USD, held: bool = True) -> Rate:
    return sales_rate(OPEN, None, currency, work, prices, held)


def amount(quantity: str, rate: Rate, currency: Currency = USD) -> str:
    return str(money.amount(money.quantity(Decimal(quantity)), rate.price, currency))


def test_11_a_developer_lent_by_another_unit() -> None:
    """The US cost list has 67 for India's developers, Adatum pays 112, India's own list has 1,000 rupees a long day."""
    india = price_list(351, "India costs", Context.COST, currency=INR.id)
    prices = book(
        (ADATUM, COSTS, india),
        of_parameters=(COSTS, india),
        role_prices=(
            role_price(901, COSTS, "100"),
            role_price(902, COSTS, "67", unit=INDIA),
            role_price(903, ADATUM, "200"),
            role_price(904, ADATUM, "112", unit=INDIA),
            role_price(905, india, "1000", per=LONG_DAY),
        ),
    )
    work = time_work(resourcing_unit=INDIA)
    assert amount("8", cost(work, prices)) == "536.00"
    assert amount("8", sales(work, prices)) == "896.00"
    spent = resourcing_unit_rate(OPEN, None, INR, work, prices, True)
    assert (str(spent.price), amount("8", spent, INR)) == ("100.00", "800.00")
    charged = transfer_rate(OPEN, None, USD, work, prices, True)
    assert (str(charged.price), amount("8", charged)) == ("67.00", "536.00")
    at_home = time_work()
    assert (amount("8", cost(at_home, prices)), amount("8", sales(at_home, prices))) == ("800.00", "1600.00")


REGULAR, OVERTIME, ONSITE, LOCAL = 1, 2, 3, 4


@pytest.mark.parametrize(
    ("location", "hours", "quantity", "price", "total"),
    [
        (ONSITE, REGULAR, "8", "100.00", "800.00"),
        (ONSITE, OVERTIME, "2", "115.00", "230.00"),
        (LOCAL, OVERTIME, "2", "110.00", "220.00"),
    ],
)
def test_19_overtime_is_marked_up(location: int, hours: int, quantity: str, price: str, total: str) -> None:
    from_india = {UNIT: INDIA, ROLE: None}
    prices = book(
        role_prices=(role_price(911, COSTS, "100"),),
        dimensions=(*DEFAULT, dimension("location", 3), dimension("hours", 4, is_markup=True)),
        markups=(
            markup(912, COSTS, "15", **from_india, location=ONSITE, hours=OVERTIME),
            markup(913, COSTS, "10", **from_india, location=LOCAL, hours=OVERTIME),
            markup(914, COSTS, "20", **{UNIT: time_work().contracting_unit}, location=LOCAL, hours=OVERTIME),
        ),
        values={"location": location, "hours": hours},
    )
    rate = cost(time_work(resourcing_unit=INDIA), prices)
    assert (str(rate.price), amount(quantity, rate)) == (price, total)


def test_20_airfare_is_marked_up_ten_percent() -> None:
    prices = book(category_prices=(category_price(921, ADATUM, Calculation.MARKUP, percent="10", category=AIRFARE),))
    work = expense_work("500.00")
    assert amount("1", cost(work, prices)) == "500.00"
    rate = sales(work, prices)
    assert (str(rate.price), amount("1", rate)) == ("550.00", "550.00")


def test_21_mileage_by_the_mile_and_by_the_kilometer() -> None:
    by_the_mile = category_price(931, ADATUM, Calculation.PER_UNIT, "10", category=MILEAGE, unit=MILE)
    prices = book(category_prices=(by_the_mile,))
    miles = expense_work("3", category=MILEAGE, unit=MILE)
    rate = sales(miles, prices)
    assert (str(rate.price), amount("10", rate)) == ("10.00", "100.00")
    kilometers = expense_work("3", category=MILEAGE, unit=KILOMETER)
    with pytest.raises(Refusal, match="units of expenses are never converted") as told:
        sales(kilometers, prices)
    assert told.value.code == "price-missing"
    written = sales(kilometers, prices, held=False)
    assert (str(written.price), amount("10", written)) == ("0.00", "0.00")
    assert "the expense was entered per Kilometer" in written.because


def test_23_a_british_unit_works_for_a_japanese_contract() -> None:
    """Eight hours at 20,000 yen and 50 pounds; 123 yen to the dollar."""
    yen = price_list(352, "Yen 2026", currency=JPY.id)
    pounds = price_list(353, "UK costs", Context.COST, currency=GBP.id)
    prices = book(
        (yen, pounds, COSTS),
        (yen,),
        (pounds, COSTS),
        role_prices=(role_price(941, yen, "20000"), role_price(942, pounds, "50"), role_price(943, COSTS, "100")),
    )
    spent, sold = cost(time_work(), prices, GBP), sales(time_work(), prices, JPY)
    assert (str(spent.price), amount("8", spent, GBP)) == ("50.00", "400.00")
    assert (str(sold.price), amount("8", sold, JPY)) == ("20000", "160000")
    assert str(money.converted(Decimal(160000), JPY, USD)) == "1300.81"


YEAR_BEFORE = price_list(354, "Adatum 2025", year=2025)
BOTH_YEARS = book(
    (ADATUM, YEAR_BEFORE, COSTS),
    (ADATUM, YEAR_BEFORE),
    role_prices=(role_price(951, YEAR_BEFORE, "200"), role_price(952, ADATUM, "220")),
)


@pytest.mark.parametrize(
    ("day", "price", "total"),
    [(date(2025, 12, 31), "200.00", "1600.00"), (date(2026, 1, 1), "220.00", "1760.00")],
)
def test_24_the_day_of_the_work_decides_not_the_day_of_its_approval(day: date, price: str, total: str) -> None:
    """Work of 31 December, approved on 5 January."""
    rate = sales(time_work(day=day), BOTH_YEARS)
    assert (str(rate.price), amount("8", rate)) == (price, total)


SPECIAL = price_list(355, "Adatum special")


@pytest.mark.parametrize(
    ("lists", "day", "code", "said"),
    [
        (
            (ADATUM, SPECIAL),
            date(2026, 2, 10),
            "price-ambiguous",
            "Adatum 2026 and Adatum special of the contract overlap",
        ),
        ((ADATUM,), date(2027, 2, 10), "price-missing", "No sales price list of the contract covers 2027-02-10"),
    ],
)
def test_25_two_lists_or_none_cover_the_day(lists: tuple[PriceList, ...], day: date, code: str, said: str) -> None:
    prices = book(lists, lists, (), role_prices=(role_price(961, ADATUM, "200"), role_price(962, SPECIAL, "300")))
    with pytest.raises(Refusal, match=said) as told:
        sales(time_work(day=day), prices)
    assert told.value.code == code
    written = sales(time_work(day=day), prices, held=False)
    assert (str(written.price), amount("8", written), written.price_list) == ("0.00", "0.00", None)
    assert said in written.because


def test_27_the_quantity_is_rounded_before_it_is_multiplied() -> None:
    prices = book(role_prices=(role_price(971, ADATUM, "200"),))
    hours = money.hours(100)
    assert str(hours) == "1.67"
    assert amount(str(hours), sales(time_work(), prices)) == "334.00"


def test_an_entry_of_another_class_is_priced_by_its_own_rows_only() -> None:
    prices = book(role_prices=(role_price(981, ADATUM, "200"),))
    assert time_work().transaction_class is TransactionClass.TIME
    with pytest.raises(Refusal, match="no row for the expense's category"):
        sales(expense_work(), prices)
