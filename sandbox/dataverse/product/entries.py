"""Time and expense entries seen alike: what the rules of submission and approval need of either."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Final
from uuid import UUID

from sandbox.dataverse.product import rounding
from sandbox.dataverse.product.cells import amount, decimal, existing, instant, linked, own_columns, text
from sandbox.dataverse.product.choices import EntryType, ExpenseStatus, TimeStatus, TransactionClass
from sandbox.dataverse.product.switches import Switches
from sandbox.dataverse.unit_of_work import Cell, Refused, Row, UnitOfWork


@dataclass(frozen=True, slots=True)
class EntryKind:
    """What differs between the two entry tables."""

    table: str
    noun: str
    status: str
    target: str
    """The column that says which status the entry is on its way to."""
    approval_lookup: str
    entry_type: int
    transaction_class: int
    included_by: str
    """The contract line's column that includes this class."""
    draft: int
    submitted: int
    approved: int
    returned: int
    """Where a rejected entry goes: Returned for time, Rejected for an expense; both then behave as Draft."""
    recall_requested: int


TIME: Final = EntryKind(
    table="msdyn_timeentry",
    noun="time entry",
    status="msdyn_entrystatus",
    target="msdyn_targetentrystatus",
    approval_lookup="msdyn_timeentry",
    entry_type=EntryType.TIME,
    transaction_class=TransactionClass.TIME,
    included_by="msdyn_includetime",
    draft=TimeStatus.DRAFT,
    submitted=TimeStatus.SUBMITTED,
    approved=TimeStatus.APPROVED,
    returned=TimeStatus.RETURNED,
    recall_requested=TimeStatus.RECALL_REQUESTED,
)
EXPENSE: Final = EntryKind(
    table="msdyn_expense",
    noun="expense entry",
    status="msdyn_expensestatus",
    target="msdyn_targetexpensestatus",
    approval_lookup="msdyn_expenseentry",
    entry_type=EntryType.EXPENSE,
    transaction_class=TransactionClass.EXPENSE,
    included_by="msdyn_includeexpense",
    draft=ExpenseStatus.DRAFT,
    submitted=ExpenseStatus.SUBMITTED,
    approved=ExpenseStatus.APPROVED,
    returned=ExpenseStatus.REJECTED,
    recall_requested=ExpenseStatus.RECALL_REQUESTED,
)


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry: who, for which project, when, how much."""

    kind: EntryKind
    id: UUID
    status: int
    day: datetime
    resource: UUID | None
    resource_unit: UUID | None
    project: UUID | None
    task: UUID | None
    role: UUID | None
    expense_category: UUID | None
    category: UUID | None
    """The transaction category: the expense category's own for an expense."""
    quantity: Decimal
    """Hours for time, the expense's own unit otherwise; two decimals."""
    unit: UUID | None
    unit_group: UUID | None
    entered_price: Decimal
    """Expense only: the amount entered, per unit."""
    entered_currency: UUID | None
    internal_comment: str
    external_comment: str
    own: Mapping[str, Cell]
    """What an administrator's own columns hold."""


def read(work: UnitOfWork, kind: EntryKind, id: UUID) -> Entry:
    """The entry as it stands now."""
    row = existing(work, kind.table, id)
    return _time(work, id, row) if kind is TIME else _expense(work, id, row)


def of_approval(work: UnitOfWork, approval: Row) -> Entry:
    """The entry an approval row is about."""
    for kind in (TIME, EXPENSE):
        id = linked(approval, kind.approval_lookup)
        if id is not None:
            return read(work, kind, id)
    raise Refused("This approval names neither a time entry nor an expense entry.")


def move(switches: Switches, work: UnitOfWork, entry: Entry, status: int) -> None:
    """Write the entry's status; it is then on its way to no other."""
    values: dict[str, Cell] = {entry.kind.status: status}
    row = existing(work, entry.kind.table, entry.id)
    if row.get(entry.kind.target) is not None and not switches.targets_linger:
        values[entry.kind.target] = None
    work.update(entry.kind.table, entry.id, values)


def _time(work: UnitOfWork, id: UUID, row: Row) -> Entry:
    minutes = row.get("msdyn_duration")
    resource = linked(row, "msdyn_bookableresource")
    hour = _hour(work)
    return Entry(
        kind=TIME,
        id=id,
        status=_status(row, TIME),
        day=_day(row, "msdyn_date"),
        resource=resource,
        resource_unit=linked(row, "msdyn_resourceorganizationalunitid") or _unit_of(work, resource),
        project=linked(row, "msdyn_project"),
        task=linked(row, "msdyn_projecttask"),
        role=linked(row, "msdyn_resourcecategory"),
        expense_category=None,
        category=linked(row, "msdyn_transactioncategory"),
        quantity=rounding.hours(minutes if isinstance(minutes, int) else 0),
        unit=None if hour is None else hour[0],
        unit_group=None if hour is None else hour[1],
        entered_price=Decimal(0),
        entered_currency=None,
        internal_comment=text(row, "msdyn_description"),
        external_comment=text(row, "msdyn_externaldescription"),
        own=own_columns(row),
    )


def _expense(work: UnitOfWork, id: UUID, row: Row) -> Entry:
    resource = linked(row, "msdyn_bookableresource")
    expense_category = linked(row, "msdyn_expensecategory")
    master = None if expense_category is None else work.get("msdyn_expensecategory", expense_category)
    quantity = rounding.quantity(amount(row, "msdyn_quantity"))
    price = decimal(row, "msdyn_price")
    if price is None:
        price = amount(row, "msdyn_amount") / quantity if quantity else Decimal(0)
    return Entry(
        kind=EXPENSE,
        id=id,
        status=_status(row, EXPENSE),
        day=_day(row, "msdyn_transactiondate"),
        resource=resource,
        resource_unit=linked(row, "msdyn_resourceorganizationalunitid") or _unit_of(work, resource),
        project=linked(row, "msdyn_project"),
        task=None,
        role=None,
        expense_category=expense_category,
        category=None if master is None else linked(master, "msdyn_expensecategoryuid"),
        quantity=quantity,
        unit=linked(row, "msdyn_unit"),
        unit_group=linked(row, "msdyn_unitgroup"),
        entered_price=price,
        entered_currency=linked(row, "transactioncurrencyid"),
        internal_comment=text(row, "msdyn_name"),
        external_comment=text(row, "msdyn_externaldescription"),
        own=own_columns(row),
    )


def _status(row: Row, kind: EntryKind) -> int:
    status = row.get(kind.status)
    return status if isinstance(status, int) else kind.draft


def _day(row: Row, column: str) -> datetime:
    day = instant(row, column)
    if day is None:
        raise Refused(f"The entry has no date: {column} is empty.")
    return day


def _unit_of(work: UnitOfWork, resource: UUID | None) -> UUID | None:
    row = None if resource is None else work.get("bookableresource", resource)
    return None if row is None else linked(row, "msdyn_organizationalunit")


def _hour(work: UnitOfWork) -> tuple[UUID, UUID | None] | None:
    """Time transactions use the unit Hour only (PSA/advanced-units)."""
    for row in work.find("uom", name="Hour"):
        id = row["uomid"]
        if isinstance(id, UUID):
            return id, linked(row, "uomscheduleid")
    return None
