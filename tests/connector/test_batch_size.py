from __future__ import annotations

from datetime import timedelta

from connector.batch_size import BatchSize

SOON = timedelta(milliseconds=2)
LATE = timedelta(seconds=3)


def test_it_starts_with_one_and_doubles_while_batches_come_back_full() -> None:
    size = BatchSize(20)
    asked = []
    for _ in range(7):
        asked.append(size.size)
        size.received(size.size, LATE if size.size > 1 else SOON)

    assert asked == [1, 2, 4, 8, 16, 20, 20]


def test_it_returns_to_one_when_a_batch_is_short_or_empty() -> None:
    size = BatchSize(20)
    size.received(1, SOON)
    size.received(1, SOON)
    assert size.size == 1
    size.received(1, SOON)
    size.received(0, LATE)
    assert size.size == 1


def test_a_trickle_of_single_messages_does_not_make_it_grow() -> None:
    size = BatchSize(20)
    for _ in range(5):
        size.received(1, LATE)
        assert size.size == 1
