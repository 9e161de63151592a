"""An actual that should exist, whether or not it does yet."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from uuid import UUID

from mappings import keys, tables
from mappings.choices import BillingType, TransactionType
from mappings.tables import Cell, NewRow, Ref


@dataclass(frozen=True, slots=True)
class PlannedActual:
    """An actual that should exist: its role in the entry's ledger, its figures, all its columns, and why they are so.

    ``because`` are full sentences: contract line, quantity, rate. Whether price and billing type were
    released with the approval; else they are what price lists and settings say now.
    """

    role: str
    type: TransactionType
    billing_type: BillingType | None
    quantity: Decimal
    price: Decimal
    amount: Decimal
    cells: dict[str, Cell]
    because: tuple[str, ...]
    price_is_released: bool = True
    billing_is_released: bool = True

    def row(self, entry: UUID, generation: int) -> NewRow:
        """The row under the id that only this entry, generation and role lead to."""
        return NewRow(Ref(tables.ACTUAL, keys.row_id(entry, generation, self.role)), self.cells)
