"""Price lists → the one rate that applies to a piece of work, or the reason why none does."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from uuid import UUID
from zoneinfo import ZoneInfo

from mappings.choices import TransactionClass
from mappings.entry import Approval, Entry
from mappings.money import Currency
from mappings.tables import Ref


@dataclass(frozen=True, slots=True)
class Work:
    """What is to be priced: whose work of which kind, on which business day of which zone, under which contract."""

    transaction_class: TransactionClass
    day: date
    zone: ZoneInfo
    contracting_unit: UUID | None
    resourcing_unit: UUID | None
    contract: UUID | None
    role: UUID | None
    category: UUID | None
    resource: UUID | None
    unit: UUID | None


@dataclass(frozen=True, slots=True)
class Found:
    """A price the lists give, per hour for time and per unit for an expense, with the sentence that says where."""

    price: Decimal
    price_list: Ref | None
    because: str


@dataclass(frozen=True, slots=True)
class Unpriced:
    """The lists give no price: a code to group by, and the sentence that says what is wrong with them."""

    code: str
    because: str


@dataclass(frozen=True, slots=True)
class PriceBook:
    """The price lists an entry can be priced from."""

    def cost_rate(self, work: Work, currency: Currency) -> Found | Unpriced:
        """What an hour of the work costs the contracting unit."""
        return Unpriced("price-missing", f"No price list gives a cost price in {currency.code}.")

    def sales_rate(self, work: Work, currency: Currency) -> Found | Unpriced:
        """What the contract's lists sell the work for."""
        return Unpriced("price-missing", f"No price list gives a sales price in {currency.code}.")


def work_of(
    entry: Entry,
    approval: Approval,
    contracting_unit: UUID | None,
    contract: UUID | None,
    day: date,
    zone: ZoneInfo,
) -> Work:
    """The work of an entry as its approval releases it, on a business day of ``zone``."""
    role, category = approval.role or entry.role, approval.category or entry.category
    resource = approval.resource or entry.resource
    return Work(
        transaction_class=entry.transaction_class,
        day=day,
        zone=zone,
        contracting_unit=contracting_unit,
        resourcing_unit=entry.resourcing_unit or contracting_unit,
        contract=contract,
        role=role.id if role else None,
        category=category.id if category else None,
        resource=resource.id if resource else None,
        unit=entry.unit.id if entry.unit else None,
    )
