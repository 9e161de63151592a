"""How many change sets go together in bulk messages, and for how long these are left alone where they do no good."""

from __future__ import annotations

from datetime import timedelta

import pytest

from connector.dataverse.bulk import FIRST_TOGETHER, LONGEST_REST, MOST_TOGETHER, BulkPace

SECOND = timedelta(seconds=1)


def test_more_go_together_while_none_fall_and_fewer_when_many_do() -> None:
    pace = BulkPace()
    assert pace.together() == 1
    pace.took(100, SECOND, [])
    assert pace.together() == FIRST_TOGETHER
    for _ in range(100):
        pace.took(100, SECOND / 2, [True, True])
    assert pace.together() == MOST_TOGETHER
    pace.took(100, SECOND / 2, [True, False])
    assert pace.together() == MOST_TOGETHER // 2
    pace.took(100, SECOND / 2, [True] * 4 + [False])
    assert pace.together() == MOST_TOGETHER // 2


@pytest.mark.parametrize("hopeless", [True, False], ids=["always falls", "slower"])
def test_what_does_no_good_is_left_alone_for_longer_and_longer(hopeless: bool) -> None:
    pace = BulkPace()
    pace.took(100, SECOND, [])
    tried = 0
    for _ in range(4 * LONGEST_REST):
        alone = pace.together() == 1
        tried += not alone
        pace.took(100, SECOND if alone else SECOND * 2, [] if alone else [not hopeless])

    assert 5 < tried < 20


def test_a_few_rows_say_nothing_about_what_is_quicker() -> None:
    pace = BulkPace()
    pace.took(4, SECOND, [])
    assert pace.together() == 1
    pace.took(100, SECOND, [])
    pace.took(4, SECOND, [True])
    assert pace.together() == FIRST_TOGETHER + 1


def test_batches_lost_together_are_one_reason_to_go_without_and_not_many() -> None:
    pace = BulkPace()
    pace.took(100, SECOND, [])
    for _ in range(8):
        pace.lost()

    assert [pace.together(), pace.together()] == [1, FIRST_TOGETHER]
