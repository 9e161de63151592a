"""The rate of an hour, or the reason why there is none: lists, dimensions and their fallback, units, currencies."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from mappings.dimensions import DEFAULT, RESOURCE, ROLE, UNIT
from mappings.price_lists import Context, Unpriced
from mappings.price_rows import RolePrice
from mappings.pricing import Found, PriceBook
from mappings.refusal import Refusal
from tests.mappings.price_samples import (
    ADATUM,
    ANA,
    COSTS,
    DAY,
    DEVELOPER,
    HOUR,
    INDIA,
    INR,
    LONG_DAY,
    TESTER,
    US,
    WEEK,
    book,
    dimension,
    price_list,
    role_price,
    time_work,
)
from tests.mappings.samples import EUR, GBP, USD, uid


def sales(rows: list[RolePrice], work: dict[str, Any] | None = None, **changes: Any) -> Found | Unpriced:
    """What an hour sells for by these rows of Adatum's list."""
    return book(role_prices=tuple(rows), **changes).sales_rate(time_work(**work or {}), USD)


def price(found: Found | Unpriced) -> Decimal:
    assert isinstance(found, Found), found
    return found.price


def reason(found: Found | Unpriced, code: str = "price-missing") -> str:
    assert isinstance(found, Unpriced), found
    assert found.code == code
    return found.because


EXACT = role_price(701, ADATUM, "200", DEVELOPER, US)
ANY_UNIT = role_price(702, ADATUM, "180", DEVELOPER)
ANY_ROLE = role_price(703, ADATUM, "150", None, US)
ANYTHING = role_price(704, ADATUM, "100", None)
ELSEWHERE = role_price(705, ADATUM, "112", DEVELOPER, INDIA)
OTHER_ROLE = role_price(706, ADATUM, "90", TESTER, US)


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ([EXACT, ANY_UNIT, ANY_ROLE, ANYTHING, ELSEWHERE, OTHER_ROLE], "200"),
        ([ANY_UNIT, ANY_ROLE, ANYTHING, ELSEWHERE, OTHER_ROLE], "180"),
        ([ANY_ROLE, ANYTHING, ELSEWHERE, OTHER_ROLE], "150"),
        ([ANYTHING, ELSEWHERE, OTHER_ROLE], "100"),
    ],
)
def test_the_dimension_that_matters_least_is_given_up_first(rows: list[RolePrice], expected: str) -> None:
    assert price(sales(rows)) == price(sales(rows[::-1])) == Decimal(expected)


def test_the_order_of_what_is_given_up_follows_the_priorities() -> None:
    unit_first = (dimension(UNIT, 1), dimension(ROLE, 2))
    assert price(sales([ANY_UNIT, ANY_ROLE], dimensions=unit_first)) == 150
    assert price(sales([ANY_UNIT, ANY_ROLE], dimensions=DEFAULT)) == 180


@pytest.mark.parametrize(
    ("rows", "work", "sentence"),
    [
        ([], {}, "Adatum 2026 covers 2026-02-10, but has no row for the role."),
        ([OTHER_ROLE], {}, "Adatum 2026 covers 2026-02-10, but has no row for the role."),
        ([EXACT], {"role": None}, "Adatum 2026 covers 2026-02-10, but has no row for the role."),
        (
            [ELSEWHERE, OTHER_ROLE],
            {},
            "Adatum 2026 covers 2026-02-10, but has rows for the role, but of another organizational unit only.",
        ),
    ],
)
def test_no_row_for_the_work_is_said_with_what_there_is(
    rows: list[RolePrice], work: dict[str, Any], sentence: str
) -> None:
    assert reason(sales(rows, work)) == sentence


def test_a_column_that_is_no_dimension_does_not_matter() -> None:
    anas = role_price(707, ADATUM, "200", DEVELOPER, US, resource=uid(9999))
    assert price(sales([anas])) == 200
    by_resource = (dimension(RESOURCE, 0), *DEFAULT)
    assert "no row for the resource" in reason(sales([anas], dimensions=by_resource))
    hers = role_price(708, ADATUM, "250", None, None, resource=ANA)
    assert price(sales([EXACT, hers], dimensions=by_resource)) == 250


def test_a_dimension_of_the_administrators_is_matched_with_what_the_entry_holds() -> None:
    def banded(number: int, amount: str, band: int | None) -> RolePrice:
        return role_price(number, ADATUM, amount, values={ROLE: DEVELOPER, UNIT: None, "new_band": band})

    rows = [banded(709, "210", 1), banded(710, "310", 2), banded(711, "110", None)]
    order = (*DEFAULT, dimension("new_band", 3))
    for band, expected in ((1, 210), (2, 310), (3, 110), (None, 110)):
        assert price(sales(rows, dimensions=order, values={"new_band": band})) == expected


def test_two_rows_that_fit_equally_well_are_ambiguous_unless_they_say_the_same() -> None:
    twin = role_price(712, ADATUM, "200", DEVELOPER, US)
    assert price(sales([EXACT, twin])) == 200
    other = role_price(713, ADATUM, "201", DEVELOPER, US)
    said = reason(sales([EXACT, other, ANY_UNIT]), "price-ambiguous")
    assert said == "Adatum 2026 prices the work 2 times, by role and organizational unit."


def test_a_row_without_a_price_gives_none() -> None:
    said = reason(sales([role_price(714, ADATUM, None, DEVELOPER, US), ANY_UNIT]))
    assert said == "Adatum 2026 has a row for the work, by role and organizational unit, but no price in it."


@pytest.mark.parametrize(
    ("per", "amount", "hourly"),
    [(HOUR, "100", "100"), (DAY, "800", "100"), (WEEK, "4000", "100"), (LONG_DAY, "1000", "100"), (None, "100", "100")],
)
def test_a_price_by_another_unit_of_time_is_converted_into_hours(per: UUID | None, amount: str, hourly: str) -> None:
    """An 800 day of eight hours is 100 an hour (PSA/advanced-units); a row without a unit has its list's."""
    assert price(sales([role_price(715, ADATUM, amount, per=per)])) == Decimal(hourly)


@pytest.mark.parametrize("per", [uid(9998), None])
def test_a_unit_of_time_that_does_not_lead_to_hours_gives_no_price(per: UUID | None) -> None:
    lost = price_list(303, "Adatum 2026", time_unit=None)
    said = reason(sales([role_price(716, lost, "800", per=per)], lists=(lost,), of_contract=(lost,), of_parameters=()))
    assert said == "Adatum 2026 prices the work by an unknown unit, which can't be converted into hours."


def test_a_row_in_another_currency_than_its_list_is_converted_by_way_of_the_base_currency() -> None:
    """100 EUR at 0.94 to the dollar are 106.38 dollars."""
    found = sales([role_price(717, ADATUM, "100", currency=EUR.id)])
    assert price(found) == Decimal("106.38")
    assert "converted from EUR into USD" in found.because
    unknown = reason(sales([role_price(717, ADATUM, "100", currency=uid(9997))]))
    assert unknown.endswith("Its currency can't be read.")


def test_a_currency_without_a_rate_is_refused_by_name() -> None:
    nameless = {GBP.id: type(GBP)(GBP.id, "GBP", 2, None)}
    with pytest.raises(Refusal, match="Currency GBP has no exchange rate"):
        sales([role_price(718, ADATUM, "100", currency=GBP.id)], currencies=nameless)


def test_the_sentence_names_list_day_figure_unit_and_what_it_was_found_by() -> None:
    found = sales([role_price(719, ADATUM, "800.0000000000", per=DAY)])
    assert isinstance(found, Found)
    assert found.price_list == ADATUM.ref
    assert found.because == (
        "Adatum 2026 covers 2026-02-10 and has 800 per Day, found by role, for any organizational unit."
    )
    assert sales([ANYTHING]).because.endswith("found by no dimension, for any role and organizational unit.")


# Whose list it is.

UNIT_COSTS = price_list(304, "Robotics costs", Context.COST, currency=INR.id)
INDIA_COSTS = price_list(305, "India costs", Context.COST, currency=INR.id)
EURO_COSTS = price_list(306, "Euro costs", Context.COST, currency=EUR.id)


def costs(*extra: object, **changes: Any) -> PriceBook:
    rows = (
        role_price(721, COSTS, "100"),
        role_price(722, UNIT_COSTS, "7000"),
        role_price(723, INDIA_COSTS, "800"),
        role_price(724, EURO_COSTS, "94"),
    )
    lists = (ADATUM, COSTS, UNIT_COSTS, INDIA_COSTS, EURO_COSTS)
    parameters = (COSTS, INDIA_COSTS, EURO_COSTS, ADATUM)
    return book(lists, of_parameters=parameters, role_prices=rows, **changes)


def test_a_cost_comes_from_the_parameters_list_in_the_currency_of_the_unit() -> None:
    for currency, expected in ((USD, 100), (INR, 800), (EUR, 94)):
        assert price(costs().cost_rate(time_work(), currency)) == expected
    said = reason(costs().cost_rate(time_work(), GBP))
    assert said.startswith("No active cost price list in GBP is attached to the project parameters; it has ")


def test_a_parameter_lets_cost_lists_of_any_currency_count() -> None:
    """There is then one list for all units, with prices in several currencies."""
    of_all = book(
        (COSTS,),
        of_parameters=(COSTS,),
        role_prices=(role_price(725, COSTS, "8000", unit=INDIA, currency=INR.id), role_price(726, COSTS, "100")),
        costs_in_any_currency=True,
    )
    assert price(of_all.cost_rate(time_work(resourcing_unit=INDIA), INR)) == 8000
    assert price(of_all.cost_rate(time_work(resourcing_unit=INDIA), USD)) == 100
    assert price(of_all.cost_rate(time_work(), EUR)) == 94
    assert reason(replace(of_all, costs_in_any_currency=False).cost_rate(time_work(), EUR)).startswith("No active cost")


def test_a_list_on_the_organizational_unit_counts_before_those_of_the_parameters() -> None:
    attached = {US: frozenset({UNIT_COSTS.ref.id})}
    found = costs(of_unit=attached).cost_rate(time_work(), USD)
    assert price(found) == Decimal("87.50")  # 7,000 rupees at 80 to the dollar
    assert "Robotics costs" in found.because
    assert price(costs(of_unit=attached).cost_rate(time_work(contracting_unit=INDIA), INR)) == 800


def test_an_attached_list_that_does_not_cover_the_day_is_not_made_up_for_by_the_parameters() -> None:
    attached = {US: frozenset({UNIT_COSTS.ref.id})}
    said = reason(costs(of_unit=attached).cost_rate(time_work(day=date(2027, 1, 1)), INR))
    assert said.startswith("No cost price list of the contracting unit covers 2027-01-01: Robotics costs is valid from")


def test_a_sales_list_on_a_unit_is_no_cost_list_of_it() -> None:
    attached = {US: frozenset({ADATUM.ref.id})}
    assert price(costs(of_unit=attached).cost_rate(time_work(), USD)) == 100


def test_the_resourcing_unit_is_priced_by_its_own_list() -> None:
    attached = {INDIA: frozenset({UNIT_COSTS.ref.id})}
    work = time_work(resourcing_unit=INDIA)
    assert price(costs(of_unit=attached).resourcing_unit_rate(work, INR)) == 7000
    assert price(costs(of_unit=attached).cost_rate(work, USD)) == 100
    said = reason(
        costs(of_unit=attached).resourcing_unit_rate(time_work(resourcing_unit=INDIA, day=date(2025, 1, 1)), INR)
    )
    assert said.startswith("No cost price list of the resourcing unit covers 2025-01-01")


def test_sales_lists_are_the_contracts_alone() -> None:
    rows = [EXACT]
    said = reason(sales(rows, {"contract": uid(9996)}))
    assert (
        said
        == reason(sales(rows, {"contract": None}))
        == ("No active sales price list in USD is attached to the contract.")
    )
