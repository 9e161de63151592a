"""A hundred thousand rows are listed and added up in the memory that ten thousand take."""

from __future__ import annotations

import os
import tracemalloc
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest

from connector.dataverse.changes import Record, Reference, Value
from connector.dataverse.query import Query
from mappings.backlog import Backlog
from mappings.selection import Filter, Selection
from service.backlog_totals import Totals
from service.backlog_view import Review
from service.cli.backlog_report import CSV_COLUMNS, as_cells, as_data, rows_as_table
from service.cli.output import as_csv, as_json_array

CONTRACTS = 20
USD = UUID(int=1)
TODAY = date(2026, 2, 16)
NOON = datetime(2026, 2, 15, 12, tzinfo=UTC)
ALIKE: dict[str, Value] = {
    "msdyn_transactiontypecode": 192350005,
    "msdyn_billingtype": 192350001,
    "msdyn_accountcustomer": Reference("account", UUID(int=2)),
    "msdyn_amount": Decimal("0.10"),
    "msdyn_description": "Work",
    "transactioncurrencyid": Reference("transactioncurrency", USD),
}


class Endless:
    """A backlog made while it is read: no row of it exists before its page is asked for."""

    def __init__(self, rows: int, page: int) -> None:
        self.rows, self.page = rows, page
        self.requests = 0

    def query(self, questions: Sequence[Query]) -> list[list[Record]]:
        """Contracts and currencies; no row comes from anywhere, so that none is doubled."""
        self.requests += 1
        return [self._answer(question) for question in questions]

    def scan(self, question: Query) -> Iterator[list[Record]]:
        """The rows, a page at a time."""
        for begin in range(0, self.rows, self.page):
            self.requests += 1
            yield [self._row(number, question) for number in range(begin, min(begin + self.page, self.rows))]

    @property
    def tracking(self) -> object:
        """Not asked for."""
        raise AssertionError

    def _answer(self, question: Query) -> list[Record]:
        if question.table == "transactioncurrency":
            return [Record(Reference(question.table, USD), "", {"isocurrencycode": "USD", "currencyprecision": 2})]
        if question.table == "salesorder":
            currency = Reference("transactioncurrency", USD)
            return [
                Record(
                    Reference(question.table, UUID(int=number)),
                    "",
                    {"name": "Work", "ordernumber": f"ORD-{number:02}", "transactioncurrencyid": currency},
                )
                for number in range(100, 100 + CONTRACTS)
            ]
        return []

    def _row(self, number: int, question: Query) -> Record:
        row = Reference(question.table, UUID(int=1_000_000 + number))
        varying: dict[str, Value] = {
            "msdyn_salescontract": Reference("salesorder", UUID(int=100 + number % CONTRACTS)),
            "msdyn_startdatetime": NOON - timedelta(days=number % 100),
        }
        return Record(row, f'W/"{number}"', ALIKE | varying)


def listed(rows: int, how: str, page: int, *, watched: bool = True) -> tuple[int, Totals]:
    """List so many rows; the most bytes that were held at once (0: not watched), and what they add up to."""
    totals = Totals(TODAY)
    review = Review(Endless(rows, page), ZoneInfo("UTC"), TODAY)  # type: ignore[arg-type]

    def counted() -> Iterator[list]:  # type: ignore[type-arg]
        for page in review.pages(Backlog.TIME_AND_MATERIAL, Selection(where=Filter())):
            totals.add(page)
            yield page

    if watched:
        tracemalloc.start()
    try:
        if how == "json":
            as_json_array(as_data(line) for page in counted() for line in page)
        elif how == "csv":
            as_csv(CSV_COLUMNS, (as_cells(line) for page in counted() for line in page))
        elif how == "table":
            rows_as_table(Backlog.TIME_AND_MATERIAL, counted())
        else:
            for _ in counted():
                pass
        return tracemalloc.get_traced_memory()[1], totals  # zeroes where nothing is watched
    finally:
        tracemalloc.stop()


@pytest.mark.timeout(300)
def test_ten_times_the_rows_take_no_more_memory() -> None:
    listed(500, "summary", 500)  # what is loaded once is loaded now
    few, _ = listed(2_000, "summary", 500)
    many, _ = listed(20_000, "summary", 500)
    assert many < 1.2 * few, f"{few:,} bytes for 2,000 rows, {many:,} for 20,000"


@pytest.mark.timeout(300)
def test_a_hundred_thousand_rows_add_up() -> None:
    """What they take of memory is told by fewer: watching each allocation is what takes the time."""
    _, totals = listed(100_000, "summary", 1_000, watched=False)
    (total,) = totals.by_currency()
    assert (total.rows, total.billable, len(totals.by_contract())) == (100_000, Decimal("10000.00"), CONTRACTS)


@pytest.mark.timeout(300)
@pytest.mark.parametrize("how", ["json", "csv", "table"])
def test_every_form_is_written_without_being_held(how: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with open(os.devnull, "w") as nowhere:
        monkeypatch.setattr("sys.stdout", nowhere)
        monkeypatch.setattr("service.cli.output.PART", 50)
        listed(100, how, 100)
        few, _ = listed(200, how, 100)
        many, _ = listed(600, how, 100)
    assert many < 1.5 * few, f"{few:,} bytes for 200 rows, {many:,} for 600"
