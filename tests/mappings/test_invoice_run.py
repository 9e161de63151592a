"""What the record of a run says: what it is about, what was confirmed, and what may be tried again."""

from __future__ import annotations

from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from mappings.invoice_run import Due, Outcome, Preview, contracts_in, is_same, may_be_tried_again, outcome, selection

ONE, TWO = UUID(int=1), UUID(int=2)


def preview(*due: tuple[int, int, str]) -> Preview:
    return Preview(
        tuple(Due(UUID(int=n), rows, Decimal(total), code, 2) for n, (rows, total, code) in enumerate(due, 1))
    )


@pytest.mark.parametrize(
    ("word", "again"),
    [
        ("created", False),
        ("created-differs", False),
        ("created-and-gone", False),
        ("nothing-to-invoice", False),
        ("in-doubt", False),
        ("refused", True),
        ("already-running", True),
        ("failed", True),
    ],
)
def test_another_command_is_given_only_where_no_invoice_can_come_of_the_one_before(word: str, again: bool) -> None:
    assert may_be_tried_again({"outcome": word}) is again


def test_a_record_names_contracts_expectation_and_whether_a_person_saw_it() -> None:
    told = selection(ONE, preview((2, 300, "USD"), (0, 0, "EUR")), confirmed=True)
    assert contracts_in(told) == (ONE, TWO)
    assert (told["confirmed"], told["expected"]) == (
        True,
        {"contracts": 2, "with_work": 1, "rows": 2, "sums": {"USD": "300"}},
    )


@pytest.mark.parametrize(
    ("now", "is_within"),
    [
        ([(2, 300, "USD"), (1, 50, "EUR")], True),
        ([(1, 200, "USD")], True),
        ([], True),
        ([(2, 301, "USD")], False),
        ([(4, 100, "USD")], False),
        ([(1, 1, "CHF")], False),
        ([(1, -400, "USD")], False),
    ],
)
def test_what_is_left_of_a_run_is_within_what_a_person_saw(now: list[tuple[int, int, str]], is_within: bool) -> None:
    expected: Any = preview((2, 300, "USD"), (1, 50, "EUR")).as_data()
    assert preview(*now).is_within(expected) is is_within


def test_what_is_done_of_a_run_is_no_room_for_what_is_left_to_grow() -> None:
    seen: Any = preview((10, 10_000, "USD"), (10, 10_000, "USD"), (1, -50, "EUR")).as_data()
    done = preview((10, 10_000, "USD")).due
    assert preview((10, 10_000, "USD"), (1, -50, "EUR")).is_within(seen, done)
    assert not preview((10, 10_001, "USD")).is_within(seen, done)
    assert not preview((12, 10_000, "USD")).is_within(seen, done)


@pytest.mark.parametrize(
    ("contracts", "asked", "same"),
    [((ONE, TWO), None, True), ((TWO, ONE), None, True), ((ONE,), None, False), ((), "everything", False)],
)
def test_a_run_is_known_by_the_contracts_that_are_named(contracts: tuple[UUID, ...], asked: object, same: bool) -> None:
    record = selection(ONE, preview((1, 1, "USD"), (1, 1, "USD")), confirmed=False)
    assert is_same(record, contracts, asked) is same


def test_a_run_over_all_contracts_is_the_same_whichever_there_are_by_now() -> None:
    record = selection(ONE, preview((1, 1, "USD")), confirmed=False, asked="everything")
    assert is_same(record, (), "everything")
    assert not is_same(record, (ONE,), None)


def test_an_end_counts_outcomes_and_is_done_when_each_contract_has_one() -> None:
    left = [(TWO, Outcome.FAILED, "x" * 400)]
    assert outcome(2, {Outcome.CREATED: 1, Outcome.FAILED: 1}, left) == {
        "outcome": "done",
        "ended": {"created": 1, "failed": 1},
        "failed": {str(TWO): ["failed", "x" * 300]},
    }
    assert outcome(2, {Outcome.CREATED: 1}, [])["outcome"] == "broken-off"
