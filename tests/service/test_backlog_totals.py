"""Sums and ages per contract and currency, written down by hand."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest

from mappings.backlog import BacklogRow
from mappings.backlog_judgement import judgement
from mappings.tables import Cell
from service.backlog_totals import Age, Totals, age
from service.backlog_view import BacklogLine
from service.contracts import Contract
from tests.mappings.test_backlog import milestone, product, sales

TODAY = date(2026, 2, 10)
FIRST = Contract(UUID(int=1), "ORD-1", "First", "USD", 2)
SECOND = Contract(UUID(int=2), "ORD-2", "Second", "JPY", 0)


def line(
    row: BacklogRow, contract: Contract | None = FIRST, days: int | None = 0, currency: str = "USD"
) -> BacklogLine:
    """A line dated so many days ago."""
    dated = None if days is None else TODAY - timedelta(days=days)
    return BacklogLine(row, contract, dated, judgement(row, TODAY, ZoneInfo("UTC")), currency)


@pytest.mark.parametrize(
    ("days", "expected"),
    [
        (-1, Age.FUTURE),
        (0, Age.TO_30),
        (30, Age.TO_30),
        (31, Age.TO_60),
        (60, Age.TO_60),
        (61, Age.TO_90),
        (90, Age.TO_90),
        (91, Age.OVER_90),
        (4000, Age.OVER_90),
    ],
)
def test_an_age_begins_the_day_after_the_one_before_ends(days: int, expected: Age) -> None:
    assert age(TODAY - timedelta(days=days), TODAY) is expected


def test_product_lines_have_no_age() -> None:
    assert age(None, TODAY) is Age.UNDATED


def test_rows_are_added_up_per_contract_and_currency_and_only_what_is_billed() -> None:
    ready: dict[str, Cell] = {"msdyn_billingstatus": 192350004}
    totals = Totals(TODAY)
    totals.add([line(sales()), line(sales(**ready), days=45), line(sales(msdyn_billingtype=192350000), days=100)])
    totals.add([line(sales(msdyn_accountcustomer=None), days=-3), line(product(), days=None)])
    totals.add([line(milestone(), SECOND, 91, "JPY"), line(sales(msdyn_amount=Decimal("-0.10")), None)])
    none, first, second = totals.by_contract()
    assert (none.contract, none.rows, none.billable) == (None, 1, Decimal("-0.10"))
    assert (first.rows, first.ready, first.held) == (5, 1, 1)
    assert (first.billable, first.ready_billable) == (Decimal("5100.00"), Decimal("1600.00"))
    assert {age.value: sum for age, sum in first.ages.items() if sum} == {
        "future": Decimal("1600.00"),
        "0-30": Decimal("1600.00"),
        "31-60": Decimal("1600.00"),
        "undated": Decimal("300.00"),
    }
    assert (second.rows, second.ages[Age.OVER_90]) == (1, Decimal("5000.00"))
    assert [(one.currency, one.rows, one.billable) for one in totals.by_currency()] == [
        ("JPY", 1, Decimal("5000.00")),
        ("USD", 6, Decimal("5099.90")),
    ]
    assert first.billable == Decimal("5100.00"), "summing up changed nothing"
