"""What ends a run by conflicts: the same version in the way again and again, not others at work on a row."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

from connector.dataverse.changes import Call, ChangeSet, Committed, Create, Reference, Update
from connector.errors import Conflict, UnknownOutcome
from handlers.course import Course, Limits
from handlers.plan import Plan

ROW = Reference("psac_command", UUID(int=1, version=4))


def looks(course: Course, *versions: str) -> list[bool]:
    """Whether each conflict on the row, from this version, ends the run."""
    conflict = Conflict("row-changed", "Changed.", str(ROW))
    ends = []
    for version in versions:
        change_set = ChangeSet((Update(ROW, {"psac_mark": 1}, version),))
        ends.append(course.weigh(Plan("Move on.", (change_set,)), change_set, conflict) is conflict)
    return ends


def test_a_row_that_stays_as_it_is_and_in_the_way_ends_the_run_the_third_time() -> None:
    assert looks(Course(Limits()), "1", "1", "1") == [False, False, True]


def test_a_row_that_others_move_on_each_time_does_not() -> None:
    assert looks(Course(Limits()), "1", "2", "3", "4") == [False] * 4


def test_the_kinds_of_operation_that_went_well_are_told() -> None:
    course, plan = Course(Limits()), Plan("because", ())
    row, other = Reference("thing", UUID(int=1)), Reference("other", UUID(int=2))
    course.weigh(plan, ChangeSet((Create(row, {}), Update(other, {}, "1"))), Committed(()))
    course.weigh(plan, ChangeSet((Call("DoThis", row),)), Committed(()))
    course.weigh(plan, ChangeSet((Update(row, {}, "1"),)), Conflict("changed", "It changed."))
    assert course.operations == {"Create thing", "Update other", "DoThis"}


def test_a_write_without_a_clear_answer_is_looked_at_again_at_once_unless_that_was_told_to_wait() -> None:
    change_set = ChangeSet((Update(ROW, {"psac_mark": 1}, "1"),))
    plan = Plan("Move on.", (change_set,))
    lost, later = UnknownOutcome("no-answer", "Gone."), UnknownOutcome("broken-off", "502.", timedelta(seconds=30))

    assert Course(Limits()).weigh(plan, change_set, lost) is None
    assert Course(Limits()).weigh(plan, change_set, later) is later
