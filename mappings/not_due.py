"""Why a row must not stand on an invoice, ready or not: the product leaves it out, or the run was not for it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from mappings.backlog import Backlog, BacklogRow
from mappings.business_date import business_date
from mappings.choices import BillingStatus, TransactionType


@dataclass(frozen=True, slots=True)
class Bounds:
    """What an invoice by schedule takes: by contract line, work up to the cut-off, that day included; and milestones.

    It takes no products.
    """

    cut_offs: Mapping[UUID, date]
    milestones: frozenset[UUID]

    def why_not(self, row: BacklogRow, zone: ZoneInfo) -> str | None:
        """Why the row is outside of them, as a sentence; ``None`` when it is inside. ``zone``: of business dates."""
        match row.backlog:
            case Backlog.TIME_AND_MATERIAL:
                cut_off = self.cut_offs.get(row.row.link_id("msdyn_salescontractlineid") or UUID(int=0))
                if cut_off is None:
                    return "Its contract line has no schedule row in this run."
                day = None if row.starts is None else business_date(row.starts, zone)
                return f"It is dated {day}, after the cut-off {cut_off}." if day is not None and day > cut_off else None
            case Backlog.MILESTONES:
                return None if row.row.id in self.milestones else "It is no milestone of this run."
            case Backlog.PRODUCTS:
                return "Products are not invoiced by schedule."


def bounds_in(run: Mapping[str, Any]) -> Bounds:
    """The bounds of a run, as the record of an attempt at it keeps them."""
    cut_offs = {UUID(line): date.fromisoformat(day) for line, day in run["cut_offs"]}
    return Bounds(cut_offs, frozenset(UUID(id) for id in run["milestones"]))


def why_left_out(row: BacklogRow, today: date | None, zone: ZoneInfo) -> str | None:
    """Why the product does not take the row on the business date ``today``, as a sentence; ``None`` when it does.

    It never takes what was adjusted, is no unbilled sale, has no customer or is dated in the future. Where ``today`` is
    not known, dates are not looked at.
    """
    if row.backlog is Backlog.TIME_AND_MATERIAL:
        type = row.row.choice("msdyn_transactiontypecode")
        if type not in (None, TransactionType.UNBILLED_SALES):
            return "It is not an unbilled sales actual; only those are billed."
        # To confirm an invoice whose quantities were edited adjusts the actuals that stand on it.
        if row.is_adjusted and row.status != BillingStatus.CUSTOMER_INVOICE_POSTED:
            return "It was adjusted: it and its reversal cancel each other out."
        if row.row.link("msdyn_accountcustomer") is None and row.row.link("msdyn_contactcustomer") is None:
            return "It has no customer, so the product never invoices it; complete the contract line."
    day = None if row.starts is None else business_date(row.starts, zone)
    return f"It is dated {day}, in the future." if day is not None and today is not None and day > today else None
