"""Whether the rows that count are those an approval released, and what set-up says otherwise by now.

Compared are figures, billing type, business days and what else an approval releases. Contract, line and customer are
the set-up's: changing those does not bill the past anew. Nor does a price list, a currency or a chargeability setting
that changed, where price or billing type came from there; released hours do, whatever they came to.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

from mappings.business_date import business_date
from mappings.choices import BillingType, TransactionType
from mappings.ledger import Actual
from mappings.planned_actual import PlannedActual
from mappings.tables import Cell

_RELEASED = (
    "msdyn_project",
    "msdyn_task",
    "msdyn_bookableresource",
    "msdyn_resourcecategory",
    "msdyn_transactioncategory",
)
_DAYS = ("msdyn_documentdate", "msdyn_startdatetime")


@dataclass(frozen=True, slots=True)
class _Row:
    type: int | None
    billing_type: int | None
    quantity: Decimal
    price: Decimal
    amount: Decimal
    cells: Mapping[str, Cell]


@dataclass(frozen=True, slots=True)
class _Side:
    """One side's rows: those that count, and those that were released."""

    held: tuple[_Row, ...]
    released: tuple[_Row, ...]
    price_is_fixed: bool
    billing_is_fixed: bool

    def agrees(self, zone: ZoneInfo, but_for: frozenset[str]) -> bool:
        # Cut hours stay non-chargeable whatever the settings say; only what the rest is can follow from them.
        loose = not self.billing_is_fixed and _main(self.held) != _main(self.released)
        held, released = (
            _summed(rows, self.price_is_fixed, loose, zone, but_for) for rows in (self.held, self.released)
        )
        return held == released


def agree(
    live: Sequence[Actual], planned: Sequence[PlannedActual], zone: ZoneInfo, but_for: frozenset[str] = frozenset()
) -> bool:
    """The live rows are what was released, on the sides that both have, whatever these columns hold."""
    return all(side.agrees(zone, but_for) for side in _sides(live, planned))


def said_otherwise(live: Sequence[Actual], planned: Sequence[PlannedActual]) -> tuple[Actual, ...]:
    """The live rows whose price or billing type, as lists and settings give it, would be another one now."""
    now = {(one.type, one.billing_type, one.price, one.cells.get("transactioncurrencyid")) for one in planned}
    open_sides = {one.type for one in planned if not (one.price_is_released and one.billing_is_released)}
    return tuple(
        actual
        for actual in live
        if actual.type in open_sides
        and (actual.type, actual.billing_type, actual.figures[1], actual.row.link("transactioncurrencyid")) not in now
    )


def _sides(live: Sequence[Actual], planned: Sequence[PlannedActual]) -> Iterable[_Side]:
    for type in dict.fromkeys(one.type for one in planned):
        held = tuple(_of_actual(actual) for actual in live if actual.type == type)
        wanted = [one for one in planned if one.type is type]
        if held:
            released = tuple(_of_plan(one) for one in wanted)
            price_is_fixed = all(one.price_is_released for one in wanted)
            yield _Side(held, released, price_is_fixed, all(one.billing_is_released for one in wanted))


def _of_actual(actual: Actual) -> _Row:
    return _Row(actual.type, actual.billing_type, *actual.figures, actual.row.cells)


def _of_plan(one: PlannedActual) -> _Row:
    return _Row(one.type, one.billing_type, one.quantity, one.price, one.amount, one.cells)


def _main(rows: Iterable[_Row]) -> int | None:
    """The billing type of what was not cut."""
    kinds = {row.billing_type for row in rows}
    return next(iter(sorted(kinds - {None, BillingType.NON_CHARGEABLE}, key=str)), BillingType.NON_CHARGEABLE)


def _summed(
    rows: Iterable[_Row], with_price: bool, billing_is_loose: bool, zone: ZoneInfo, but_for: frozenset[str]
) -> dict[tuple[Hashable, ...], tuple[Decimal, Decimal | None]]:
    """Quantity, and where the price counts amount, by everything else that counts.

    Rows that differ in nothing are one for this; how many there may be is the derived ids' affair.
    """
    found: defaultdict[tuple[Hashable, ...], list[_Row]] = defaultdict(list)
    for row in rows:
        billing = row.billing_type if row.type == TransactionType.UNBILLED_SALES and not billing_is_loose else None
        price = (row.price, row.cells.get("transactioncurrencyid")) if with_price else None
        cells = {column: value for column, value in row.cells.items() if column not in but_for}
        same = (billing, price, *_days(cells, zone))
        found[same + tuple(cells.get(column) for column in _RELEASED)].append(row)
    zero = Decimal(0)
    return {
        same: (
            sum((row.quantity for row in some), zero),
            # Rows split otherwise round otherwise.
            sum((row.amount for row in some), zero) if with_price and not billing_is_loose else None,
        )
        for same, some in found.items()
    }


def _days(cells: Mapping[str, Cell], zone: ZoneInfo) -> tuple[date | None, ...]:
    """The business days a row says it is of."""
    instants = (cells.get(column) for column in _DAYS)
    return tuple(business_date(one, zone) if isinstance(one, datetime) else None for one in instants)
