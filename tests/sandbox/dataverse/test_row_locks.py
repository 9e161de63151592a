"""Row locks: who waits for whom, who is told what, and that nothing is half done."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from uuid import uuid4

import pytest

from sandbox.dataverse.unit_of_work import Refused, UnitOfWork, Written
from tests.sandbox.dataverse.writers import LONG, MINUTE, Writers, actual, refusal, rename


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
