"""Where the product rounds: the one place for quantities and amounts.

A quantity is rounded first, to two decimals; then quantity times price is rounded to the precision of the currency it
is in: 100 minutes at 200 an hour are 1.67 h and 334.00. Halves go away from zero. The decimals of a quantity are
documented; the order of the two steps and the direction of halves are inferred. How the platform rounds what it is
given to store is another matter, in ``dataverse.money``.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from uuid import UUID

from sandbox.dataverse.product.cells import amount as money
from sandbox.dataverse.product.cells import existing
from sandbox.dataverse.unit_of_work import UnitOfWork

_CENT = Decimal("0.01")
_MINUTES_AN_HOUR = Decimal(60)


def quantity(value: Decimal) -> Decimal:
    """A quantity as transactions hold it: two decimals."""
    return value.quantize(_CENT, rounding=ROUND_HALF_UP)


def hours(minutes: int) -> Decimal:
    """Whole minutes of a time entry in hours."""
    return quantity(Decimal(minutes) / _MINUTES_AN_HOUR)


@dataclass(frozen=True, slots=True)
class PricedCurrency:
    """A currency the product works amounts out in: its decimals, and units of it for one unit of the base currency."""

    id: UUID
    precision: int
    rate: Decimal

    def round(self, value: Decimal) -> Decimal:
        """The value in this currency's precision."""
        return value.quantize(Decimal(1).scaleb(-self.precision), rounding=ROUND_HALF_UP)

    def extended(self, how_many: Decimal, price: Decimal) -> Decimal:
        """Quantity times price."""
        return self.round(how_many * price)

    def from_other(self, value: Decimal, other: PricedCurrency) -> Decimal:
        """A value of another currency in this one, by way of the base currency (PSA/advanced-currency)."""
        return self.round(value) if other.id == self.id else self.round(value / other.rate * self.rate)


def currency(work: UnitOfWork, id: UUID) -> PricedCurrency:
    """The currency as its row states it."""
    row = existing(work, "transactioncurrency", id)
    precision = row.get("currencyprecision")
    return PricedCurrency(id, precision if isinstance(precision, int) else 2, money(row, "exchangerate") or Decimal(1))
