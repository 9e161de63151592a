"""What the approval says counts; where the entry says something else since, that is an edit nobody released."""

from __future__ import annotations

import datetime as calendar
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from mappings import tables
from mappings.released import at_its_midnight, edits, on_released_day, released
from mappings.tables import Ref
from tests.mappings.samples import (
    CATEGORY,
    DAY,
    END,
    PROJECT,
    RESOURCE,
    ROLE,
    START,
    TASK,
    approval,
    expense,
    time_entry,
    uid,
)

NEW_YORK, AUCKLAND = ZoneInfo("America/New_York"), ZoneInfo("Pacific/Auckland")
OTHER_ROLE, OTHER_TASK = Ref("bookableresourcecategory", uid(90)), Ref("msdyn_projecttask", uid(91))
OTHER_RESOURCE, OTHER_CATEGORY = Ref("bookableresource", uid(92)), Ref("msdyn_transactioncategory", uid(93))
HOTEL, MEAL = Ref("msdyn_expensecategory", uid(94)), Ref("msdyn_expensecategory", uid(95))


@pytest.mark.parametrize(
    ("now", "approved", "column"),
    [
        ({"project": uid(96)}, {"project": PROJECT.id}, "msdyn_project"),
        ({"project": None}, {"project": PROJECT.id}, "msdyn_project"),
        ({"task": OTHER_TASK}, {"task": TASK}, "msdyn_projecttask"),
        ({"role": OTHER_ROLE}, {"role": ROLE}, "msdyn_resourcecategory"),
        ({"resource": OTHER_RESOURCE}, {"resource": RESOURCE}, "msdyn_bookableresource"),
        ({"category": OTHER_CATEGORY}, {"category": CATEGORY}, "msdyn_transactioncategory"),
        ({"date": DAY + timedelta(days=1)}, {"date": DAY}, "msdyn_date"),
    ],
)
def test_each_column_that_was_edited_is_named_with_both_values(
    now: dict[str, Any], approved: dict[str, Any], column: str
) -> None:
    (edit,) = edits(time_entry(**now), approval(**approved), NEW_YORK)
    assert edit.column == column
    ((_, then),) = approved.items()
    said = then.date().isoformat() if isinstance(then, datetime) else str(getattr(then, "id", then))
    assert said in str(edit)


def test_another_category_of_an_expense_is_an_edit_and_its_transaction_category_is_the_approvals_own() -> None:
    (edit,) = edits(expense(expense_category=MEAL), approval(expense_category=HOTEL, category=CATEGORY), NEW_YORK)
    assert edit.column == "msdyn_expensecategory"
    (moved,) = edits(expense(date=DAY + timedelta(days=3)), approval(date=DAY), NEW_YORK)
    assert moved.column == "msdyn_transactiondate"


@pytest.mark.parametrize("left_open", [{"task": None}, {"role": None}, {"category": None}])
def test_what_the_entry_leaves_open_the_approver_may_fill_in(left_open: dict[str, Any]) -> None:
    entry = time_entry(**left_open)
    given = approval(task=TASK, role=ROLE, category=None)
    assert edits(entry, given, NEW_YORK) == ()
    assert released(entry, given).task == TASK
    assert released(entry, given).role == ROLE


def test_what_the_approval_leaves_open_is_the_entrys() -> None:
    bare = approval(project=None, resource=None, role=None, category=None)
    entry = time_entry(category=CATEGORY)
    assert edits(entry, bare, NEW_YORK) == ()
    assert released(entry, bare) == entry


def test_the_same_business_day_at_another_hour_is_no_edit() -> None:
    assert edits(time_entry(), approval(date=DAY + timedelta(hours=18)), NEW_YORK) == ()
    (edit,) = edits(time_entry(), approval(date=DAY + timedelta(hours=18)), AUCKLAND)
    assert (str(edit.approved), str(edit.now)) == ("2026-02-11", "2026-02-10")


def test_an_entry_moved_since_is_put_back_on_the_approved_day_at_its_own_hours() -> None:
    assert on_released_day(time_entry(), approval(date=DAY), NEW_YORK) == time_entry()
    week = timedelta(days=7)
    moved = time_entry(date=DAY + week, start=START + week, end=END + week)
    back = on_released_day(moved, approval(date=DAY), NEW_YORK)
    assert (back.date, back.start, back.end) == (DAY, START, END)


def test_hours_that_stayed_on_the_approved_day_stay_there() -> None:
    back = on_released_day(time_entry(date=DAY + timedelta(days=7)), approval(date=DAY), NEW_YORK)
    assert (back.date, back.start, back.end) == (DAY, START, END)


def test_the_work_is_looked_up_where_it_was_approved() -> None:
    moved = time_entry(project=uid(96), resource=OTHER_RESOURCE, task=OTHER_TASK, role=OTHER_ROLE)
    was = released(moved, approval(task=TASK))
    assert (was.project, was.resource, was.task, was.role) == (PROJECT.id, RESOURCE, TASK, ROLE)
    assert was.ref.table == tables.TIME_ENTRY


@pytest.mark.parametrize("zone", ["Pacific/Honolulu", "America/New_York", "Europe/London", "Pacific/Auckland"])
def test_a_day_for_everybody_begins_at_the_midnight_of_the_zone_and_was_not_moved(zone: str) -> None:
    there = ZoneInfo(zone)
    bare, began = datetime(2026, 2, 10, tzinfo=UTC), datetime(2026, 2, 10, tzinfo=there)
    entry = time_entry(date=bare, start=bare, end=bare + timedelta(hours=8), day=bare.date())
    assert edits(entry, approval(date=began), there) == ()
    placed = at_its_midnight(entry, there)
    assert (placed.date, placed.start, placed.end) == (began, began, began + timedelta(hours=8))
    assert on_released_day(placed, approval(date=began), there) == placed
    at_nine = began + timedelta(hours=9)
    assert at_its_midnight(replace(entry, start=at_nine, end=END), there).start == at_nine
    assert at_its_midnight(time_entry(), there) == time_entry()


def test_an_entry_entered_in_another_zone_is_not_moved_by_a_day_of_its_own() -> None:
    """Midnight in Sydney, with that day beside it; the approval holds the same instant."""
    entered = datetime(2026, 2, 9, 13, tzinfo=UTC)
    entry = time_entry(date=entered, start=entered, day=calendar.date(2026, 2, 10))
    assert edits(entry, approval(date=entered), NEW_YORK) == ()
    (edit,) = edits(entry, approval(date=entered - timedelta(days=2)), NEW_YORK)
    assert (str(edit.approved), str(edit.now)) == ("2026-02-07", "2026-02-10")
