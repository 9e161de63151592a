"""Threads for work that waits for others."""

from __future__ import annotations

import threading
from contextvars import ContextVar

import pytest

from connector.crew import Crew, side_by_side


def test_work_is_done_in_threads_that_are_used_again() -> None:
    crew = Crew("crew")
    first = crew.submit(threading.get_ident).result(5)
    assert crew.submit(threading.get_ident).result(5) == first
    crew.shutdown()


def test_what_hangs_takes_no_others_place_and_does_not_keep_the_process() -> None:
    crew, free = Crew("crew"), threading.Event()
    hung = [crew.submit(free.wait, 10) for _ in range(3)]
    assert crew.submit(int, "7").result(5) == 7
    assert all(thread.daemon for thread in threading.enumerate() if thread.name == "crew")
    crew.shutdown()
    free.set()
    assert all(one.result(5) for one in hung)


def test_what_goes_wrong_is_carried_over_and_the_thread_lives_on() -> None:
    crew = Crew("crew")
    with pytest.raises(ValueError, match="invalid literal"):
        crew.submit(int, "x").result(5)
    assert crew.submit(int, "1").result(5) == 1
    crew.shutdown()


def test_a_dismissed_crew_takes_nothing_more() -> None:
    crew = Crew("crew")
    crew.shutdown()
    with pytest.raises(RuntimeError, match="dismissed"):
        crew.submit(int)


def test_items_are_worked_at_side_by_side_so_many_at_once_and_come_back_in_order() -> None:
    both, most, at_work, lock = threading.Barrier(2), [0], [0], threading.Lock()

    def work(item: int) -> int:
        with lock:
            at_work[0] += 1
            most[0] = max(most[0], at_work[0])
        both.wait(5)
        with lock:
            at_work[0] -= 1
        return item * item

    assert side_by_side("crew", 2, work, [1, 2, 3, 4]) == [1, 4, 9, 16]
    assert most == [2]


def test_what_one_of_many_raises_is_raised_when_all_are_through() -> None:
    done: list[int] = []

    def work(item: int) -> None:
        if item == 0:
            raise ValueError("no")
        done.append(item)

    with pytest.raises(ValueError, match="no"):
        side_by_side("crew", 3, work, range(5))
    assert sorted(done) == [1, 2, 3, 4]


def test_threads_belong_to_the_trace_of_who_asked_and_keep_no_process() -> None:
    trace: ContextVar[str] = ContextVar("trace", default="a new one")
    trace.set("mine")
    seen = side_by_side("crew", 2, lambda _: (trace.get(), threading.current_thread().daemon), [1, 2])
    assert seen == [("mine", True)] * 2
