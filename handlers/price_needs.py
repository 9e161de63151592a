"""Whether an approved entry says all its prices and its billing type itself, and if not, whose lists to ask."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from uuid import UUID

from handlers.set_up import SetUp
from mappings.choices import BillingMethod, BillingType, TransactionClass, TransactionType
from mappings.entry import Approval, Entry


@dataclass(frozen=True, slots=True)
class Scope:
    """What price lists and settings are read for."""

    of_expenses: bool
    contracts: frozenset[UUID]
    units: frozenset[UUID]
    lines: frozenset[UUID]
    roles: frozenset[UUID]
    categories: frozenset[UUID]


@dataclass(frozen=True, slots=True)
class Need:
    """An entry some price or the billing type of which its approval leaves open, and what the answer hangs on."""

    entry: Entry
    contracts: frozenset[UUID]
    units: frozenset[UUID]
    lines: frozenset[UUID]
    roles: frozenset[UUID]
    categories: frozenset[UUID]

    @property
    def is_of_expense(self) -> bool:
        """Whether it is an expense's: they have no roles."""
        return self.entry.transaction_class is TransactionClass.EXPENSE

    @property
    def scope(self) -> Scope:
        """The need without the entry that has it."""
        return Scope(self.is_of_expense, self.contracts, self.units, self.lines, self.roles, self.categories)


def need_of(entry: Entry, approval: Approval, set_up: SetUp) -> Need | None:
    """What an approved entry needs to know besides its approval; ``None`` where that says all."""
    if not entry.is_work or set_up.project is None:
        return None
    own = set_up.project.contracting_unit
    unit = entry.resourcing_unit or set_up.resource_unit or own
    billed = {
        id
        for line in set_up.lines
        if line.choice("msdyn_billingmethod") == BillingMethod.TIME_AND_MATERIAL
        and (id := line.link_id("salesorderid"))
    }
    is_time = entry.transaction_class is TransactionClass.TIME
    cost = set_up.contracting_currency if is_time else entry.currency
    open_cost = _is_open(approval, approval.cost_price, TransactionType.COST, cost, set_up)
    open_sales = [
        contract
        for contract in set_up.contracts.values()
        if contract.ref.id in billed
        and _is_open(approval, approval.sales_price, TransactionType.UNBILLED_SALES, contract.currency, set_up)
    ]
    open_type = bool(billed) and approval.billing_type in (None, BillingType.NOT_AVAILABLE)
    between_units = is_time and unit != own
    if not (open_cost or open_sales or open_type or between_units):
        return None
    roles = (approval.role, entry.role)
    categories = (approval.category, entry.category, set_up.category, *(line.category for line in set_up.journal_lines))
    return Need(
        entry=entry,
        contracts=frozenset(set_up.contracts),
        units=frozenset(id for id in (own, unit) if id),
        lines=frozenset(line.id for line in set_up.lines),
        roles=frozenset(role.id for role in roles if role),
        categories=frozenset(category.id for category in categories if category),
    )


def _is_open(
    approval: Approval, released: Decimal | None, side: TransactionType, currency: UUID | None, set_up: SetUp
) -> bool:
    """Whether neither the approval nor the journal line has a price other than zero for a side."""
    if released is not None and approval.currency in (None, currency):
        return released == 0
    line = next((line for line in set_up.journal_lines if line.type == side), None)
    return line is None or line.currency != currency or not line.price
