"""Quantities and amounts: exact decimals, rounded here and nowhere else.

Quantities carry two decimals on actuals, amounts the precision of their currency. The quantity is rounded first, then
the amount: 100 minutes at 200 an hour are 1.67 h and 334.00. Halves are rounded away from zero.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from uuid import UUID

from mappings.refusal import Refusal

QUANTITY_STEP = Decimal("0.01")
MINUTES_AN_HOUR = Decimal(60)


@dataclass(frozen=True, slots=True)
class Currency:
    """A currency of the environment: its id, code, number of decimals (0 to 4), and units per unit of base currency."""

    id: UUID
    code: str
    precision: int
    rate: Decimal | None

    @property
    def half_a_unit(self) -> Decimal:
        """The most that rounding can take from or add to an amount in this currency."""
        return Decimal(5).scaleb(-self.precision - 1)

    def round(self, amount: Decimal) -> Decimal:
        """The amount in this currency's precision."""
        return amount.quantize(Decimal(1).scaleb(-self.precision), rounding=ROUND_HALF_UP)


def quantity(value: Decimal) -> Decimal:
    """A quantity as an actual holds it: two decimals."""
    return value.quantize(QUANTITY_STEP, rounding=ROUND_HALF_UP)


def hours(minutes: int) -> Decimal:
    """Whole minutes of a time entry as hours of an actual."""
    return quantity(Decimal(minutes) / MINUTES_AN_HOUR)


def amount(how_many: Decimal, price: Decimal, currency: Currency) -> Decimal:
    """Quantity times price, in the currency's precision."""
    return currency.round(how_many * price)


def converted(value: Decimal, source: Currency, target: Currency) -> Decimal:
    """An amount in another currency, by way of the base currency, in the target's precision (PSA/advanced-currency)."""
    if source.id == target.id:
        return value
    if not source.rate or not target.rate:
        missing = target.code if source.rate else source.code
        raise Refusal("rate-missing", f"Currency {missing} has no exchange rate; give it one and approve anew.")
    return target.round(value / source.rate * target.rate)
