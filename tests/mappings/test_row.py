"""A row hands out what it holds in the type that is asked for, or says that it can't."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from tests.mappings.samples import ENTRY, PROJECT, row

MOMENT = datetime(2026, 2, 10, tzinfo=UTC)
FULL = row(
    ENTRY,
    {"link": PROJECT, "choice": 192350002, "number": Decimal("1.50"), "text": "x", "instant": MOMENT, "flag": True},
)


def test_every_type_is_read_as_it_is_held() -> None:
    assert (FULL.id, FULL.link("link"), FULL.link_id("link")) == (ENTRY.id, PROJECT, PROJECT.id)
    assert (FULL.choice("choice"), FULL.number("number")) == (192350002, Decimal("1.50"))
    assert (FULL.text("text"), FULL.instant("instant"), FULL.flag("flag")) == ("x", MOMENT, True)


def test_an_absent_column_reads_as_empty_and_an_empty_flag_as_no() -> None:
    empty = row(ENTRY)
    values = (empty.link("a"), empty.link_id("a"), empty.choice("a"), empty.number("a"), empty.text("a"))
    assert values == (None, None, None, None, None)
    assert empty.instant("a") is None
    assert empty.flag("a") is False


@pytest.mark.parametrize(
    ("reader", "column"),
    [("number", "choice"), ("number", "text"), ("choice", "number"), ("choice", "flag"), ("link", "text")],
)
def test_a_value_of_another_type_is_a_fault_and_names_the_column(reader: str, column: str) -> None:
    with pytest.raises(TypeError, match=column):
        getattr(FULL, reader)(column)
