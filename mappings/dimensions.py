"""Pricing dimensions: by which facts of a piece of work a price row is found, and which of them matters most.

The smallest priority number matters most (PSA/bookable-resource-pricing-dimension); a dimension without one comes last.
A dimension is named like its column on role prices; where the time entry calls it something else, a dimension field
name says so (PSA/set-up-pricing-dimensions).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import IntEnum

from mappings import tables
from mappings.price_lists import Context
from mappings.row import Row

DIMENSION_COLUMNS = (
    "msdyn_name",
    "msdyn_type",
    "msdyn_applicabletocost",
    "msdyn_applicabletosales",
    "msdyn_costpriority",
    "msdyn_salespriority",
    "statecode",
)
FIELD_NAME_COLUMNS = ("msdyn_dimensionid", "msdyn_entitylogicalname", "msdyn_fieldname", "statecode")

ROLE = "msdyn_resourcecategory"
UNIT = "msdyn_organizationalunit"
RESOURCE = "msdyn_bookableresource"
CATEGORY = "msdyn_transactioncategory"

STANDARD = (ROLE, UNIT, RESOURCE, CATEGORY)
"""Columns every environment has on role prices, whose values the work itself knows."""

WORDS = {ROLE: "role", UNIT: "organizational unit", RESOURCE: "resource", CATEGORY: "category"}


class DimensionType(IntEnum):
    """msdyn_dimension.msdyn_type."""

    AMOUNT = 192350000
    MARKUP = 192350001


@dataclass(frozen=True, slots=True)
class Dimension:
    """One pricing dimension: its column on role prices, on time entries, and its priority by context."""

    column: str
    entry_column: str
    is_markup: bool
    cost_priority: int | None
    sales_priority: int | None
    for_cost: bool
    for_sales: bool

    @property
    def word(self) -> str:
        """What people call it."""
        return WORDS.get(self.column, self.column)

    def _rank(self, context: Context) -> tuple[bool, int, str]:
        priority = self.cost_priority if context is Context.COST else self.sales_priority
        return priority is None, priority or 0, self.column


DEFAULT = (
    Dimension(ROLE, ROLE, False, 1, 1, True, True),
    Dimension(UNIT, "msdyn_resourceorganizationalunitid", False, 2, 2, True, True),
)
"""What every installation begins with."""


def dimensions(rows: Iterable[Row], field_names: Iterable[Row]) -> tuple[Dimension, ...]:
    """The environment's dimensions; the two default ones where it lists none."""
    called = {
        (name.link_id("msdyn_dimensionid")): name.text("msdyn_fieldname")
        for name in field_names
        if name.text("msdyn_entitylogicalname") == tables.TIME_ENTRY and not name.choice("statecode")
    }
    found = []
    for row in rows:
        # Kept as the schema name, in capitals here and there; columns are asked for by their logical name.
        column = (row.text("msdyn_name") or "").strip().lower()
        if not column or row.choice("statecode"):
            continue
        found.append(
            Dimension(
                column=column,
                entry_column=(called.get(row.id) or column).strip().lower(),
                is_markup=row.choice("msdyn_type") == DimensionType.MARKUP,
                cost_priority=row.choice("msdyn_costpriority"),
                sales_priority=row.choice("msdyn_salespriority"),
                for_cost=row.flag("msdyn_applicabletocost"),
                for_sales=row.flag("msdyn_applicabletosales"),
            )
        )
    return tuple(found) or DEFAULT


def in_order(found: Iterable[Dimension], context: Context, *, with_markups: bool) -> Sequence[Dimension]:
    """The dimensions that count in a context, the one that matters most first."""
    applicable = [
        one
        for one in found
        if (one.for_cost if context is Context.COST else one.for_sales) and (with_markups or not one.is_markup)
    ]
    return sorted(applicable, key=lambda one: one._rank(context))


def own(found: Iterable[Dimension]) -> tuple[Dimension, ...]:
    """Dimensions an administrator added: their values have to be read from the entry."""
    return tuple(one for one in found if one.column not in STANDARD and (one.for_cost or one.for_sales))
