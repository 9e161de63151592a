"""What an expense costs and sells for, or the reason why there is no price: category, unit, cost, currency."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from mappings.price_lists import Unpriced
from mappings.price_rows import Calculation, CategoryPrice
from mappings.pricing import Found, work_of
from tests.mappings.price_samples import (
    ADATUM,
    COSTS,
    EACH,
    FEBRUARY,
    KILOMETER,
    MILE,
    MILEAGE,
    NEW_YORK,
    US,
    book,
    category_price,
    expense_work,
)
from tests.mappings.samples import CATEGORY, CONTRACT, EUR, JPY, RESOURCE, ROLE, USD, approval, expense, time_entry, uid


def sales(rows: list[CategoryPrice], cost: str | None = "500", **work: Any) -> Found | Unpriced:
    return book(category_prices=tuple(rows)).sales_rate(expense_work(cost, **work), USD)


AT_COST = category_price(801, ADATUM, Calculation.AT_COST, price="999", percent="99")
MARKED_UP = category_price(802, ADATUM, Calculation.MARKUP, price="999", percent="10")
EACH_PRICED = category_price(803, ADATUM, Calculation.PER_UNIT, price="35", percent="99")


@pytest.mark.parametrize(
    ("row", "price", "sentence"),
    [
        (AT_COST, "500", "Adatum 2026 covers 2026-02-10 and charges the category at cost."),
        (MARKED_UP, "550", "Adatum 2026 covers 2026-02-10 and charges the category at cost plus 10 percent."),
        (EACH_PRICED, "35", "Adatum 2026 covers 2026-02-10 and charges the category 35 per Each."),
    ],
)
def test_a_category_is_charged_by_its_method_and_by_nothing_else(row: CategoryPrice, price: str, sentence: str) -> None:
    assert sales([row]) == Found(Decimal(price), ADATUM.ref, sentence)


NO_PRICE = "Adatum 2026 has a row for the expense's category, but no price in it."
NO_AMOUNT = (
    "Adatum 2026 covers 2026-02-10 and charges the category by its cost, but the expense was entered without an amount."
)


@pytest.mark.parametrize(
    ("row", "cost", "sentence"),
    [
        (category_price(804, ADATUM, Calculation.PER_UNIT), "500", NO_PRICE),
        (category_price(805, ADATUM, Calculation.MARKUP), "500", NO_PRICE),
        (category_price(806, ADATUM, None, price="35"), "500", NO_PRICE),
        (AT_COST, None, NO_AMOUNT),
        (MARKED_UP, None, NO_AMOUNT),
        (
            category_price(807, ADATUM, Calculation.PER_UNIT, "10", category=MILEAGE),
            "500",
            "Adatum 2026 covers 2026-02-10, but has no row for the expense's category.",
        ),
        (
            category_price(808, COSTS, Calculation.PER_UNIT, "10"),
            "500",
            "Adatum 2026 covers 2026-02-10, but has no row for the expense's category.",
        ),
    ],
)
def test_a_row_that_gives_no_price_is_said_to(row: CategoryPrice, cost: str | None, sentence: str) -> None:
    assert sales([row], cost) == Unpriced("price-missing", sentence)


def test_units_of_expenses_are_never_converted() -> None:
    """Ten miles at ten each; with a price per mile only, kilometres have none (PSA/advanced-units)."""
    by_the_mile = category_price(809, ADATUM, Calculation.PER_UNIT, "10", category=MILEAGE, unit=MILE)
    by_the_kilometer = category_price(810, ADATUM, Calculation.PER_UNIT, "6", category=MILEAGE, unit=KILOMETER)
    both = sales([by_the_mile, by_the_kilometer], category=MILEAGE, unit=KILOMETER)
    assert isinstance(both, Found)
    assert both.price == 6
    said = (
        "Adatum 2026 prices the category per Mile, the expense was entered per {}, "
        "and units of expenses are never converted."
    )
    for unit, named in ((KILOMETER, "Kilometer"), (None, "no unit")):
        found = sales([by_the_mile], category=MILEAGE, unit=unit)
        assert found == Unpriced("price-missing", said.format(named))


def test_two_rows_for_one_category_and_unit_are_ambiguous_unless_they_say_the_same() -> None:
    twin = category_price(811, ADATUM, Calculation.PER_UNIT, price="35", percent="99")
    assert isinstance(sales([EACH_PRICED, twin]), Found)
    said = "Adatum 2026 prices the category 2 times by the same unit."
    assert sales([EACH_PRICED, AT_COST]) == Unpriced("price-ambiguous", said)


def test_an_expense_without_a_category_finds_no_row() -> None:
    nameless = category_price(812, ADATUM, Calculation.AT_COST, category=None)  # type: ignore[arg-type]
    assert isinstance(sales([nameless], category=None), Unpriced)


def test_an_expense_costs_what_was_entered_in_its_own_currency() -> None:
    found = book().cost_rate(expense_work("33.333"), USD)
    assert found == Found(Decimal("33.333"), None, "The expense costs what was entered.")
    blank = book().cost_rate(expense_work(None), USD)
    assert blank == Unpriced("price-missing", "The expense was entered without an amount.")


def test_the_cost_lists_say_nothing_of_expenses() -> None:
    """At cost and markup are ignored on cost lists, and no default is entered (PSA/basic-pricing)."""
    on_costs = category_price(813, COSTS, Calculation.PER_UNIT, "10")
    assert book(category_prices=(on_costs,)).cost_rate(expense_work("500"), USD) == Found(
        Decimal(500), None, "The expense costs what was entered."
    )


@pytest.mark.parametrize(
    ("row", "cost", "source", "price"),
    [
        # 250 euros at 0.94 to the dollar: 265.957…, printed as 265.95 by a page that cuts it off.
        (AT_COST, "250", EUR, "265.96"),
        (MARKED_UP, "250", EUR, "292.55"),
        (AT_COST, "12300", JPY, "100.00"),
        (EACH_PRICED, "250", EUR, "35"),
    ],
)
def test_a_cost_in_another_currency_is_charged_by_way_of_the_base_currency(
    row: CategoryPrice, cost: str, source: Any, price: str
) -> None:
    found = sales([row], cost, currency=source.id)
    assert isinstance(found, Found)
    assert found.price == Decimal(price)
    assert ("converted from" in found.because) is (row is not EACH_PRICED)


# What is priced: the approval's word first.


def test_work_is_what_the_approval_says_and_else_what_the_entry_says() -> None:
    other = type(ROLE)(ROLE.table, uid(9001))
    entry = time_entry(role=other, resourcing_unit=None)
    released = approval(role=ROLE, resource=RESOURCE, category=None)
    work = work_of(entry, released, US, CONTRACT.id, FEBRUARY, NEW_YORK)
    assert (work.role, work.resource, work.category) == (ROLE.id, RESOURCE.id, None)
    assert (work.contracting_unit, work.resourcing_unit) == (US, US)
    assert (work.cost, work.currency, work.unit) == (None, None, None)
    assert work_of(entry, approval(role=None), US, None, FEBRUARY, NEW_YORK).role == other.id


def test_a_unit_of_an_expense_costs_what_was_released_or_its_share_of_the_amount() -> None:
    each = type(ROLE)("uom", EACH)
    entry = expense("3", amount=Decimal(100), unit=each, category=CATEGORY)
    share = work_of(entry, approval(cost_price=None), US, CONTRACT.id, FEBRUARY, NEW_YORK)
    assert share.cost == Decimal(100) / 3
    assert (share.currency, share.unit, share.category) == (USD.id, EACH, CATEGORY.id)
    released = work_of(entry, approval(cost_price=Decimal(40)), US, CONTRACT.id, FEBRUARY, NEW_YORK)
    assert released.cost == 40
    elsewhere = approval(cost_price=Decimal(40), currency=EUR.id)
    assert work_of(entry, elsewhere, US, CONTRACT.id, FEBRUARY, NEW_YORK).cost == Decimal(100) / 3
    for blank in (expense("0", amount=Decimal(100)), expense("1", amount=None)):
        assert work_of(blank, approval(cost_price=None), US, None, FEBRUARY, NEW_YORK).cost is None
