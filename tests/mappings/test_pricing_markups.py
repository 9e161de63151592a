"""Markups on the rate of an hour: found by all dimensions, put on top of a base found without those for markups."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from mappings.dimensions import DEFAULT, ROLE, UNIT
from mappings.price_lists import Unpriced
from mappings.price_rows import RolePrice
from mappings.pricing import Found
from tests.mappings.price_samples import (
    ADATUM,
    COSTS,
    DEVELOPER,
    INDIA,
    US,
    book,
    dimension,
    markup,
    role_price,
    time_work,
)
from tests.mappings.samples import USD

EXACT = role_price(701, ADATUM, "200", DEVELOPER, US)
ANY_UNIT = role_price(702, ADATUM, "180", DEVELOPER)


def sales(rows: list[RolePrice], **changes: Any) -> Found | Unpriced:
    return book(role_prices=tuple(rows), **changes).sales_rate(time_work(), USD)


def price(found: Found | Unpriced) -> Decimal:
    assert isinstance(found, Found), found
    return found.price


HOURS = "new_hours"
REGULAR, OVERTIME = 1, 2
ORDER = (*DEFAULT, dimension(HOURS, 3, is_markup=True))


def overtime(*rows: RolePrice, hours: int | None = OVERTIME) -> Found | Unpriced:
    return sales([ANY_UNIT, EXACT], dimensions=ORDER, markups=rows, values={HOURS: hours})


def test_a_markup_is_put_on_top_of_the_base_rate_and_said() -> None:
    fifteen = markup(731, ADATUM, "15", **{HOURS: OVERTIME})
    found = overtime(fifteen)
    assert price(found) == 230
    assert found.because.endswith("It is raised by 15 percent.")
    for hours in (REGULAR, None):
        plain = overtime(fifteen, hours=hours)
        assert price(plain) == 200
        assert "percent" not in plain.because


def test_a_markup_is_found_by_all_dimensions_with_the_same_fallback() -> None:
    any_unit = markup(732, ADATUM, "10", **{HOURS: OVERTIME})
    in_us = markup(733, ADATUM, "20", **{UNIT: US, HOURS: OVERTIME})
    in_india = markup(734, ADATUM, "15", **{UNIT: INDIA, HOURS: OVERTIME})
    assert price(overtime(any_unit, in_us, in_india)) == 240
    assert price(overtime(any_unit, in_india)) == 220


def test_two_markups_that_fit_equally_well_are_ambiguous() -> None:
    one, other = markup(735, ADATUM, "10", **{HOURS: OVERTIME}), markup(736, ADATUM, "20", **{HOURS: OVERTIME})
    said = "Adatum 2026 marks the work up 2 times, by new_hours, for any role and organizational unit."
    assert overtime(one, other) == Unpriced("price-ambiguous", said)


def test_a_markup_of_another_list_or_without_a_percentage_is_none() -> None:
    assert price(overtime(markup(737, COSTS, "15", **{HOURS: OVERTIME}))) == 200
    assert price(overtime(markup(738, ADATUM, None, **{HOURS: OVERTIME}))) == 200


def test_without_a_dimension_for_markups_their_rows_do_not_matter() -> None:
    assert price(sales([EXACT], markups=(markup(739, ADATUM, "15"),))) == 200


def test_a_dimension_for_markups_does_not_choose_the_base_rate() -> None:
    regular = role_price(741, ADATUM, "200", values={ROLE: DEVELOPER, UNIT: US, HOURS: REGULAR})
    assert price(sales([regular, ANY_UNIT], dimensions=ORDER, values={HOURS: OVERTIME})) == 200
