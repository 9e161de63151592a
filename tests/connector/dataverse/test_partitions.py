from __future__ import annotations

import threading

from connector.dataverse.partitions import Partitions


def test_whoever_wants_what_is_in_use_waits_until_it_is_free() -> None:
    partitions = Partitions()
    first_is_in, may_leave, second_asks = threading.Event(), threading.Event(), threading.Event()
    order: list[str] = []

    def first() -> None:
        with partitions.some_of(["a", "b"]) as held:
            assert held == {"a", "b"}
            first_is_in.set()
            assert may_leave.wait(5)
            order.append("first leaves")

    def second() -> None:
        assert first_is_in.wait(5)
        second_asks.set()
        with partitions.some_of(["b"]) as held:
            assert held == {"b"}
            order.append("second enters")

    threads = [threading.Thread(target=first), threading.Thread(target=second)]
    for thread in threads:
        thread.start()
    assert second_asks.wait(5)
    may_leave.set()
    for thread in threads:
        thread.join(5)

    assert order == ["first leaves", "second enters"]


def test_what_is_free_is_taken_without_waiting_for_the_rest() -> None:
    partitions = Partitions()

    with partitions.some_of(["a"]), partitions.some_of(["a", "b"]) as held:
        assert held == {"b"}


def test_of_many_each_of_several_takes_a_share_so_that_they_work_side_by_side() -> None:
    partitions, many = Partitions(), [f"p{number}" for number in range(12)]

    with partitions.some_of(many[:1]), partitions.some_of(many) as one, partitions.some_of(many) as another:
        assert len(one) == 6
        assert len(another) == 4
        assert not one & another

    with partitions.some_of(many) as alone:
        assert alone == set(many)


def test_it_is_known_that_somebody_waits() -> None:
    partitions, entered = Partitions(), threading.Event()

    def second() -> None:
        with partitions.some_of(["a", "b"]):
            entered.set()

    with partitions.some_of(["a", "b"]):
        assert not partitions.are_awaited(["a", "b"])
        thread = threading.Thread(target=second)
        thread.start()
        while not partitions.are_awaited(["b"]):
            assert thread.is_alive()
        assert not partitions.are_awaited(["c"])
    assert entered.wait(5)
    thread.join(5)
    assert not partitions.are_awaited(["a", "b"])


def test_a_few_are_not_divided_however_many_want_some() -> None:
    partitions = Partitions()

    with partitions.some_of(["a"]), partitions.some_of(["b"]), partitions.some_of(["c", "d", "e", "f"]) as held:
        assert held == {"c", "d", "e", "f"}


def test_other_partitions_and_none_at_all_do_not_wait() -> None:
    partitions = Partitions()

    with partitions.some_of(["a", ""]), partitions.some_of(["b", ""]), partitions.some_of([]) as none:
        assert none == frozenset()
