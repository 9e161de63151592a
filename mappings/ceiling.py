"""How much may be written at once without a person saying so: a number of rows, and a sum in each currency."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from uuid import UUID

from mappings.backlog import BacklogRow
from mappings.row import Row

CURRENCY_COLUMNS = ("isocurrencycode", "currencyprecision")
"""What is read of a currency."""


@dataclass(frozen=True, slots=True)
class Ceiling:
    """``amount``: one for every currency, or one each by ISO code; a currency that is not named has none."""

    rows: int
    amount: Decimal | tuple[tuple[str, Decimal], ...]

    def amount_in(self, code: str) -> Decimal:
        """The largest sum in a currency."""
        if isinstance(self.amount, Decimal):
            return self.amount
        return dict(self.amount).get(code.upper(), Decimal(0))

    def above(self, rows: int, sums: Mapping[str, Decimal]) -> list[str]:
        """What is too much, each as a sentence; sums are by ISO code."""
        over = [f"The number of rows, {rows}, is more than the ceiling of {self.rows}."] if rows > self.rows else []
        for code, amount in sorted(sums.items()):
            if amount > (ceiling := self.amount_in(code)):
                over.append(f"{amount:,f} {code} is more than the ceiling of {ceiling:,f}.")
        return over


def sums(rows: Iterable[BacklogRow], currencies: Iterable[Row]) -> dict[str, Decimal]:
    """What these rows add to invoices, by ISO code, every amount counted whichever way it goes."""
    known = {row.id: row for row in currencies}
    by_currency: defaultdict[UUID | None, Decimal] = defaultdict(Decimal)
    for row in rows:
        by_currency[row.currency] += abs(row.billable)
    told: defaultdict[str, Decimal] = defaultdict(Decimal)
    for id, amount in by_currency.items():
        currency = known.get(id) if id is not None else None
        places = (currency.choice("currencyprecision") if currency else None) or 0
        code = (currency.text("isocurrencycode") if currency else None) or "?"
        told[code] += amount.quantize(Decimal(1).scaleb(-places)) if currency else amount
    return dict(told)
