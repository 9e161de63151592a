"""Everything the actuals of one approved entry follow from, as the rules take it."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from uuid import UUID
from zoneinfo import ZoneInfo

from mappings import money
from mappings.chargeability import Chargeability, Chargeables
from mappings.choices import BillingMethod, BillingType, TransactionClass
from mappings.contract_lines import ContractLine
from mappings.entry import Approval, Entry
from mappings.money import Currency
from mappings.pricing import PriceBook, Work, work_of
from mappings.profile import Profile
from mappings.tables import Ref

_UTC, _NO_LISTS, _NO_SETTINGS, _PLAIN = ZoneInfo("UTC"), PriceBook(), Chargeables(), Profile()


@dataclass(frozen=True, slots=True)
class Project:
    """What an actual takes from its project. ``contracting_unit`` is its organizational unit."""

    ref: Ref
    owner: Ref | None
    contracting_unit: UUID | None


@dataclass(frozen=True, slots=True)
class Contract:
    """What a sales actual takes from its contract."""

    ref: Ref
    customer: Ref | None
    currency: UUID | None


@dataclass(frozen=True, slots=True)
class JournalLine:
    """What submission already worked out for one side of an entry: price and currency, unit, list."""

    ref: Ref
    type: int | None
    price: Decimal | None
    currency: UUID | None
    unit: Ref | None
    unit_schedule: Ref | None
    price_list: Ref | None
    category: Ref | None


@dataclass(frozen=True, slots=True)
class ApprovedEntry:
    """Everything the rows of one approved entry follow from: the entry as it was released, and what it bills under.

    An internal project belongs to no contract at all. ``owner`` is who shall own the actuals, ``None`` for whoever
    writes them. ``delivering_currency`` is that of the resource's unit where the contracting one owes it something;
    ``unit_line`` and ``transfer_line`` are the journal lines of what it spends and charges.
    """

    entry: Entry
    approval: Approval
    project: Project
    line: ContractLine | None
    contract: Contract | None
    is_internal: bool
    cost_line: JournalLine | None
    sales_line: JournalLine | None
    cost_currency: Currency
    sales_currency: Currency | None
    zero_price_is_held: bool = True
    owner: Ref | None = None
    zone: ZoneInfo = _UTC
    book: PriceBook = _NO_LISTS
    chargeables: Chargeables = _NO_SETTINGS
    profile: Profile = _PLAIN
    unit_line: JournalLine | None = None
    transfer_line: JournalLine | None = None
    delivering_currency: Currency | None = None

    @property
    def is_time(self) -> bool:
        """Time, not an expense."""
        return self.entry.transaction_class is TransactionClass.TIME

    @property
    def is_billed_by_time(self) -> bool:
        """A time-and-material line takes it."""
        return self.line is not None and self.line.method is BillingMethod.TIME_AND_MATERIAL

    @property
    def role(self) -> Ref | None:
        """The role the work was done in; an expense has none."""
        return (self.approval.role or self.entry.role) if self.is_time else None

    @property
    def category(self) -> Ref | None:
        """The transaction category, as far as approval or entry name one."""
        return self.approval.category or self.entry.category

    @property
    def submitted(self) -> Decimal:
        """The quantity that was submitted, as the approval has it."""
        quantity = self.approval.cost_quantity
        return self.entry.quantity if quantity is None else money.quantity(quantity)

    @property
    def work(self) -> Work:
        """What there is to be priced."""
        contract = self.contract.ref.id if self.contract else None
        day = self.entry.business_day(self.zone)
        return work_of(self.entry, self.approval, self.project.contracting_unit, contract, day, self.zone)

    def billing(self) -> Chargeability:
        """The billing type: the approval's own, else what line and masters say. Raises ``Refusal`` where none does."""
        own, entry = self.approval.billing_type, self.entry
        if own not in (None, BillingType.NOT_AVAILABLE):
            return Chargeability(own, f"The approval releases it as {own.name.lower().replace('_', '-')}.")
        if self.line is None:
            raise ValueError("Work that no contract line takes has no billing type of its own.")
        role, category = self.role, self.category
        ids = (role.id if role else None, category.id if category else None, entry.task.id if entry.task else None)
        return self.chargeables.of(self.line.ref.id, entry.transaction_class, *ids)
