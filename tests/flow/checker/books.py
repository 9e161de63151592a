"""The tables that matter, read over plain HTTP, and a few ways to look into them."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import ROUND_HALF_UP, Decimal
from zoneinfo import ZoneInfo

import requests

Json = dict[str, object]

SETS = (
    "bookableresourcecategories",
    "invoicedetails",
    "invoices",
    "msdyn_actuals",
    "msdyn_contractlinescheduleofvalues",
    "msdyn_expensecategories",
    "msdyn_expenses",
    "msdyn_invoicelinetransactions",
    "msdyn_journallines",
    "msdyn_orderlineresourcecategories",
    "msdyn_orderlinetransactioncategories",
    "msdyn_orderpricelists",
    "msdyn_organizationalunit_pricelevelset",
    "msdyn_organizationalunits",
    "msdyn_projectapprovals",
    "msdyn_projectparameterpricelists",
    "msdyn_projects",
    "msdyn_resourcecategorypricelevels",
    "msdyn_timeentries",
    "msdyn_transactioncategories",
    "msdyn_transactioncategorypricelevels",
    "msdyn_transactionconnections",
    "msdyn_transactionorigins",
    "pricelevels",
    "salesorderdetails",
    "salesorders",
    "transactioncurrencies",
    "uoms",
)
KEPT_AS_TEXT = ("msdyn_origin", "msdyn_transaction1", "msdyn_transaction2")
"""Columns that hold an id in anybody's spelling."""


@dataclass(frozen=True)
class Books:
    """Every row that matters, as the Web API shows it."""

    tables: dict[str, list[Json]]
    _indexes: dict[tuple[str, str], dict[object, list[Json]]] = field(default_factory=dict, compare=False, repr=False)
    """Rows by the value of a column: a judge of thousands of entries can't look through every table for each."""

    @classmethod
    def read(cls, url: str, token: str) -> Books:
        """Read all tables, page by page."""
        with requests.Session() as session:
            session.headers["Authorization"] = f"Bearer {token}"
            return cls({name: list(_pages(session, f"{url}/api/data/v9.2/{name}")) for name in SETS})

    def __getitem__(self, name: str) -> list[Json]:
        return self.tables[name]

    def find(self, table: str, **equals: object) -> list[Json]:
        """The rows whose columns have these values."""
        found = [self._by(table, column).get(value, []) for column, value in equals.items()]
        fewest = min(found, key=len, default=self[table])
        return [row for row in fewest if all(row.get(column) == value for column, value in equals.items())]

    def one(self, table: str, **equals: object) -> Json:
        """The only such row."""
        (row,) = self.find(table, **equals)
        return row

    def live(self, entry: str) -> list[Json]:
        """The actuals of an entry that nobody reversed."""
        return [actual for actual in self.of_entry(entry) if actual.get("msdyn_adjustmentstatus") is None]

    def of_entry(self, entry: str) -> list[Json]:
        """All actuals that come from an entry, from its journal lines, or from what those are connected to."""
        origins = self._by("msdyn_transactionorigins", "msdyn_origin")
        ends = [self._by("msdyn_transactionconnections", f"msdyn_transaction{number}") for number in (1, 2)]
        sources, found, ids = [entry], {entry}, set[str]()
        new = list[str]()
        while sources or new:
            for source in sources:
                for origin in origins.get(source, []):
                    id = text(origin["msdyn_transaction"])
                    if origin["msdyn_transactiontype"] == "msdyn_journalline" and id not in found:
                        found.add(id)
                        sources.append(id)
                    elif origin["msdyn_transactiontype"] == "msdyn_actual" and id not in ids:
                        ids.add(id)
                        new.append(id)
            sources = []
            for id in new:
                for tie in (tie for end in ends for tie in end.get(id, [])):
                    if tie["msdyn_transaction1type"] == tie["msdyn_transaction2type"] == "msdyn_actual":
                        both = {text(tie["msdyn_transaction1"]), text(tie["msdyn_transaction2"])}
                        new.extend(sorted(both - ids))
                        ids |= both
            new = []
        rows = (row for id in ids for row in self._by("msdyn_actuals", "msdyn_actualid").get(id, []))
        return sorted(rows, key=lambda row: str(row["msdyn_actualid"]))

    def _by(self, table: str, column: str) -> dict[object, list[Json]]:
        index = self._indexes.get((table, column))
        if index is None:
            index = defaultdict(list)
            for row in self[table]:
                value = row.get(column)
                index[text(value) if column in KEPT_AS_TEXT else value].append(row)
            index = self._indexes[table, column] = dict(index)
        return index


def text(value: object) -> str:
    """An id kept as text, in one spelling."""
    return str(value).strip("{}").lower()


def number(value: object) -> Decimal:
    """A number; nothing is zero."""
    return Decimal(str(value or 0))


def rounded(value: Decimal, places: int = 2) -> Decimal:
    """Half up, to so many places."""
    return value.quantize(Decimal(1).scaleb(-places), ROUND_HALF_UP)


def day(value: object, zone: ZoneInfo) -> date | None:
    """The day an instant, or a bare date, is in a zone."""
    if value is None:
        return None
    moment = datetime.fromisoformat(str(value).replace("Z", "+00:00"))
    return moment.astimezone(zone).date() if moment.tzinfo else moment.date()


def _pages(session: requests.Session, url: str) -> Iterator[Json]:
    next_page: str | None = url
    while next_page:
        answer = session.get(next_page, timeout=30)
        answer.raise_for_status()
        page = json.loads(answer.text, parse_float=Decimal, parse_int=lambda digits: int(digits))
        yield from page["value"]
        next_page = page.get("@odata.nextLink")
