from __future__ import annotations

from datetime import timedelta

from connector.dataverse.batch_pace import FEWEST, FIRST, BatchPace


def seconds(number: float) -> timedelta:
    return timedelta(seconds=number)


def test_batches_grow_twofold_at_a_time_to_what_takes_half_a_minute() -> None:
    pace = BatchPace()
    pace.took(FIRST, seconds(0.5))
    assert pace.operations == 2 * FIRST
    pace.took(2 * FIRST, seconds(5))
    assert pace.operations == 4 * FIRST
    pace.took(4 * FIRST, seconds(30))
    assert pace.operations == 4 * FIRST


def test_batches_never_hold_more_than_dataverse_takes_nor_less_than_ten() -> None:
    pace = BatchPace()
    for _ in range(9):
        pace.took(FIRST, seconds(0.01))
    assert pace.operations == 1000
    pace.took(100, seconds(3600))
    assert pace.operations == FEWEST


def test_where_plug_ins_make_rows_dear_the_next_batch_is_small_at_once() -> None:
    pace = BatchPace()
    pace.took(200, seconds(80))

    assert pace.operations == 75


def test_a_slow_call_by_itself_says_nothing_about_batches() -> None:
    pace = BatchPace()
    pace.took(1, seconds(60))

    assert pace.operations == FIRST


def test_a_batch_that_was_not_answered_in_time_is_half_as_large_next() -> None:
    pace = BatchPace()
    pace.too_long(FIRST)

    assert pace.operations == FIRST // 2


def test_batches_under_way_at_once_that_are_lost_together_count_as_one() -> None:
    pace = BatchPace()
    for _ in range(8):
        pace.too_long(FIRST)

    assert pace.operations == FIRST // 2


def test_a_few_operations_that_are_lost_say_nothing_about_many() -> None:
    pace = BatchPace()
    for _ in range(30):
        pace.too_long(7)

    assert pace.operations == FIRST


def test_after_trouble_batches_of_one_entry_each_grow_again() -> None:
    pace = BatchPace()
    pace.took(FIRST, seconds(3600))
    assert pace.operations == FEWEST

    for _ in range(10):
        pace.took(pace.operations // 7 * 7 or 7, seconds(1))

    assert pace.operations > FIRST


def test_what_the_next_batch_will_take_is_expected_from_the_last_one() -> None:
    pace = BatchPace()
    assert pace.expected(50) == timedelta()

    pace.took(200, seconds(80))

    assert pace.expected(50) == seconds(20)
