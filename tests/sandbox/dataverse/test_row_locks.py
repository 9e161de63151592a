"""Row locks: who waits for whom, who is told what, and that nothing is half done."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from sandbox.clock import Clock
from sandbox.dataverse.catalog import Key
from sandbox.dataverse.row_locks import RowLocks
from sandbox.dataverse.server import DataverseServer
from sandbox.dataverse.unit_of_work import Link, Refused, UnitOfWork, Written

MINUTE = timedelta(minutes=1)
LONG = 20.0


class Writers:
    """Transactions in parallel on one Dataverse whose writes to accounts and actuals take a minute each."""

    def __init__(self, pool: ThreadPoolExecutor) -> None:
        self.clock = Clock()
        self.server = DataverseServer(self.clock)
        self.locks: RowLocks = self.server.organisation.row_locks
        with self.server.transaction() as work:
            self.first, self.second = (work.create("account", {"name": name}) for name in ("first", "second"))
            self.projects = [work.create("msdyn_project", {"msdyn_subject": name}) for name in ("A", "B")]
        self.locks.enabled, self.locks.timeout = True, timedelta(days=1)
        self.locks.holds = {"account": MINUTE, "contact": MINUTE, "msdyn_actual": MINUTE}
        self._pool = pool

    def begin(self, *steps: Callable[[UnitOfWork], object]) -> Future[None]:
        """All steps in one transaction, on a thread of its own."""

        def run() -> None:
            with self.server.transaction() as work:
                for step in steps:
                    step(work)

        return self._pool.submit(run)

    def finish(self, *writers: Future[None]) -> None:
        """Let minutes pass until all have ended, well or badly."""
        until_done(self.clock, writers)

    def name(self, account: UUID) -> object:
        with self.server.transaction() as work:
            row = work.get("account", account)
            assert row is not None
            return row["name"]

    def actuals(self) -> int:
        with self.server.transaction() as work:
            return len(work.find("msdyn_actual"))


def until_done(clock: Clock, writers: Sequence[Future[Any]]) -> None:
    """Advance the clock, a minute at a time, until all are done."""
    for _ in range(1000):
        clock.advance(MINUTE)
        if not wait(writers, 0.02).not_done:
            return
    raise AssertionError("Some never ended.")


def rename(account: UUID, name: str) -> Callable[[UnitOfWork], object]:
    return lambda work: work.update("account", account, {"name": name})


def actual(project: UUID) -> Callable[[UnitOfWork], object]:
    return lambda work: work.create("msdyn_actual", {"msdyn_project": Link("msdyn_project", project)})


def contact_of(account: UUID) -> Callable[[UnitOfWork], object]:
    return lambda work: work.create("contact", {"lastname": "C", "parentcustomerid": Link("account", account)})


def refusal(writer: Future[None]) -> Refused:
    with pytest.raises(Refused) as told:
        writer.result(LONG)
    return told.value


@pytest.fixture
def writers() -> Iterator[Writers]:
    with ThreadPoolExecutor() as pool:
        writers = Writers(pool)
        yield writers
        writers.locks.close()


def test_writers_of_different_rows_do_not_wait_for_each_other(writers: Writers) -> None:
    both = [writers.begin(rename(writers.first, "x")), writers.begin(rename(writers.second, "y"))]
    assert writers.locks.reached(LONG, writing=2)
    writers.finish(*both)
    for writer in both:
        writer.result(0)
    assert (writers.name(writers.first), writers.name(writers.second)) == ("x", "y")
    assert writers.locks.waited == 0


def test_the_second_writer_of_a_row_waits_for_the_first_and_goes_on_from_what_it_left(writers: Writers) -> None:
    first = writers.begin(rename(writers.first, "first"))
    assert writers.locks.reached(LONG, writing=1)
    second = writers.begin(rename(writers.first, "second"))
    assert writers.locks.reached(LONG, writing=1, waiting=1)
    assert writers.name(writers.first) == "first"  # its name from the beginning: readers do not wait
    writers.finish(first, second)
    assert (first.result(0), second.result(0)) == (None, None)
    assert writers.name(writers.first) == "second"
    assert writers.locks.waited == 1


def test_a_reader_sees_nothing_of_a_transaction_that_is_not_committed(writers: Writers) -> None:
    writer = writers.begin(rename(writers.first, "new"))
    assert writers.locks.reached(LONG, writing=1)
    assert writers.name(writers.first) == "first"
    writers.finish(writer)
    assert writers.name(writers.first) == "new"


def test_new_actuals_of_one_project_wait_for_each_other_and_those_of_another_do_not(writers: Writers) -> None:
    one, other = writers.projects
    waiting = [writers.begin(actual(one))]
    assert writers.locks.reached(LONG, writing=1)
    waiting.append(writers.begin(actual(one)))
    assert writers.locks.reached(LONG, writing=1, waiting=1)
    waiting.append(writers.begin(actual(other)))
    assert writers.locks.reached(LONG, writing=2, waiting=1)
    writers.finish(*waiting)
    for writer in waiting:
        writer.result(0)
    assert writers.actuals() == 3


def test_whoever_waits_too_long_is_told_so_and_leaves_nothing_behind(writers: Writers) -> None:
    one = writers.projects[0]
    writers.locks.holds = {"msdyn_actual": 10 * MINUTE}
    writers.locks.timeout = 2 * MINUTE
    first = writers.begin(actual(one))
    assert writers.locks.reached(LONG, writing=1)
    second = writers.begin(rename(writers.first, "renamed"), actual(one))
    assert writers.locks.reached(LONG, writing=1, waiting=1)
    writers.clock.advance(3 * MINUTE)
    told = refusal(second)
    assert (told.status, told.code) == (500, "0x80044151")
    assert "SQL timeout expired" in told.message
    assert writers.name(writers.first) == "first"
    again = writers.begin(rename(writers.first, "free again"))
    writers.finish(first, again)
    assert (first.result(0), again.result(0)) == (None, None)
    assert (writers.actuals(), writers.name(writers.first), writers.locks.timeouts) == (1, "free again", 1)


def test_two_writers_in_opposite_order_deadlock_and_one_of_them_is_rolled_back_whole(writers: Writers) -> None:
    one, other = writers.projects
    forth = writers.begin(actual(one), actual(other))
    back = writers.begin(actual(other), actual(one))
    assert writers.locks.reached(LONG, writing=2)
    writers.finish(forth, back)
    refusals = [problem for writer in (forth, back) if (problem := writer.exception(0)) is not None]
    (victim,) = refusals
    assert isinstance(victim, Refused)
    assert (victim.status, victim.code) == (500, "0x80044150")
    assert "Sql Number: 1205" in victim.message
    assert (writers.actuals(), writers.locks.deadlocks) == (2, 1)


def test_a_row_with_the_same_id_waits_for_the_first_and_is_then_a_duplicate(writers: Writers) -> None:
    id = uuid4()

    def create(work: UnitOfWork) -> None:
        work.create("account", {"name": "same"}, id)

    first = writers.begin(create)
    assert writers.locks.reached(LONG, writing=1)
    second = writers.begin(create)
    assert writers.locks.reached(LONG, writing=1, waiting=1)
    writers.finish(first, second)
    assert first.result(0) is None
    assert refusal(second).code == "0x80040237"


def test_listeners_hear_of_a_transaction_that_stepped_aside_once_and_of_a_victim_never(writers: Writers) -> None:
    heard: list[str] = []

    class Ear:
        def on_committed(self, writes: list[Written]) -> None:
            heard.extend(str((write.after or {}).get("name")) for write in writes)

    writers.server.organisation.listeners.append(Ear())  # type: ignore[arg-type]
    forth = writers.begin(rename(writers.first, "forth"), rename(writers.second, "forth"))
    assert writers.locks.reached(LONG, writing=1)
    back = writers.begin(rename(writers.second, "back"), rename(writers.first, "back"))
    assert writers.locks.reached(LONG, writing=2)
    writers.finish(forth, back)
    problems = [forth.exception(0), back.exception(0)]
    assert problems.count(None) == 1
    assert heard == (["forth", "forth"] if problems[0] is None else ["back", "back"])


def test_waiting_ends_when_the_server_does(writers: Writers) -> None:
    first = writers.begin(rename(writers.first, "first"))
    assert writers.locks.reached(LONG, writing=1)
    second = writers.begin(rename(writers.first, "second"))
    assert writers.locks.reached(LONG, writing=1, waiting=1)
    writers.locks.close()
    first.result(LONG)
    assert second.exception(LONG) is None or refusal(second).code == "0x80044151"


def test_without_the_switch_writers_take_turns_and_nobody_waits_for_a_row(writers: Writers) -> None:
    writers.locks.enabled = False
    for writer in [writers.begin(actual(writers.projects[0])) for _ in range(8)]:
        writer.result(LONG)
    assert (writers.actuals(), writers.locks.waited) == (8, 0)


def test_many_writers_of_two_projects_all_come_through_when_victims_try_again(writers: Writers) -> None:
    writers.locks.holds = {"msdyn_actual": timedelta(milliseconds=2)}

    def write(number: int) -> None:
        one, other = writers.projects if number % 2 else reversed(writers.projects)
        while True:
            try:
                with writers.server.transaction() as work:
                    actual(one)(work)
                    actual(other)(work)
            except Refused as told:
                if told.code != "0x80044150":
                    raise
            else:
                return

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(write, range(40)))
    assert writers.actuals() == 80
    assert writers.locks.deadlocks > 0


def test_a_parent_is_not_deleted_while_a_child_of_it_is_being_made(writers: Writers) -> None:
    child = writers.begin(contact_of(writers.first))
    assert writers.locks.reached(LONG, writing=1)
    deletion = writers.begin(lambda work: work.delete("account", writers.first))
    assert writers.locks.reached(LONG, writing=1, waiting=1)
    writers.finish(child, deletion)
    assert child.result(0) is None
    assert refusal(deletion).code == "0x80048cf1"
    assert writers.name(writers.first) == "first"


def test_a_child_waits_for_the_deletion_of_its_parent_and_then_finds_none(writers: Writers) -> None:
    deletion = writers.begin(lambda work: work.delete("account", writers.first))
    assert writers.locks.reached(LONG, writing=1)
    child = writers.begin(contact_of(writers.first))
    assert writers.locks.reached(LONG, writing=1, waiting=1)
    writers.finish(deletion, child)
    assert deletion.result(0) is None
    told = refusal(child)
    assert (told.status, told.code) == (404, "0x80040217")


def test_children_of_one_parent_do_not_wait_for_each_other(writers: Writers) -> None:
    both = [writers.begin(contact_of(writers.first)) for _ in range(2)]
    assert writers.locks.reached(LONG, writing=2)
    writers.finish(*both)
    assert writers.locks.waited == 0


def test_who_waits_behind_one_that_waits_for_them_is_in_a_deadlock(writers: Writers) -> None:
    a = writers.begin(contact_of(writers.first), rename(writers.second, "a"))
    assert writers.locks.reached(LONG, writing=1)
    deletion = writers.begin(lambda work: work.delete("account", writers.first))
    assert writers.locks.reached(LONG, writing=1, waiting=1)
    b = writers.begin(rename(writers.second, "b"), contact_of(writers.first))
    assert writers.locks.reached(LONG, writing=2, waiting=1)
    writers.finish(a, deletion, b)
    assert writers.locks.deadlocks == 1
    codes = [getattr(writer.exception(0), "code", "") for writer in (a, b)]
    # Where the victim was the one that made the child, the deletion goes through and the other finds no parent.
    assert codes in (["0x80044150", "0x80040217"], ["", "0x80044150"])


def test_who_deletes_what_they_point_to_goes_before_another_that_waits_to_delete_it(writers: Writers) -> None:
    def change_of_mind(work: UnitOfWork) -> None:
        contact = work.create("contact", {"lastname": "C", "parentcustomerid": Link("account", writers.first)})
        work.delete("contact", contact)
        work.delete("account", writers.first)

    def delete(work: UnitOfWork) -> None:
        work.delete("contact", work.create("contact", {"lastname": "D"}))
        work.delete("account", writers.first)

    mine = writers.begin(change_of_mind)
    assert writers.locks.reached(LONG, writing=1)
    theirs = writers.begin(delete)
    assert writers.locks.reached(LONG, writing=2)
    writers.finish(mine, theirs)
    problems = [problem for writer in (mine, theirs) if (problem := writer.exception(0)) is not None]
    assert [problem.code for problem in problems if isinstance(problem, Refused)] in (["0x80040217"], ["0x80044150"])


def test_what_a_slow_transaction_wrote_first_is_not_missed_by_who_asks_for_changes(writers: Writers) -> None:
    store = writers.server.organisation.store
    slow = writers.begin(rename(writers.first, "slow"))
    assert writers.locks.reached(LONG, writing=1)
    writers.locks.holds = {}
    quick = writers.begin(rename(writers.second, "quick"))
    quick.result(LONG)
    with store.lock:
        reached = store.version_reached
    writers.finish(slow)
    with writers.server.transaction() as work:
        rows = [work.get("account", id) for id in (writers.first, writers.second)]
    assert [row is not None and str(row["versionnumber"]) > str(reached) for row in rows] == [True, True]
    with store.lock:
        assert store.version_reached > reached


def test_a_key_that_is_being_given_up_is_waited_for(writers: Writers) -> None:
    writers.locks.enabled = False
    with writers.server.transaction() as work:
        facts = replace(work.catalog.table("contact"), keys=(Key("k", "k", ("lastname",)),))
        work.store.add_key(facts, facts.keys[0])
        work.catalog.put(facts)
        old = work.create("contact", {"lastname": "one"})
    writers.locks.enabled = True
    writers.locks.holds = {"contact": MINUTE}
    given_up = writers.begin(lambda work: work.update("contact", old, {"lastname": "other"}))
    assert writers.locks.reached(LONG, writing=1)
    taken = writers.begin(lambda work: work.create("contact", {"lastname": "one"}))
    assert writers.locks.reached(LONG, writing=1, waiting=1)
    writers.finish(given_up, taken)
    assert (given_up.result(0), taken.result(0)) == (None, None)
