from __future__ import annotations

import threading

from connector.dataverse.partitions import Partitions


def test_two_commits_of_one_partition_are_never_in_flight_together() -> None:
    partitions = Partitions()
    first_is_in, may_leave, second_asks = threading.Event(), threading.Event(), threading.Event()
    order: list[str] = []

    def first() -> None:
        with partitions.hold(["a", "b"]):
            first_is_in.set()
            assert may_leave.wait(5)
            order.append("first leaves")

    def second() -> None:
        assert first_is_in.wait(5)
        second_asks.set()
        with partitions.hold(["b", "c"]):
            order.append("second enters")

    threads = [threading.Thread(target=first), threading.Thread(target=second)]
    for thread in threads:
        thread.start()
    assert second_asks.wait(5)
    may_leave.set()
    for thread in threads:
        thread.join(5)

    assert order == ["first leaves", "second enters"]


def test_other_partitions_and_none_at_all_do_not_wait() -> None:
    partitions = Partitions()

    with partitions.hold(["a", ""]), partitions.hold(["b", ""]), partitions.hold([]):
        pass
