"""Units of measure, and what a unit of time comes to in hours.

Only time converts: a day's price is worth an eighth of it an hour where a day is eight hours. Units of expenses never
convert; a price per mile says nothing about kilometres (PSA/advanced-units).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from uuid import UUID

from mappings.row import Row

UNIT_COLUMNS = ("name", "quantity", "baseuom", "isschedulebaseuom")


@dataclass(frozen=True, slots=True)
class Unit:
    """A unit and how many of its ``base`` it holds; the base unit of its group has none. Time's base is the hour."""

    id: UUID
    name: str
    base: UUID | None
    quantity: Decimal | None


def unit(row: Row) -> Unit:
    """A unit from its row."""
    base = None if row.flag("isschedulebaseuom") else row.link_id("baseuom")
    return Unit(row.id, row.text("name") or str(row.id), base, row.number("quantity"))


def hours_in(id: UUID, units: Mapping[UUID, Unit]) -> Decimal | None:
    """How many hours a unit of time is; ``None`` where a link to its base unit is missing or leads in a circle."""
    hours, passed = Decimal(1), set[UUID]()
    while True:
        found = units.get(id)
        if found is None or id in passed:
            return None
        if found.base is None:
            return hours
        if not found.quantity or found.quantity < 0:
            return None
        passed.add(id)
        hours *= found.quantity
        id = found.base


def name_of(id: UUID | None, units: Mapping[UUID, Unit]) -> str:
    """What people call a unit."""
    found = units.get(id) if id else None
    return found.name if found else "an unknown unit"
