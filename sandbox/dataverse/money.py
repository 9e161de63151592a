"""Currencies as the platform stores amounts: what a money column is rounded to, and its worth in the base currency.

How the product rounds what it works out is its own rule, in ``product.rounding``.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Decimal
from uuid import UUID

from sandbox.dataverse.catalog import Table
from sandbox.dataverse.refusals import missing
from sandbox.dataverse.store import Store
from sandbox.dataverse.unit_of_work import Cell, Link, Refused, Row


@dataclass(frozen=True, slots=True)
class StoredCurrency:
    """A currency as the platform stores amounts in it: decimal places, and units of it for one of the base currency."""

    precision: int
    rate: Decimal

    def stored(self, amount: Decimal) -> Decimal:
        """The amount as a money column keeps it: at this currency's precision, half to the even digit."""
        return amount.quantize(Decimal(1).scaleb(-self.precision), ROUND_HALF_EVEN)


class Currencies:
    """Reads currency rows. The organisation's own currency is the base currency."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._table = store.catalog.table("transactioncurrency")
        self.base_id: UUID | None = None

    def get(self, id: UUID) -> StoredCurrency:
        """The currency row as it stands in this transaction."""
        found = self._store.values(self._table, id, "currencyprecision", "exchangerate")
        if found is None:
            raise missing(self._table.name, id)
        precision, rate = found
        if precision is None or rate is None or Decimal(rate) <= 0:
            raise Refused("The currency has no precision or no exchange rate.", "0x80048cf2")
        return StoredCurrency(precision, Decimal(rate))

    def fill(self, table: Table, cells: Row, before: Row | None) -> None:
        """Round the money columns being written, and set ``exchangerate`` and the ``_base`` twins from them.

        ``cells`` is changed in place. On an update every amount of the row is converted anew when its currency
        changes, and otherwise those that were named.
        """
        if not table.money or "transactioncurrencyid" not in table.columns:
            return
        named = [column.name for column in table.money if column.name in cells]
        if before is None or "transactioncurrencyid" in cells:
            named = [column.name for column in table.money if column.name in cells or (before and before[column.name])]
        elif not named:
            return
        link = cells.get("transactioncurrencyid") or (before or {}).get("transactioncurrencyid")
        if link is None and self.base_id is not None:
            link = Link("transactioncurrency", self.base_id)
            cells["transactioncurrencyid"] = link
        if not isinstance(link, Link):
            return
        currency = self.get(link.id)
        base = currency if self.base_id in (None, link.id) else self.get(self.base_id)
        if "exchangerate" in table.columns:
            cells["exchangerate"] = currency.rate
        for name in named:
            amount: Cell = cells[name] if name in cells else (before or {})[name]
            if amount is None:
                cells[f"{name}_base"] = None
            elif isinstance(amount, Decimal):
                cells[name] = currency.stored(amount)
                cells[f"{name}_base"] = base.stored(currency.stored(amount) / currency.rate)
