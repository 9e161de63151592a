"""What a backlog adds up to, per contract and currency, and how long it has been waiting.

Sums are of what an invoice would bill; ages are days since the business date. They are taken while rows pass by, so
that the memory they need grows with the contracts and not with the rows.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from enum import StrEnum
from uuid import UUID

from service.backlog_view import BacklogLine
from service.contracts import Contract


class Age(StrEnum):
    """How long ago something was dated, in days."""

    FUTURE = "future"
    TO_30 = "0-30"
    TO_60 = "31-60"
    TO_90 = "61-90"
    OVER_90 = "over-90"
    UNDATED = "undated"


_LAST = ((-1, Age.FUTURE), (30, Age.TO_30), (60, Age.TO_60), (90, Age.TO_90))


def age(dated: date | None, today: date) -> Age:
    """The age of what is dated so; product lines have no date."""
    if dated is None:
        return Age.UNDATED
    days = (today - dated).days
    return next((age for last, age in _LAST if days <= last), Age.OVER_90)


@dataclass(slots=True)
class Total:
    """What one contract's rows add up to in one currency; ``contract`` is ``None`` for rows without one."""

    contract: Contract | None
    currency: str
    precision: int
    rows: int = 0
    ready: int = 0
    held: int = 0
    """Rows that are neither ready nor may be marked."""
    billable: Decimal = Decimal(0)
    ready_billable: Decimal = Decimal(0)
    ages: dict[Age, Decimal] = field(default_factory=lambda: dict.fromkeys(Age, Decimal(0)))

    def add(self, other: Total) -> None:
        """Add another total of the same currency."""
        self.rows += other.rows
        self.ready += other.ready
        self.held += other.held
        self.billable += other.billable
        self.ready_billable += other.ready_billable
        for one, sum in other.ages.items():
            self.ages[one] += sum


class Totals:
    """The totals of the lines that were added so far."""

    def __init__(self, today: date) -> None:
        self._today = today
        self._found: dict[tuple[UUID | None, str], Total] = {}

    def add(self, lines: Iterable[BacklogLine]) -> None:
        """Count these lines too."""
        for line in lines:
            key = (None if line.contract is None else line.contract.id, line.currency)
            total = self._found.setdefault(key, Total(line.contract, line.currency, line.precision))
            billable, is_ready = line.row.billable, line.row.is_ready
            total.rows += 1
            total.ready += is_ready
            total.held += not is_ready and not line.judgement.may_mark
            total.billable += billable
            total.ready_billable += billable if is_ready else 0
            total.ages[age(line.dated, self._today)] += billable

    def by_contract(self) -> list[Total]:
        """One total per contract and currency, by contract number."""
        return sorted(
            self._found.values(), key=lambda one: (one.contract.displayed if one.contract else "", one.currency)
        )

    def by_currency(self) -> list[Total]:
        """One total per currency, over all contracts."""
        sums: dict[str, Total] = {}
        for one in self.by_contract():
            sums.setdefault(one.currency, Total(None, one.currency, one.precision)).add(one)
        return [sums[code] for code in sorted(sums)]
