"""A time or expense entry and its approval: where the work stands, and the figures the approver released."""

from __future__ import annotations

import datetime as calendar
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from enum import Enum
from uuid import UUID
from zoneinfo import ZoneInfo

from mappings import money, tables
from mappings.business_date import business_date
from mappings.choices import BillingType, ExpenseStatus, RecordStage, TimeStatus, TimeType, TransactionClass, read
from mappings.refusal import Refusal
from mappings.row import Row
from mappings.tables import Ref

TIME_COLUMNS = (
    "msdyn_entrystatus",
    "msdyn_targetentrystatus",
    "msdyn_type",
    "msdyn_project",
    "msdyn_projecttask",
    "msdyn_resourcecategory",
    "msdyn_bookableresource",
    "msdyn_resourceorganizationalunitid",
    "msdyn_transactioncategory",
    "msdyn_duration",
    "msdyn_date",
    "msdyn_start",
    "msdyn_end",
    "msdyn_description",
    "msdyn_externaldescription",
    "ownerid",
)
EXPENSE_COLUMNS = (
    "msdyn_expensestatus",
    "msdyn_targetexpensestatus",
    "msdyn_project",
    "msdyn_expensecategory",
    "msdyn_bookableresource",
    "msdyn_resourceorganizationalunitid",
    "msdyn_quantity",
    "msdyn_amount",
    "msdyn_transactiondate",
    "msdyn_name",
    "msdyn_externaldescription",
    "msdyn_unit",
    "msdyn_unitgroup",
    "transactioncurrencyid",
    "ownerid",
)
APPROVAL_COLUMNS = (
    "msdyn_recordstage",
    "msdyn_approvedon",
    "msdyn_timeentry",
    "msdyn_expenseentry",
    "msdyn_date",
    "msdyn_project",
    "msdyn_projecttask",
    "msdyn_bookableresource",
    "msdyn_costquantity",
    "msdyn_salesquantity",
    "msdyn_costprice",
    "msdyn_salesprice",
    "msdyn_billingtype",
    "msdyn_resourcecategory",
    "msdyn_transactioncategory",
    "msdyn_expensecategory",
    "transactioncurrencyid",
    "modifiedon",
)


DATED = {tables.TIME_ENTRY: "msdyn_date", tables.EXPENSE: "msdyn_transactiondate"}
"""The column of an entry that says when: an instant wherever the product was not altered."""


class Stage(Enum):
    """Where an entry stands, in the words that decide whether it has actuals."""

    APPROVED = "approved"
    MOVING = "on its way to another status"
    RECALL_REQUESTED = "waiting for the answer to a recall"
    NOT_APPROVED = "not approved"


@dataclass(frozen=True, slots=True)
class Entry:
    """A time or expense entry as it reads now. Quantity is hours for time, units for an expense.

    ``amount`` is what was entered for an expense, before tax; time has none. ``day`` is the business day where the
    environment has a column that holds it for everybody alike. ``row`` keeps everything.
    """

    ref: Ref
    transaction_class: TransactionClass
    stage: Stage
    is_work: bool
    project: UUID | None
    task: Ref | None
    role: Ref | None
    category: Ref | None
    resource: Ref | None
    resourcing_unit: UUID | None
    quantity: Decimal
    amount: Decimal | None
    date: datetime
    start: datetime
    end: datetime
    description: str | None
    external_description: str | None
    unit: Ref | None
    unit_schedule: Ref | None
    currency: UUID | None
    expense_category: Ref | None = None
    day: calendar.date | None = None
    row: Row | None = None

    @property
    def is_project_work(self) -> bool:
        """Approving it creates actuals; absence and vacation, and whatever belongs to no project, do not."""
        return self.is_work and self.project is not None

    def business_day(self, zone: ZoneInfo) -> calendar.date:
        """The day of the work: everybody's where the environment holds one, else the instant's in ``zone``."""
        return self.day or business_date(self.date, zone)


@dataclass(frozen=True, slots=True)
class Approval:
    """What the approver released: the work, its quantities, prices and billing type. ``row`` keeps everything."""

    ref: Ref
    stage: RecordStage
    approved_on: datetime | None
    project: UUID | None
    resource: Ref | None
    cost_quantity: Decimal | None
    sales_quantity: Decimal | None
    cost_price: Decimal | None
    sales_price: Decimal | None
    billing_type: BillingType | None
    role: Ref | None
    category: Ref | None
    currency: UUID | None
    task: Ref | None = None
    date: datetime | None = None
    expense_category: Ref | None = None
    row: Row | None = None

    @property
    def holds(self) -> bool:
        """The entry is approved by it; an approval whose recall was refused holds as before."""
        return self.stage in (RecordStage.APPROVED, RecordStage.RECALL_REQUEST_REJECTED)


def time_stage(status: int | None, target: int | None) -> Stage:
    """The stage of a time entry. A target of *Approved* announces an approval that is not there yet."""
    if status == TimeStatus.APPROVED:
        return Stage.APPROVED if target in (None, TimeStatus.APPROVED) else Stage.MOVING
    if status == TimeStatus.RECALL_REQUESTED:
        return Stage.RECALL_REQUESTED
    return Stage.MOVING if target == TimeStatus.APPROVED else Stage.NOT_APPROVED


_RELEASED_EXPENSE = (ExpenseStatus.APPROVED, ExpenseStatus.POSTED, ExpenseStatus.PAID)


def expense_stage(status: int | None, target: int | None) -> Stage:
    """The stage of an expense. Posted and paid expenses were approved and stay so."""
    if status in _RELEASED_EXPENSE:
        return Stage.APPROVED if target is None or target in _RELEASED_EXPENSE else Stage.MOVING
    if status == ExpenseStatus.RECALL_REQUESTED:
        return Stage.RECALL_REQUESTED
    return Stage.MOVING if target == ExpenseStatus.APPROVED else Stage.NOT_APPROVED


def time_entry(row: Row) -> Entry:
    """A time entry from its row; minutes become hours here."""
    date = _required(row, "msdyn_date")
    start = row.instant("msdyn_start") or date
    minutes = row.choice("msdyn_duration") or 0
    return Entry(
        ref=row.ref,
        transaction_class=TransactionClass.TIME,
        stage=time_stage(row.choice("msdyn_entrystatus"), row.choice("msdyn_targetentrystatus")),
        is_work=row.choice("msdyn_type") not in (TimeType.ABSENCE, TimeType.VACATION),
        project=row.link_id("msdyn_project"),
        task=row.link("msdyn_projecttask"),
        role=row.link("msdyn_resourcecategory"),
        category=row.link("msdyn_transactioncategory"),
        resource=row.link("msdyn_bookableresource"),
        resourcing_unit=row.link_id("msdyn_resourceorganizationalunitid"),
        quantity=money.hours(minutes),
        amount=None,
        date=date,
        start=start,
        end=row.instant("msdyn_end") or start + timedelta(minutes=minutes),
        description=row.text("msdyn_description"),
        external_description=row.text("msdyn_externaldescription"),
        unit=None,
        unit_schedule=None,
        currency=None,
        row=row,
    )


def expense(row: Row) -> Entry:
    """An expense from its row."""
    date = _required(row, "msdyn_transactiondate")
    return Entry(
        ref=row.ref,
        transaction_class=TransactionClass.EXPENSE,
        stage=expense_stage(row.choice("msdyn_expensestatus"), row.choice("msdyn_targetexpensestatus")),
        is_work=True,
        project=row.link_id("msdyn_project"),
        task=None,
        role=None,
        category=None,
        resource=row.link("msdyn_bookableresource"),
        resourcing_unit=row.link_id("msdyn_resourceorganizationalunitid"),
        quantity=money.quantity(row.number("msdyn_quantity") or Decimal(0)),
        amount=row.number("msdyn_amount"),
        date=date,
        start=date,
        end=date,
        description=row.text("msdyn_name"),
        external_description=row.text("msdyn_externaldescription"),
        unit=row.link("msdyn_unit"),
        unit_schedule=row.link("msdyn_unitgroup"),
        currency=row.link_id("transactioncurrencyid"),
        expense_category=row.link("msdyn_expensecategory"),
        row=row,
    )


def approval(row: Row) -> Approval:
    """An approval from its row."""
    billing_type = row.choice("msdyn_billingtype")
    return Approval(
        ref=row.ref,
        stage=read(RecordStage, row.choice("msdyn_recordstage") or 0, row.ref),
        approved_on=row.instant("msdyn_approvedon"),
        project=row.link_id("msdyn_project"),
        resource=row.link("msdyn_bookableresource"),
        cost_quantity=row.number("msdyn_costquantity"),
        sales_quantity=row.number("msdyn_salesquantity"),
        cost_price=row.number("msdyn_costprice"),
        sales_price=row.number("msdyn_salesprice"),
        billing_type=None if billing_type is None else read(BillingType, billing_type, row.ref),
        role=row.link("msdyn_resourcecategory"),
        category=row.link("msdyn_transactioncategory"),
        currency=row.link_id("transactioncurrencyid"),
        task=row.link("msdyn_projecttask"),
        date=row.instant("msdyn_date"),
        expense_category=row.link("msdyn_expensecategory"),
        row=row,
    )


def entry(row: Row) -> Entry:
    """A time or expense entry from its row."""
    return time_entry(row) if row.ref.table == tables.TIME_ENTRY else expense(row)


def _required(row: Row, column: str) -> datetime:
    value = row.instant(column)
    if value is None:
        raise Refusal("unreadable-row", f"{row.ref}: its required column {column} is empty; complete the row.")
    return value
