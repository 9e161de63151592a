"""Everything the actuals of one approved entry follow from, as the rules take it."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from uuid import UUID

from mappings.contract_lines import ContractLine
from mappings.entry import Approval, Entry
from mappings.money import Currency
from mappings.tables import Ref


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
    """Everything the rows of one approved entry follow from. An internal project belongs to no contract at all."""

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
