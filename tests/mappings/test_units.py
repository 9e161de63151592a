"""What units of time come to in hours; a chain of units that leads nowhere comes to nothing."""

from __future__ import annotations

from decimal import Decimal

import pytest

from mappings.tables import Ref
from mappings.units import Unit, hours_in, name_of, unit
from tests.mappings.price_samples import DAY, HOUR, LONG_DAY, UNITS, WEEK
from tests.mappings.samples import row, uid


@pytest.mark.parametrize(("id", "hours"), [(HOUR, 1), (DAY, 8), (LONG_DAY, 10), (WEEK, 40)])
def test_a_unit_of_time_comes_to_hours_through_the_units_it_is_made_of(id: object, hours: int) -> None:
    assert hours_in(id, UNITS) == hours  # type: ignore[arg-type]


def test_a_circle_a_missing_base_or_no_quantity_come_to_nothing() -> None:
    one, two = uid(401), uid(402)
    assert hours_in(one, {}) is None
    assert hours_in(one, {one: Unit(one, "One", two, Decimal(2))}) is None
    assert hours_in(one, {one: Unit(one, "One", two, Decimal(2)), two: Unit(two, "Two", one, Decimal(2))}) is None
    for quantity in (None, Decimal(0), Decimal(-8)):
        assert hours_in(one, {one: Unit(one, "One", HOUR, quantity), **UNITS}) is None


def test_a_unit_is_read_from_its_row_and_the_base_unit_of_a_group_has_no_base() -> None:
    ref, hour = Ref("uom", uid(403)), Ref("uom", HOUR)
    day = unit(row(ref, {"name": "Day", "quantity": Decimal(8), "baseuom": hour}))
    assert day == Unit(ref.id, "Day", HOUR, Decimal(8))
    base = unit(row(ref, {"name": "Hour", "quantity": Decimal(1), "baseuom": hour, "isschedulebaseuom": True}))
    assert base.base is None


def test_a_unit_nobody_knows_is_called_so() -> None:
    assert name_of(DAY, UNITS) == "Day"
    assert name_of(None, UNITS) == name_of(uid(404), UNITS) == "an unknown unit"
