"""What the next invoice of a contract must contain, to the cent, worked out before it is made."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from mappings.backlog import BacklogRow


@dataclass(frozen=True, slots=True)
class Expectation:
    """The rows the product will take, and what they come to. ``total`` counts chargeable work only."""

    rows: tuple[BacklogRow, ...]

    @property
    def total(self) -> Decimal:
        """The sum the customer is charged, before tax."""
        return sum((row.billable for row in self.rows), Decimal(0))


def expectation(rows: Iterable[BacklogRow], now: datetime) -> Expectation:
    """Everything ready and not dated in the future (PSA/invoicing), in a stable order."""
    due = [row for row in rows if row.is_due(now)]
    return Expectation(tuple(sorted(due, key=lambda row: (row.backlog, str(row.row.id)))))
