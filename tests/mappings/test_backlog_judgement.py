"""What is said of a row of a backlog: why it may not be marked, why not unmarked, and what is worth knowing."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from mappings.backlog_judgement import judgement, why_not_unmark
from mappings.tables import Cell
from tests.mappings.test_backlog import HERE, NOW, TODAY, milestone, product, sales


def test_an_ordinary_open_row_may_be_marked_and_there_is_nothing_to_note() -> None:
    for row in (sales(), product(), milestone()):
        said = judgement(row, TODAY, HERE)
        assert (said.may_mark, said.why_not, said.notes) == (True, None, ())


@pytest.mark.parametrize(
    ("type", "words"),
    [
        (192350000, "not chargeable"),
        (192350002, "complimentary"),
        (192350003, "Not Available"),
        (None, "no billing type"),
        (1, "no billing type"),
    ],
)
def test_work_that_is_not_charged_may_be_marked_and_is_noted_to_add_nothing(type: int | None, words: str) -> None:
    said = judgement(sales(msdyn_billingtype=type), TODAY, HERE)
    assert said.may_mark
    (note,) = said.notes
    assert words in note
    assert "adds nothing" in note


def test_a_row_dated_in_the_future_may_be_marked_and_is_noted_with_its_day() -> None:
    tomorrow = NOW + timedelta(days=1)
    for row in (sales(msdyn_startdatetime=tomorrow), milestone(msdyn_invoicedate=tomorrow)):
        said = judgement(row, TODAY, HERE)
        assert said.may_mark
        assert said.notes == ("It is dated 2026-02-11, in the future: invoices created before that day leave it out.",)
        assert judgement(row, TODAY + timedelta(days=1), HERE).notes == ()


def test_a_note_stands_beside_a_refusal() -> None:
    said = judgement(sales(msdyn_billingtype=192350000, msdyn_billingstatus=192350001), TODAY, HERE)
    assert not said.may_mark
    assert (said.why_not, len(said.notes)) == ("It stands on a draft invoice.", 1)


def test_a_row_that_exceeds_a_limit_may_not_be_marked() -> None:
    why = judgement(replace(sales(), exceeds_limit=True), TODAY, HERE).why_not
    assert why is not None
    assert "not-to-exceed" in why


@pytest.mark.parametrize(
    ("cells", "words"),
    [
        ({"msdyn_billingstatus": 192350004}, None),
        ({"msdyn_billingstatus": None}, "not ready"),
        ({"msdyn_billingstatus": 192350000}, "not ready"),
        ({"msdyn_billingstatus": 192350001}, "draft invoice"),
        ({"msdyn_billingstatus": 192350002}, "posted invoice"),
        ({"msdyn_billingstatus": 192350003}, "canceled"),
    ],
)
def test_only_what_is_ready_may_be_set_to_not_ready(cells: dict[str, Cell], words: str | None) -> None:
    why = why_not_unmark(sales(**cells))
    assert why is None if words is None else words in (why or "")


def test_an_adjusted_row_that_is_ready_may_be_taken_back_all_the_same() -> None:
    assert why_not_unmark(sales(msdyn_billingstatus=192350004, msdyn_adjustmentstatus=192350001)) is None


def test_a_milestone_is_taken_back_by_its_own_numbers() -> None:
    assert why_not_unmark(milestone(msdyn_invoicestatus=192350001)) is None
    assert why_not_unmark(milestone(msdyn_invoicestatus=192350000)) == "It is not ready to invoice."
    assert why_not_unmark(milestone(msdyn_invoicestatus=192350002)) == "It stands on a draft invoice."
