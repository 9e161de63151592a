"""How acceptance scenarios are set up and read: entries built into the demo company, rows with every value named."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import date
from decimal import Decimal
from uuid import UUID
from zoneinfo import ZoneInfo

from connector.recoverability import Policy
from connector.settlement import Complete, DeadLetter, Settlement
from sandbox.company import Builder
from sandbox.company.company import LoadedEntry
from sandbox.company.submitted import Submitted
from sandbox.dataverse.seed import USERS
from tests.flow.checker.books import Json, day, number
from tests.flow.world import ZONE, World, event_about

Row = dict[str, object]
DAY = date(2026, 2, 11)
KINDS = {192350000: "cost", 192350005: "unbilled", 192350006: "billed", 192350007: "unit cost", 192350008: "transfer"}
BILLING = {
    None: None,
    192350000: "non-chargeable",
    192350001: "chargeable",
    192350002: "complimentary",
    192350003: "not available",
}
STATUS = {None: None, 192350000: "created", 192350001: "on draft", 192350002: "posted", 192350003: "canceled"}
ADJUSTMENT = {None: None, 192350001: "adjusted", 192350002: "unadjustable"}


class Acceptance:
    """One scenario: what is given, what is done, and what then stands in the books."""

    def __init__(self, world: World, *, priced_by_lists: bool = False) -> None:
        self.world = world
        self.priced_by_lists = priced_by_lists

    @contextmanager
    def building(self) -> Iterator[Builder]:
        with self.world.sandbox.web.transaction("administrator") as work:
            yield Builder(work, USERS["approver"])

    @property
    def dollar(self) -> UUID:
        with self.building() as builder:
            return builder.currency("USD")

    def time(
        self, minutes: int = 480, project: str | None = "P1", resource: str = "Ada", on: date = DAY
    ) -> LoadedEntry:
        with self.building() as builder:
            made = builder.submitted_time(project, resource, minutes, on)
        return self.entry(made, project, resource, on)

    def expense(self, category: str, amount: str, project: str = "P1", on: date = DAY) -> LoadedEntry:
        with self.building() as builder:
            made = builder.submitted_expense(project, "Ada", category, Decimal(amount), on)
        return self.entry(made, project, "Ada", on)

    @staticmethod
    def entry(made: Submitted, project: str | None, resource: str, on: date) -> LoadedEntry:
        return LoadedEntry(str(made.id), made.table, made.id, made.approval, project, resource, on, None)

    def approve(self, entry: LoadedEntry, **released: object) -> None:
        """Approve, with what the approver changes; where lists are to price it, no price is left but theirs."""
        if self.priced_by_lists:
            found = self.world.http("GET", f"msdyn_transactionorigins?$filter=msdyn_origin eq '{entry.id}'").json()
            for origin in found["value"]:
                if origin["msdyn_transactiontype"] == "msdyn_journalline":
                    self.world.http(
                        "PATCH", f"msdyn_journallines({origin['msdyn_transaction']})", {"msdyn_price": None}
                    )
            released = {"msdyn_costprice": None, "msdyn_salesprice": None, "msdyn_billingtype": None} | released
        if released:
            self.world.release(entry, **released)
        self.world.approve(entry)

    def work(self, entry: LoadedEntry) -> Settlement:
        """The service handles an event about the entry; how that ends."""
        (end,) = self.world.work_on(entry)
        return end

    def at_the_retry_limit(self, entry: LoadedEntry) -> Settlement:
        """The event comes back for the last time; how that ends."""
        last = replace(event_about(entry), attempt=len(Policy().delays))
        (end,) = self.world.pipeline().process([last])
        return end

    def billed(self, entry: LoadedEntry, **released: object) -> list[Row]:
        """Approve, have the service work, and see all rows there are; nothing else may be wrong with the books."""
        self.approve(entry, **released)
        assert isinstance(self.work(entry), Complete)
        assert isinstance(self.work(entry), Complete)
        assert self.world.faults() == []
        return self.rows(entry)

    def held(self, entry: LoadedEntry, **released: object) -> DeadLetter:
        """Approve, have the service refuse, and see that nothing at all was written."""
        self.approve(entry, **released)
        end = self.work(entry)
        assert isinstance(end, DeadLetter)
        assert self.rows(entry) == []
        return end

    def rows(self, entry: LoadedEntry, zone: ZoneInfo = ZONE) -> list[Row]:
        """All actuals of an entry, in words: kind, figures, what they bill under, whose they are, and their days."""
        books = self.world.books()
        codes = {row["transactioncurrencyid"]: row["isocurrencycode"] for row in books["transactioncurrencies"]}
        lists = {row["pricelevelid"]: row["name"] for row in books["pricelevels"]}
        lines = {row["salesorderdetailid"]: row["salesorderdetailname"] for row in books["salesorderdetails"]}
        contracts = {row["salesorderid"]: row["ordernumber"] for row in books["salesorders"]}
        projects = {row["msdyn_projectid"]: row["msdyn_subject"] for row in books["msdyn_projects"]}
        roles = {row["bookableresourcecategoryid"]: row["name"] for row in books["bookableresourcecategories"]}
        categories = {
            row["msdyn_transactioncategoryid"]: row["msdyn_name"] for row in books["msdyn_transactioncategories"]
        }
        accounts = {row["accountid"]: row["name"] for row in self.world.http("GET", "accounts").json()["value"]}

        def named(names: dict[object, object], row: Json, column: str) -> object:
            return names[row[column]] if row.get(column) is not None else None

        found = [
            {
                "kind": KINDS[int(str(row["msdyn_transactiontypecode"]))],
                "quantity": number(row["msdyn_quantity"]),
                "price": number(row["msdyn_price"]),
                "amount": number(row["msdyn_amount"]),
                "currency": named(codes, row, "_transactioncurrencyid_value"),
                "billing": BILLING[row.get("msdyn_billingtype")],  # type: ignore[index]
                "status": STATUS[row.get("msdyn_billingstatus")],  # type: ignore[index]
                "adjustment": ADJUSTMENT[row.get("msdyn_adjustmentstatus")],  # type: ignore[index]
                "project": named(projects, row, "_msdyn_project_value"),
                "contract": named(contracts, row, "_msdyn_salescontract_value"),
                "line": named(lines, row, "_msdyn_salescontractlineid_value"),
                "customer": named(accounts, row, "_msdyn_accountcustomer_value"),
                "list": named(lists, row, "_msdyn_pricelist_value"),
                "role": named(roles, row, "_msdyn_resourcecategory_value"),
                "category": named(categories, row, "_msdyn_transactioncategory_value"),
                "days": {
                    day(row[column], zone)
                    for column in ("msdyn_documentdate", "msdyn_accountingdate", "msdyn_startdatetime")
                },
                "basis": tuple(
                    None if row.get(column) is None else number(row[column])
                    for column in ("msdyn_basisquantity", "msdyn_basisprice", "msdyn_basisamount")
                ),
            }
            for row in books.of_entry(str(entry.id))
        ]
        return in_order(found)


def in_order(rows: Iterable[Row]) -> list[Row]:
    """By kind, then what counts or was taken back, then billing type."""
    return sorted(rows, key=lambda row: (str(row["kind"]), str(row["adjustment"]), str(row["billing"])))


def cost(quantity: str, price: str, amount: str, **other: object) -> Row:
    """A cost of the first contract's project, and where it is otherwise."""
    return _row("cost", quantity, price, amount, "Fabrikam US cost 2026", None, (None, None, None)) | other


def unbilled(quantity: str, price: str, amount: str, basis: tuple[str, str, str], **other: object) -> Row:
    """Unbilled sales of the first contract's line, and where they are otherwise."""
    found = tuple(Decimal(figure) for figure in basis)
    return _row("unbilled", quantity, price, amount, "Adatum 2026", "Adatum Corporation", found) | other


def reversal(row: Row) -> Row:
    """What takes a row back."""
    figures: Row = {column: -Decimal(str(row[column])) for column in ("quantity", "amount")}
    if row["kind"] == "unbilled":
        hours, price, amount = (Decimal(figure) for figure in str(row["basis"]).split("'")[1::2])
        figures["basis"] = (-hours, price, -amount)
    return row | figures | {"adjustment": "unadjustable", "status": "canceled"}


def adjusted(row: Row) -> Row:
    """The row once it was taken back."""
    return row | {"adjustment": "adjusted", "status": "canceled"}


def _row(
    kind: str, quantity: str, price: str, amount: str, price_list: str, customer: str | None, basis: tuple[object, ...]
) -> Row:
    return {
        "kind": kind,
        "quantity": Decimal(quantity),
        "price": Decimal(price),
        "amount": Decimal(amount),
        "currency": "USD",
        "billing": "chargeable",
        "status": None,
        "adjustment": None,
        "project": "Adatum rollout",
        "contract": "ORD-C1",
        "line": "C1 P1",
        "customer": customer,
        "list": price_list,
        "role": "Developer",
        "category": None,
        "days": {DAY},
        "basis": basis,
    }
