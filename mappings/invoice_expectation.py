"""What the next invoice of a contract must contain, to the cent, worked out before it is made."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

from mappings.backlog import BacklogRow
from mappings.business_date import business_date


@dataclass(frozen=True, slots=True)
class Expectation:
    """The rows the product will take, and what they come to. ``total`` counts chargeable work only."""

    rows: tuple[BacklogRow, ...]

    @property
    def total(self) -> Decimal:
        """The sum the customer is charged, before tax."""
        return sum((row.billable for row in self.rows), Decimal(0))


def expectation(rows: Iterable[BacklogRow], now: datetime, zone: ZoneInfo) -> Expectation:
    """Everything ready and not dated after today, in a stable order (PSA/invoicing).

    The product compares the start date with the day the invoice is created; ``zone`` says which day that is.
    """
    today = business_date(now, zone)
    due = [row for row in rows if row.is_due(today, zone)]
    return Expectation(tuple(sorted(due, key=lambda row: (row.backlog, str(row.row.id)))))
