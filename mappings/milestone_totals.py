"""Whether the milestones of a fixed-price line add up to what was agreed for it.

Only milestones are invoiced on such a line, so that what they leave out is never billed, and what they exceed it by is
billed too much (PO/pro/sales/invoice-schedules-contract-line-sales).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from uuid import UUID

from mappings.row import Row

LINE_COLUMNS = ("salesorderdetailname", "extendedamount", "tax", "salesorderid", "transactioncurrencyid")
MILESTONE_COLUMNS = ("msdyn_contractlineid", "msdyn_amount")


@dataclass(frozen=True, slots=True)
class Mismatch:
    """A fixed-price line, what was agreed for it before tax, and how many milestones add up to how much instead."""

    line: Row
    agreed: Decimal
    milestones: int
    total: Decimal

    @property
    def contract(self) -> UUID | None:
        """The line's contract."""
        return self.line.link_id("salesorderid")

    @property
    def why(self) -> str:
        """What is wrong and what follows from it, without amounts."""
        if not self.milestones:
            return "It has no milestones, so nothing of it would ever be invoiced."
        if self.total < self.agreed:
            return "Its milestones leave out a part of its value, which would never be invoiced."
        return "Its milestones exceed its value; more would be invoiced than was agreed."


def mismatch(line: Row, milestones: Iterable[Row]) -> Mismatch | None:
    """What is wrong with the milestones of a fixed-price line; ``None`` where they total it."""
    amounts = [one.number("msdyn_amount") or Decimal(0) for one in milestones]
    agreed = (line.number("extendedamount") or Decimal(0)) - (line.number("tax") or Decimal(0))
    total = sum(amounts, Decimal(0))
    return None if amounts and total == agreed else Mismatch(line, agreed, len(amounts), total)
