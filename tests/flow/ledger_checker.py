"""An independent judge: reads the tables over plain HTTP and says what is lost, doubled or misstated.

It shares no code with the service. The rules are written down a second time here, from the product's documentation, so
that a mistake in the service's own rules can't hide itself.
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal

import requests

COST, UNBILLED = 192350000, 192350005
NON_CHARGEABLE, CHARGEABLE = 192350000, 192350001
ADJUSTED, UNADJUSTABLE = 192350001, 192350002
CREATED, CANCELED = 192350001, 192350003
TIME_APPROVED, EXPENSE_APPROVED = (192350002,), (192350002, 192350004, 192350005)
MILESTONE_CREATED = 192350002
CENT = Decimal("0.01")

Json = dict[str, object]


@dataclass(frozen=True)
class Books:
    """Every row that matters, as the Web API shows it."""

    tables: dict[str, list[Json]]

    @classmethod
    def read(cls, url: str, token: str) -> Books:
        """Read all tables, page by page."""
        sets = (
            "msdyn_timeentries",
            "msdyn_expenses",
            "msdyn_projectapprovals",
            "msdyn_actuals",
            "msdyn_transactionorigins",
            "msdyn_transactionconnections",
            "salesorderdetails",
            "msdyn_contractlinescheduleofvalues",
            "invoices",
            "invoicedetails",
            "msdyn_invoicelinetransactions",
        )
        with requests.Session() as session:
            session.headers["Authorization"] = f"Bearer {token}"
            return cls({name: list(_pages(session, f"{url}/api/data/v9.2/{name}")) for name in sets})

    def __getitem__(self, name: str) -> list[Json]:
        return self.tables[name]

    def live(self, entry: str) -> list[Json]:
        """The actuals of an entry that nobody reversed."""
        return [actual for actual in self.of_entry(entry) if actual.get("msdyn_adjustmentstatus") is None]

    def of_entry(self, entry: str) -> list[Json]:
        """All actuals that originate in an entry."""
        ids = {
            str(origin["msdyn_transaction"]).lower()
            for origin in self["msdyn_transactionorigins"]
            if str(origin["msdyn_origin"]).lower() == entry and origin["msdyn_transactiontype"] == "msdyn_actual"
        }
        return [actual for actual in self["msdyn_actuals"] if actual["msdyn_actualid"] in ids]


def faults(books: Books) -> list[str]:
    """Everything that is wrong with the books; an empty list is a clean bill."""
    return [
        *_entry_faults(books, "msdyn_timeentries", "msdyn_timeentryid", "_msdyn_timeentry_value"),
        *_entry_faults(books, "msdyn_expenses", "msdyn_expenseid", "_msdyn_expenseentry_value"),
        *_reversal_faults(books),
        *_link_faults(books),
        *_invoice_faults(books),
    ]


def _entry_faults(books: Books, entries: str, id_column: str, approval_column: str) -> Iterator[str]:
    for entry in books[entries]:
        id = str(entry[id_column])
        approvals = [a for a in books["msdyn_projectapprovals"] if a.get(approval_column) == id]
        expected = _expected(books, entry, approvals)
        live = books.live(id)
        for type_code, word in ((COST, "cost"), (UNBILLED, "sales")):
            wanted = Counter(row[1:] for row in expected if row[0] == type_code)
            found = Counter(
                (
                    a["msdyn_billingtype"] if type_code == UNBILLED else None,
                    _n(a["msdyn_quantity"]),
                    _n(a["msdyn_amount"]),
                )
                for a in live
                if a["msdyn_transactiontypecode"] == type_code
            )
            for row in wanted - found:
                yield f"{id}: lost {word} {row}"
            for row in found - wanted:
                yield f"{id}: doubled or wrong {word} {row}"
            total = sum(
                (_n(a["msdyn_amount"]) for a in books.of_entry(id) if a["msdyn_transactiontypecode"] == type_code),
                Decimal(),
            )
            if total != sum((row[3] for row in expected if row[0] == type_code), Decimal()):
                yield f"{id}: the {word} rows add up to {total}"


def _expected(books: Books, entry: Json, approvals: list[Json]) -> list[tuple[int, object, Decimal, Decimal]]:
    """(type, billing type of a sales row, quantity, amount) of every row an entry must have live."""
    is_time = "msdyn_timeentryid" in entry
    approved = (
        entry["msdyn_entrystatus"] in TIME_APPROVED if is_time else entry["msdyn_expensestatus"] in EXPENSE_APPROVED
    )
    project = entry["_msdyn_project_value"]
    if not approved or project is None or (is_time and entry["msdyn_type"] in (192350001, 192350002)):
        return []
    (approval,) = [a for a in approvals if a["msdyn_recordstage"] == 2]
    submitted, billable = _n(approval["msdyn_costquantity"]), _n(approval["msdyn_salesquantity"])
    cost = _cents(submitted * _n(approval["msdyn_costprice"]))
    entered = cost if is_time else _n(entry["msdyn_amount"])
    # What was entered for an expense counts where rounding the price explains the difference, else what was approved.
    cost = entered if abs(entered - cost) * 200 <= submitted else cost
    rows: list[tuple[int, object, Decimal, Decimal]] = [(COST, None, submitted, cost)]
    include = "msdyn_includetime" if is_time else "msdyn_includeexpense"
    lines = [
        line
        for line in books["salesorderdetails"]
        if line["_msdyn_project_value"] == project and line[include] and line["producttypecode"] == 5
    ]
    if not lines or lines[0]["msdyn_billingmethod"] != 192350000:
        return rows
    price = _n(approval["msdyn_salesprice"])
    kind = approval["msdyn_billingtype"]
    if kind == NON_CHARGEABLE:
        quantity = max(billable, submitted)
        return [*rows, (UNBILLED, NON_CHARGEABLE, quantity, _cents(quantity * price))]
    if billable:
        rows.append((UNBILLED, kind, billable, _cents(billable * price)))
    if billable < submitted:
        rest = submitted - billable
        rows.append((UNBILLED, NON_CHARGEABLE, rest, _cents(rest * price)))
    return rows


def _reversal_faults(books: Books) -> Iterator[str]:
    actuals = {str(a["msdyn_actualid"]): a for a in books["msdyn_actuals"]}
    reversals: defaultdict[str, list[str]] = defaultdict(list)
    originals: defaultdict[str, list[str]] = defaultdict(list)
    for tie in books["msdyn_transactionconnections"]:
        if (tie["msdyn_transaction1role"], tie["msdyn_transaction2role"]) == ("Reversing", "Original"):
            reversals[str(tie["msdyn_transaction2"])].append(str(tie["msdyn_transaction1"]))
            originals[str(tie["msdyn_transaction1"])].append(str(tie["msdyn_transaction2"]))
    for id, actual in actuals.items():
        status = actual.get("msdyn_adjustmentstatus")
        if status in (ADJUSTED, UNADJUSTABLE) and actual["msdyn_billingstatus"] != CANCELED:
            yield f"{id}: reversed, but not canceled"
        if status == ADJUSTED:
            if len(reversals[id]) != 1:
                yield f"{id}: reversed {len(reversals[id])} times"
                continue
            reversal = actuals[reversals[id][0]]
            for column in ("msdyn_quantity", "msdyn_amount"):
                if _n(actual[column]) + _n(reversal[column]) != 0:
                    yield f"{id}: its reversal does not take back {column}"
        if status == UNADJUSTABLE and len(originals[id]) != 1:
            yield f"{id}: a reversal of {len(originals[id])} originals"
        if status is None and id in reversals:
            yield f"{id}: has a reversal but still counts"


def _link_faults(books: Books) -> Iterator[str]:
    origins = Counter(
        str(origin["msdyn_transaction"])
        for origin in books["msdyn_transactionorigins"]
        if origin["msdyn_origintype"] in ("msdyn_timeentry", "msdyn_expense")
    )
    costs = Counter(
        str(tie["msdyn_transaction1"])
        for tie in books["msdyn_transactionconnections"]
        if (tie["msdyn_transaction1role"], tie["msdyn_transaction2role"]) == ("Unbilled Sales", "Cost")
    )
    for actual in books["msdyn_actuals"]:
        id = str(actual["msdyn_actualid"])
        if origins[id] != 1:
            yield f"{id}: {origins[id]} origins in an entry"
        original = actual.get("msdyn_adjustmentstatus") != UNADJUSTABLE
        if original and actual["msdyn_transactiontypecode"] == UNBILLED and costs[id] != 1:
            yield f"{id}: tied to {costs[id]} cost actuals"


def _invoice_faults(books: Books) -> Iterator[str]:
    details = {str(d["msdyn_invoicelinetransactionid"]): d for d in books["msdyn_invoicelinetransactions"]}
    billed: defaultdict[str, list[Json]] = defaultdict(list)
    for tie in books["msdyn_transactionconnections"]:
        if tie["msdyn_transaction1type"] == "msdyn_invoicelinetransaction":
            billed[str(tie["msdyn_transaction2"])].append(details[str(tie["msdyn_transaction1"])])
    for actual in books["msdyn_actuals"]:
        id, status = str(actual["msdyn_actualid"]), actual.get("msdyn_billingstatus")
        if len(billed[id]) != (1 if status == CREATED else 0):
            yield f"{id}: billing status {status}, but on {len(billed[id])} invoice line details"
        for detail in billed[id]:
            for column in ("msdyn_quantity", "msdyn_amount", "msdyn_billingtype"):
                if detail[column] != actual[column]:
                    yield f"{id}: its invoice line detail says another {column}"
    milestones = Counter(
        str(m["_msdyn_contractlineid_value"])
        for m in books["msdyn_contractlinescheduleofvalues"]
        if m["msdyn_invoicestatus"] == MILESTONE_CREATED
    )
    on_invoice = Counter(
        str(d["_msdyn_salescontractlineid_value"])
        for d in details.values()
        if d["msdyn_transactionclassification"] == 192350003
    )
    for id in milestones | on_invoice:
        if milestones[id] != on_invoice[id]:
            yield f"{id}: {milestones[id]} milestones invoiced, {on_invoice[id]} on invoices"
    products = Counter(
        str(d["_salesorderdetailid_value"]) for d in books["invoicedetails"] if d["producttypecode"] == 1
    )
    for line in books["salesorderdetails"]:
        id = str(line["salesorderdetailid"])
        if line["producttypecode"] == 1 and products[id] != (1 if line["msdyn_billingstatus"] == CREATED else 0):
            yield f"{id}: product line on {products[id]} invoices"


def invoiced(books: Books, contract: str) -> tuple[int, Decimal]:
    """How many invoices a contract has, and what they charge in all: chargeable details, milestones, product lines."""
    mine = {str(i["invoiceid"]) for i in books["invoices"] if i["_salesorderid_value"] == contract}
    details = sum(
        (
            _n(d["msdyn_amount"])
            for d in books["msdyn_invoicelinetransactions"]
            if d["_msdyn_invoice_value"] in mine and d["msdyn_billingtype"] == CHARGEABLE
        ),
        Decimal(),
    )
    products = sum(
        (
            _n(d["extendedamount"])
            for d in books["invoicedetails"]
            if d["_invoiceid_value"] in mine and d["producttypecode"] == 1
        ),
        Decimal(),
    )
    return len(mine), details + products


def _pages(session: requests.Session, url: str) -> Iterator[Json]:
    next_page: str | None = url
    while next_page:
        answer = session.get(next_page, timeout=30)
        answer.raise_for_status()
        page = json.loads(answer.text, parse_float=Decimal, parse_int=lambda text: int(text))
        yield from page["value"]
        next_page = page.get("@odata.nextLink")


def _n(value: object) -> Decimal:
    return Decimal(str(value or 0))


def _cents(value: Decimal) -> Decimal:
    return value.quantize(CENT, ROUND_HALF_UP)
