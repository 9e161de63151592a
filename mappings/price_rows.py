"""The rows of a price list: role prices, role price markups, category prices, and the one that fits best.

A row fits when each dimension it fills is the work's. Of those that fit, the one that fills the dimension that matters
most comes first; a row that leaves a dimension empty stands for whatever no other row names.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Hashable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import IntEnum
from typing import TypeVar
from uuid import UUID

from mappings.dimensions import STANDARD, Dimension
from mappings.row import Row
from mappings.tables import Cell, Ref

ROLE_PRICE_COLUMNS = (
    "msdyn_pricelist",
    *STANDARD,
    "msdyn_pricecalculation",
    "msdyn_price",
    "msdyn_unit",
    "transactioncurrencyid",
    "statecode",
)
MARKUP_COLUMNS = ("msdyn_pricelist", *STANDARD, "msdyn_percent", "statecode")
CATEGORY_PRICE_COLUMNS = (
    "msdyn_pricelist",
    "msdyn_transactioncategory",
    "msdyn_pricecalculation",
    "msdyn_percent",
    "msdyn_price",
    "msdyn_unit",
    "transactioncurrencyid",
    "statecode",
)


class Calculation(IntEnum):
    """msdyn_pricecalculation: how a price row says what something costs."""

    PER_UNIT = 192350000
    AT_COST = 192350001
    MARKUP = 192350002


@dataclass(frozen=True, slots=True)
class RolePrice:
    """A price of time on a list, or (``percent``) a markup on one; ``values`` are its dimensions by column."""

    ref: Ref
    price_list: UUID | None
    values: Mapping[str, Hashable]
    price: Decimal | None
    percent: Decimal | None
    unit: UUID | None
    currency: UUID | None


@dataclass(frozen=True, slots=True)
class CategoryPrice:
    """How a list charges an expense category by one unit: at cost, at cost plus a percentage, or at a price."""

    ref: Ref
    price_list: UUID | None
    category: UUID | None
    calculation: int | None
    price: Decimal | None
    percent: Decimal | None
    unit: UUID | None
    currency: UUID | None


def role_price(row: Row, dimensions: Collection[Dimension]) -> RolePrice | None:
    """A role price or a markup from its row; ``None`` for an inactive one."""
    if row.choice("statecode"):
        return None
    per_unit = row.choice("msdyn_pricecalculation") in (None, Calculation.PER_UNIT)
    return RolePrice(
        ref=row.ref,
        price_list=row.link_id("msdyn_pricelist"),
        values={one.column: dimension_value(row.cells.get(one.column)) for one in dimensions},
        # At cost and markup mean nothing for time, and a row that says so gives no price.
        price=row.number("msdyn_price") if per_unit else None,
        percent=row.number("msdyn_percent"),
        unit=row.link_id("msdyn_unit"),
        currency=row.link_id("transactioncurrencyid"),
    )


def category_price(row: Row) -> CategoryPrice | None:
    """A category price from its row; ``None`` for an inactive one."""
    if row.choice("statecode"):
        return None
    return CategoryPrice(
        ref=row.ref,
        price_list=row.link_id("msdyn_pricelist"),
        category=row.link_id("msdyn_transactioncategory"),
        calculation=row.choice("msdyn_pricecalculation"),
        price=row.number("msdyn_price"),
        percent=row.number("msdyn_percent"),
        unit=row.link_id("msdyn_unit"),
        currency=row.link_id("transactioncurrencyid"),
    )


def dimension_value(cell: Cell) -> Hashable:
    """What a dimension's column holds, comparable: a lookup counts by the row it points to."""
    return cell.id if isinstance(cell, Ref) else cell


def best(
    rows: Collection[RolePrice], dimensions: Sequence[Dimension], value: Callable[[Dimension], Hashable]
) -> list[RolePrice]:
    """The rows that fit best; several where rows fill the same dimensions, none where no row fits."""
    fitting = [row for row in rows if all(row.values.get(one.column) in (None, value(one)) for one in dimensions)]
    if not fitting:
        return []
    most = max(_filled(row, dimensions) for row in fitting)
    return sorted((row for row in fitting if _filled(row, dimensions) == most), key=lambda row: row.ref.id)


def why_none(
    rows: Collection[RolePrice], dimensions: Sequence[Dimension], value: Callable[[Dimension], Hashable]
) -> str:
    """Why no row fits, as the end of a sentence about a price list."""
    if not rows:
        return f"has no row for the {dimensions[0].word}" if dimensions else "has no role prices"

    def reached(row: RolePrice) -> int:
        fits = [row.values.get(one.column) in (None, value(one)) for one in dimensions]
        return fits.index(False)

    furthest = max(map(reached, rows))
    wrong, right = dimensions[furthest].word, [one.word for one in dimensions[:furthest]]
    if not right:
        return f"has no row for the {wrong}"
    return f"has rows for the {' and '.join(right)}, but of another {wrong} only"


def by_what(row: RolePrice, dimensions: Sequence[Dimension]) -> str:
    """The dimensions a row was found by, for a person."""
    filled = [one.word for one in dimensions if row.values.get(one.column) is not None]
    empty = [one.word for one in dimensions if row.values.get(one.column) is None]
    found = f"by {' and '.join(filled)}" if filled else "by no dimension"
    return f"{found}, for any {' and '.join(empty)}" if empty else found


_Any = TypeVar("_Any")


def all_alike(rows: Collection[_Any], figure: Callable[[_Any], Hashable]) -> bool:
    """Whether rows that fit equally well say the same."""
    return len({figure(row) for row in rows}) <= 1


def _filled(row: RolePrice, dimensions: Sequence[Dimension]) -> tuple[bool, ...]:
    return tuple(row.values.get(one.column) is not None for one in dimensions)
