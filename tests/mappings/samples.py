"""Fabrikam US as plain values, cost 100 and bill 200 an hour, one customer."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from mappings import tables
from mappings.approved_entry import ApprovedEntry, Contract, JournalLine, Project
from mappings.choices import BillingMethod, BillingType, RecordStage, TransactionClass
from mappings.contract_lines import ContractLine
from mappings.entry import Approval, Entry, Stage
from mappings.money import Currency
from mappings.row import Row
from mappings.tables import Cell, Ref

DAY = datetime(2026, 2, 10, 5, tzinfo=UTC)
START = datetime(2026, 2, 10, 14, tzinfo=UTC)
END = datetime(2026, 2, 10, 22, tzinfo=UTC)


def uid(number: int) -> UUID:
    """A fixed id."""
    return UUID(int=number, version=4)


ENTRY = Ref(tables.TIME_ENTRY, uid(1))
HOTEL = Ref(tables.EXPENSE, uid(2))
APPROVAL = Ref(tables.APPROVAL, uid(3))
PROJECT = Ref(tables.PROJECT, uid(4))
CONTRACT = Ref(tables.CONTRACT, uid(5))
LINE = Ref(tables.CONTRACT_LINE, uid(6))
CUSTOMER = Ref("account", uid(7))
PERSON = Ref("contact", uid(8))
ROLE = Ref("bookableresourcecategory", uid(9))
RESOURCE = Ref("bookableresource", uid(10))
TASK = Ref("msdyn_projecttask", uid(11))
CATEGORY = Ref("msdyn_transactioncategory", uid(12))
OWNER = Ref("systemuser", uid(13))
UNIT = uid(14)
HOUR = Ref("uom", uid(15))
TIME_UNITS = Ref("uomschedule", uid(16))
PRICE_LIST = Ref("pricelevel", uid(17))
COST_JOURNAL = Ref(tables.JOURNAL_LINE, uid(18))
SALES_JOURNAL = Ref(tables.JOURNAL_LINE, uid(19))

USD = Currency(uid(101), "USD", 2, Decimal(1))
EUR = Currency(uid(102), "EUR", 2, Decimal("0.94"))
JPY = Currency(uid(103), "JPY", 0, Decimal(123))
GBP = Currency(uid(104), "GBP", 2, Decimal("0.80"))
KWD = Currency(uid(105), "KWD", 3, Decimal("0.307"))


def row(ref: Ref, cells: dict[str, Cell] | None = None, version: str = 'W/"1"') -> Row:
    """A row as it was read."""
    return Row(ref, version, cells or {})


def time_entry(hours: str = "8", **changes: Any) -> Entry:
    """An approved time entry on the project."""
    return replace(
        Entry(
            ref=ENTRY,
            transaction_class=TransactionClass.TIME,
            stage=Stage.APPROVED,
            is_work=True,
            project=PROJECT.id,
            task=TASK,
            role=ROLE,
            category=None,
            resource=RESOURCE,
            resourcing_unit=UNIT,
            quantity=Decimal(hours),
            amount=None,
            date=DAY,
            start=START,
            end=END,
            description="Design review",
            external_description="Review",
            unit=None,
            unit_schedule=None,
            currency=None,
        ),
        **changes,
    )


def expense(quantity: str = "1", **changes: Any) -> Entry:
    """An approved expense in dollars on the project."""
    plain = time_entry(
        quantity,
        ref=HOTEL,
        transaction_class=TransactionClass.EXPENSE,
        task=None,
        role=None,
        start=DAY,
        end=DAY,
        description="Hotel",
        currency=USD.id,
    )
    return replace(plain, **changes)


def approval(**changes: Any) -> Approval:
    """What the approver released: 8 h chargeable, cost 100, bill 200, in dollars."""
    return replace(
        Approval(
            ref=APPROVAL,
            stage=RecordStage.APPROVED,
            approved_on=datetime(2026, 2, 12, 9, tzinfo=UTC),
            project=PROJECT.id,
            resource=RESOURCE,
            cost_quantity=Decimal(8),
            sales_quantity=Decimal(8),
            cost_price=Decimal(100),
            sales_price=Decimal(200),
            billing_type=BillingType.CHARGEABLE,
            role=ROLE,
            category=None,
            currency=USD.id,
        ),
        **changes,
    )


def hours(submitted: str, billable: str | None = None, billing: BillingType = BillingType.CHARGEABLE) -> Approval:
    """An approval of so many hours."""
    sales = submitted if billable is None else billable
    return approval(cost_quantity=Decimal(submitted), sales_quantity=Decimal(sales), billing_type=billing)


def line(
    method: BillingMethod = BillingMethod.TIME_AND_MATERIAL,
    includes: tuple[TransactionClass, ...] = (TransactionClass.TIME, TransactionClass.EXPENSE),
    ref: Ref = LINE,
    name: str = "Implementation",
) -> ContractLine:
    """A project-based contract line."""
    return ContractLine(ref, name, CONTRACT.id, PROJECT.id, method, frozenset(includes))


def journal(ref: Ref, price: str | None, currency: Currency, **changes: Any) -> JournalLine:
    """One side's journal line, as submission left it."""
    return replace(
        JournalLine(
            ref=ref,
            type=None,
            price=None if price is None else Decimal(price),
            currency=currency.id,
            unit=HOUR,
            unit_schedule=TIME_UNITS,
            price_list=PRICE_LIST,
            category=None,
        ),
        **changes,
    )


def approved(entry: Entry | None = None, released: Approval | None = None, **changes: Any) -> ApprovedEntry:
    """An approved entry on a time-and-material line of a dollar contract."""
    return replace(
        ApprovedEntry(
            entry=entry or time_entry(),
            approval=released or approval(),
            project=Project(PROJECT, OWNER, UNIT),
            line=line(),
            contract=Contract(CONTRACT, CUSTOMER, USD.id),
            is_internal=False,
            cost_line=None,
            sales_line=None,
            cost_currency=USD,
            sales_currency=USD,
            owner=OWNER,
        ),
        **changes,
    )
