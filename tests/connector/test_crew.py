"""Threads for work that waits for others."""

from __future__ import annotations

import threading

import pytest

from connector.crew import Crew


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
