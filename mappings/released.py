"""What was approved: the approval's word where it has one, the entry's where it has none.

An approved entry is closed to edits, but administrators, flows and imports edit it all the same. Such an edit was never
released by anybody: what counts stays what the approval says, and the edit is reported.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

from mappings import money, tables
from mappings.business_date import business_date
from mappings.choices import TransactionClass
from mappings.entry import DATED, Approval, Entry
from mappings.tables import Ref


@dataclass(frozen=True, slots=True)
class Edit:
    """A column of an entry that no longer says what was approved."""

    column: str
    approved: object
    now: object

    def __str__(self) -> str:
        return f"{self.column} reads {self.now or 'nothing'}, approved was {self.approved}"


def released(entry: Entry, approval: Approval) -> Entry:
    """The entry as it was approved, but for its dates, which can only be judged in a time zone.

    The unit an entry names is that of the resource it names; another resource's is left open here.
    """
    same = approval.resource in (None, entry.resource)
    return replace(
        entry,
        resourcing_unit=entry.resourcing_unit if same else None,
        project=approval.project or entry.project,
        task=approval.task or entry.task,
        role=approval.role or entry.role,
        category=approval.category or entry.category,
        expense_category=approval.expense_category or entry.expense_category,
        resource=approval.resource or entry.resource,
    )


def left_open(approval: Approval) -> frozenset[str]:
    """The columns of an actual that the approval says nothing about: they hold what the entry did when it was made."""
    said = {
        "msdyn_project": approval.project,
        "msdyn_task": approval.task,
        "msdyn_bookableresource": approval.resource,
        "msdyn_resourcecategory": approval.role,
        "msdyn_transactioncategory": approval.category,
        "msdyn_documentdate": approval.date,
        "msdyn_startdatetime": approval.date,
    }
    return frozenset(column for column, value in said.items() if value is None)


def on_released_day(entry: Entry, approval: Approval, zone: ZoneInfo) -> Entry:
    """The entry on the business day that was approved, at its own hours."""
    day = _moved(entry, approval, zone)
    if day is None:
        return entry
    stayed = business_date(entry.start, zone) == business_date(day, zone)
    by = timedelta() if stayed else day - entry.date
    return replace(entry, date=day, start=entry.start + by, end=entry.end + by, day=None)


def at_its_midnight(entry: Entry, zone: ZoneInfo) -> Entry:
    """An entry whose only date is a day for everybody alike, at the instant at which that day begins in ``zone``."""
    if entry.day is None:
        return entry
    begins = datetime.combine(entry.day, time(), zone).astimezone(UTC)
    stayed = entry.start != entry.date and business_date(entry.start, zone) == entry.day
    by = timedelta() if stayed else begins - entry.date
    return replace(entry, date=begins, start=entry.start + by, end=entry.end + by)


def edits(entry: Entry, approval: Approval, zone: ZoneInfo) -> tuple[Edit, ...]:
    """Where the entry, as it reads now, differs from what its approval released."""
    is_time = entry.transaction_class is TransactionClass.TIME
    project = Ref(tables.PROJECT, entry.project) if entry.project else None
    approved_project = Ref(tables.PROJECT, approval.project) if approval.project else None
    columns: list[tuple[str, Ref | None, Ref | None]] = [
        ("msdyn_project", approved_project, project),
        ("msdyn_bookableresource", approval.resource, entry.resource),
    ]
    if is_time:
        # What the entry leaves open, the approver may have filled in; that is no edit.
        columns += [
            ("msdyn_projecttask", approval.task, entry.task or approval.task),
            ("msdyn_resourcecategory", approval.role, entry.role or approval.role),
            ("msdyn_transactioncategory", approval.category, entry.category or approval.category),
        ]
    else:
        then, now = approval.expense_category, entry.expense_category
        columns.append(("msdyn_expensecategory", then, now or then))
    found = [Edit(column, then, now) for column, then, now in columns if then is not None and then != now]
    day = _moved(entry, approval, zone)
    if day is not None:
        found.append(Edit(DATED[entry.ref.table], business_date(day, zone), entry.business_day(zone)))
    return tuple(found)


def hours_edited(entry: Entry, approval: Approval) -> Edit | None:
    """The quantity as it was submitted for approval, where the entry now has another; billing follows the approval."""
    submitted = approval.cost_quantity
    if submitted is None or money.quantity(submitted) == entry.quantity:
        return None
    column = "msdyn_duration" if entry.transaction_class is TransactionClass.TIME else "msdyn_quantity"
    return Edit(column, money.quantity(submitted), entry.quantity)


def _moved(entry: Entry, approval: Approval, zone: ZoneInfo) -> datetime | None:
    """The day that was approved, where the entry now stands on another one, both by its instant and by its day."""
    stands_on = (business_date(entry.date, zone), entry.business_day(zone))
    if approval.date is None or business_date(approval.date, zone) in stands_on:
        return None
    return approval.date
