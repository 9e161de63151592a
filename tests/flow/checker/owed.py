"""What an approved entry must have brought: its rows, worked out from the entry, its approval and the set-up."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from zoneinfo import ZoneInfo

from tests.flow.checker.books import Books, Json, day, number, rounded
from tests.flow.checker.prices import Prices

COST, UNBILLED, UNIT_COST, TRANSFER = 192350000, 192350005, 192350007, 192350008
NON_CHARGEABLE, CHARGEABLE, COMPLIMENTARY, NOT_AVAILABLE = 192350000, 192350001, 192350002, 192350003
TIME_AND_MATERIAL, PROJECT_LINE = 192350000, 5
TIME_APPROVED, TIME_RECALLING = 192350002, 192350004
EXPENSE_APPROVED, EXPENSE_RECALLING = (192350002, 192350004, 192350005), 192350006
APPROVED, RECALL_REQUESTED, RECALL_REFUSED = 2, 4, 6


@dataclass(frozen=True)
class Owed:
    """One row that must count; ``billing`` is said of sales only, and ``on`` is the business day."""

    side: int
    billing: int | None
    quantity: Decimal
    price: Decimal
    amount: Decimal
    currency: str
    project: str
    on: date


@dataclass(frozen=True)
class Held:
    """Nothing may be there, and why: no price, or two lines that both claim the work."""

    because: str


def rows_of(books: Books, entry: Json, zone: ZoneInfo, moved: Mapping[str, str]) -> list[Owed] | Held:
    """The rows an entry must have live. ``moved``: the project a correction journal has put an entry on, by entry."""
    time = "msdyn_timeentryid" in entry
    approval = _approval(books, entry, time=time)
    if approval is None or (time and entry["msdyn_type"] in (192350001, 192350002)):
        return []
    id = str(entry["msdyn_timeentryid" if time else "msdyn_expenseid"])
    project = moved.get(id) or approval["_msdyn_project_value"] or entry["_msdyn_project_value"]
    if project is None:
        return []
    return _Work(books, Prices(books, zone), entry, approval, str(project), time, id in moved).rows()


def _approval(books: Books, entry: Json, *, time: bool) -> Json | None:
    """The approval by which an entry counts as approved."""
    id = entry["msdyn_timeentryid" if time else "msdyn_expenseid"]
    column = "_msdyn_timeentry_value" if time else "_msdyn_expenseentry_value"
    status = entry["msdyn_entrystatus" if time else "msdyn_expensestatus"]
    stages: tuple[int, ...] = ()
    if status in ((TIME_APPROVED,) if time else EXPENSE_APPROVED):
        stages = (APPROVED, RECALL_REFUSED)
    elif status == (TIME_RECALLING if time else EXPENSE_RECALLING):
        stages = (APPROVED, RECALL_REQUESTED)
    holding = [
        row for row in books.find("msdyn_projectapprovals", **{column: id}) if row["msdyn_recordstage"] in stages
    ]
    assert len(holding) < 2, f"{id} is approved {len(holding)} times"
    return holding[0] if holding else None


@dataclass(frozen=True)
class _Work:
    books: Books
    prices: Prices
    entry: Json
    approval: Json
    project: str
    time: bool
    moved: bool

    def rows(self) -> list[Owed] | Held:
        include = "msdyn_includetime" if self.time else "msdyn_includeexpense"
        of_project = self.books.find("salesorderdetails", _msdyn_project_value=self.project)
        lines = [row for row in of_project if row["producttypecode"] == PROJECT_LINE and row[include]]
        if len(lines) > 1:
            return Held("two lines")
        submitted = rounded(number(self.approval["msdyn_costquantity"]))
        cost_currency = self._cost_currency()
        cost = self._cost(cost_currency)
        if not cost:
            return Held("no cost price")
        cost = rounded(cost, self.prices.places(cost_currency))
        rows = [self._row(COST, None, submitted, cost, cost_currency)]
        if not self.time:
            # Three units at a third each cost what was entered; more than rounding explains is the approver's figure.
            entered = number(self.entry["msdyn_amount"])
            if abs(entered - rows[0].amount) * 200 <= submitted:
                rows = [Owed(COST, None, submitted, cost, entered, cost_currency, self.project, rows[0].on)]
        if not lines or lines[0]["msdyn_billingmethod"] != TIME_AND_MATERIAL:
            return rows
        sales = self._sales(lines[0], cost, cost_currency, submitted)
        return sales if isinstance(sales, Held) else [*rows, *sales, *self._between_units(submitted, cost_currency)]

    def _cost(self, currency: str) -> Decimal | None:
        released = self.approval["msdyn_costprice"]
        fits = self.approval["_transactioncurrencyid_value"] in (None, currency)
        if released is not None and fits and not self.moved:
            return number(released)
        if not self.time:
            return number(self.entry["msdyn_amount"]) / number(self.entry["msdyn_quantity"])
        return self.prices.cost(self._contracting, self._unit, currency, self._role, self._day)

    def _sales(self, line: Json, cost: Decimal, cost_currency: str, submitted: Decimal) -> list[Owed] | Held:
        contract = self.books.one("salesorders", salesorderid=line["_salesorderid_value"])
        currency = str(contract["_transactioncurrencyid_value"])
        released = self.approval["msdyn_salesprice"]
        fits = self.approval["_transactioncurrencyid_value"] in (None, currency)
        if released is not None and fits and not self.moved:
            price: Decimal | None = number(released)
        elif self.time:
            price = self.prices.sales(contract, self._unit, self._role, self._day)
        else:
            in_contracts = self.prices.converted(cost, cost_currency, currency)
            unit = self.entry["_msdyn_unit_value"]
            price = self.prices.expense(contract, self._category, unit, in_contracts, self._day)
        if not price:
            return Held("no sales price")
        price = rounded(price, self.prices.places(currency))
        return [self._row(UNBILLED, kind, hours, price, currency) for kind, hours in self._split(line, submitted)]

    def _split(self, line: Json, submitted: Decimal) -> list[tuple[int, Decimal]]:
        released = self.approval["msdyn_salesquantity"]
        billable = submitted if released is None else rounded(number(released))
        kind = self.approval["msdyn_billingtype"]
        if kind in (None, NOT_AVAILABLE) or (self.moved and kind != COMPLIMENTARY):
            kind = self._chargeability(line)
        if kind == NON_CHARGEABLE:
            return [(NON_CHARGEABLE, max(billable, submitted))]
        parts = [(int(str(kind)), billable), (NON_CHARGEABLE, submitted - billable)]
        return [(each, hours) for each, hours in parts if hours > 0]

    def _chargeability(self, line: Json) -> int:
        """By role or category, as the line has it, else its master; any "non" wins."""
        if self.time:
            table, masters, column = (
                "msdyn_orderlineresourcecategories",
                "bookableresourcecategories",
                "_msdyn_resourcecategory_value",
            )
            id, key = self._role, "bookableresourcecategoryid"
        else:
            table, masters, column = (
                "msdyn_orderlinetransactioncategories",
                "msdyn_transactioncategories",
                "_msdyn_transactioncategory_value",
            )
            id, key = self._category, "msdyn_transactioncategoryid"
        on_line = [
            row["msdyn_billingtype"]
            for row in self.books.find(table, _msdyn_contractlineid_value=line["salesorderdetailid"])
            if row[column] == id and row["msdyn_billingtype"] is not None
        ]
        said = on_line or [row["msdyn_billingtype"] for row in self.books.find(masters, **{key: id})]
        return CHARGEABLE if said and said[0] == CHARGEABLE else NON_CHARGEABLE

    def _between_units(self, submitted: Decimal, transfer_currency: str) -> list[Owed]:
        if not self.time or self._unit == self._contracting:
            return []
        delivering = self.books.one("msdyn_organizationalunits", msdyn_organizationalunitid=self._unit)
        own = str(delivering["_msdyn_currency_value"])
        spent = self.prices.cost(self._unit, self._unit, own, self._role, self._day)
        charged = self.prices.cost(self._contracting, self._unit, transfer_currency, self._role, self._day)
        assert spent is not None
        assert charged is not None
        return [
            self._row(UNIT_COST, None, submitted, rounded(spent, self.prices.places(own)), own),
            self._row(
                TRANSFER, None, submitted, rounded(charged, self.prices.places(transfer_currency)), transfer_currency
            ),
        ]

    def _row(self, side: int, billing: int | None, quantity: Decimal, price: Decimal, currency: str) -> Owed:
        amount = rounded(quantity * price, self.prices.places(currency))
        return Owed(side, billing, quantity, price, amount, currency, self.project, self._day)

    def _cost_currency(self) -> str:
        if not self.time:
            return str(self.entry["_transactioncurrencyid_value"])
        unit = self.books.one("msdyn_organizationalunits", msdyn_organizationalunitid=self._contracting)
        return str(unit["_msdyn_currency_value"])

    @property
    def _project(self) -> Json:
        return self.books.one("msdyn_projects", msdyn_projectid=self.project)

    @property
    def _contracting(self) -> object:
        return self._project["_msdyn_contractorganizationalunitid_value"]

    @property
    def _unit(self) -> str:
        return str(self.entry["_msdyn_resourceorganizationalunitid_value"])

    @property
    def _role(self) -> object:
        return self.approval["_msdyn_resourcecategory_value"] or self.entry["_msdyn_resourcecategory_value"]

    @property
    def _category(self) -> object:
        own = self.entry["_msdyn_expensecategory_value"]
        return self.books.one("msdyn_expensecategories", msdyn_expensecategoryid=own)["_msdyn_expensecategoryuid_value"]

    @property
    def _day(self) -> date:
        kept = self.approval["msdyn_date"] or self.entry["msdyn_date" if self.time else "msdyn_transactiondate"]
        found = day(kept, self.prices.zone)
        assert found is not None
        return found
