from __future__ import annotations

import threading

from connector.dataverse.lanes import CALM, Lanes


def pass_through(lanes: Lanes, times: int) -> None:
    for _ in range(times):
        with lanes.one():
            pass


def test_no_more_than_the_cap_are_under_way_at_once() -> None:
    lanes = Lanes(2)
    entered, leave = threading.Semaphore(0), threading.Event()
    most, inside, lock = 0, 0, threading.Lock()

    def work() -> None:
        nonlocal most, inside
        with lanes.one():
            with lock:
                inside += 1
                most = max(most, inside)
            entered.release()
            leave.wait(10)
            with lock:
                inside -= 1

    threads = [threading.Thread(target=work) for _ in range(6)]
    for thread in threads:
        thread.start()
    assert entered.acquire(timeout=10)
    assert entered.acquire(timeout=10)
    leave.set()
    for thread in threads:
        thread.join(10)

    assert most == 2


def test_advice_is_a_cap_and_never_a_target() -> None:
    lanes = Lanes(8)

    lanes.advise(3)
    assert lanes.open == 3
    lanes.advise(50)
    assert lanes.open == 8
    lanes.advise(0)
    assert lanes.open == 1


def test_too_many_at_once_halves_the_lanes_and_calm_opens_them_again_one_by_one() -> None:
    lanes = Lanes(8)

    lanes.crowded()
    lanes.crowded()
    assert lanes.open == 2
    pass_through(lanes, CALM)
    assert lanes.open == 3
    pass_through(lanes, 20 * CALM)
    assert lanes.open == 8


def test_a_lane_is_always_left() -> None:
    lanes = Lanes(0)
    lanes.crowded()

    assert lanes.open == 1
    pass_through(lanes, 1)
