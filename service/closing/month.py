"""A month as it is closed: its business days, and which of them have come."""

from __future__ import annotations

from calendar import monthrange
from dataclasses import dataclass
from datetime import date, timedelta


@dataclass(frozen=True, slots=True)
class Month:
    """The business days from ``first`` to ``last``, both included."""

    first: date
    last: date

    @classmethod
    def of(cls, year: int, month: int) -> Month:
        """A month of the calendar."""
        return cls(date(year, month, 1), date(year, month, monthrange(year, month)[1]))

    @property
    def following(self) -> date:
        """The day after it."""
        return self.last + timedelta(days=1)

    def __str__(self) -> str:
        return f"{self.first:%Y-%m}"
