"""The tables that matter, read over plain HTTP, and a few ways to look into them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
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


@dataclass(frozen=True)
class Books:
    """Every row that matters, as the Web API shows it."""

    tables: dict[str, list[Json]]

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
        return [row for row in self[table] if all(row.get(column) == value for column, value in equals.items())]

    def one(self, table: str, **equals: object) -> Json:
        """The only such row."""
        (row,) = self.find(table, **equals)
        return row

    def live(self, entry: str) -> list[Json]:
        """The actuals of an entry that nobody reversed."""
        return [actual for actual in self.of_entry(entry) if actual.get("msdyn_adjustmentstatus") is None]

    def of_entry(self, entry: str) -> list[Json]:
        """All actuals that come from an entry, from its journal lines, or from what those are connected to."""
        sources = {entry}
        ids: set[str] = set()
        while True:
            found = {
                (text(origin["msdyn_transactiontype"]), text(origin["msdyn_transaction"]))
                for origin in self["msdyn_transactionorigins"]
                if text(origin["msdyn_origin"]) in sources
            }
            sources_now = sources | {id for kind, id in found if kind == "msdyn_journalline"}
            ids_now = ids | {id for kind, id in found if kind == "msdyn_actual"}
            for tie in self["msdyn_transactionconnections"]:
                ends = {text(tie["msdyn_transaction1"]), text(tie["msdyn_transaction2"])}
                if tie["msdyn_transaction1type"] == tie["msdyn_transaction2type"] == "msdyn_actual" and ends & ids_now:
                    ids_now |= ends
            if (sources_now, ids_now) == (sources, ids):
                return [actual for actual in self["msdyn_actuals"] if actual["msdyn_actualid"] in ids]
            sources, ids = sources_now, ids_now


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
