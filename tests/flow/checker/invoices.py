"""Whether what stands on draft invoices is what the backlogs say is there, once."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from decimal import Decimal

from tests.flow.checker.books import Books, Json, number, text
from tests.flow.checker.owed import CHARGEABLE

CREATED, POSTED, MILESTONE_CREATED, MILESTONE = 192350001, 192350002, 192350002, 192350003


def faults(books: Books) -> Iterator[str]:
    """What is on an invoice twice, or not at all, or otherwise than it was marked."""
    details = {str(d["msdyn_invoicelinetransactionid"]): d for d in books["msdyn_invoicelinetransactions"]}
    billed: defaultdict[str, list[Json]] = defaultdict(list)
    for tie in books["msdyn_transactionconnections"]:
        ends = (tie["msdyn_transaction1role"], tie["msdyn_transaction2role"])
        if tie["msdyn_transaction1type"] == "msdyn_invoicelinetransaction" and ends == (
            "Billed Sales",
            "Unbilled Sales",
        ):
            billed[text(tie["msdyn_transaction2"])].append(details[text(tie["msdyn_transaction1"])])
    for actual in books["msdyn_actuals"]:
        id, status = str(actual["msdyn_actualid"]), actual.get("msdyn_billingstatus")
        original = actual.get("msdyn_adjustmentstatus") is None
        if len(billed[id]) != (1 if status == CREATED or (status == POSTED and original and billed[id]) else 0):
            yield f"{id}: billing status {status}, but on {len(billed[id])} invoice line details"
        for detail in billed[id]:
            for column in ("msdyn_quantity", "msdyn_amount", "msdyn_billingtype"):
                if detail[column] != actual[column]:
                    yield f"{id}: its invoice line detail says another {column}"
    yield from _milestones(books, details)
    yield from _products(books)


def _milestones(books: Books, details: dict[str, Json]) -> Iterator[str]:
    milestones = Counter(
        str(m["_msdyn_contractlineid_value"])
        for m in books["msdyn_contractlinescheduleofvalues"]
        if m["msdyn_invoicestatus"] == MILESTONE_CREATED
    )
    on_invoice = Counter(
        str(d["_msdyn_salescontractlineid_value"])
        for d in details.values()
        if d["msdyn_transactionclassification"] == MILESTONE
    )
    for id in milestones | on_invoice:
        if milestones[id] != on_invoice[id]:
            yield f"{id}: {milestones[id]} milestones invoiced, {on_invoice[id]} on invoices"


def _products(books: Books) -> Iterator[str]:
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
            number(d["msdyn_amount"])
            for d in books["msdyn_invoicelinetransactions"]
            if d["_msdyn_invoice_value"] in mine and d["msdyn_billingtype"] == CHARGEABLE
        ),
        Decimal(),
    )
    products = sum(
        (
            number(d["extendedamount"])
            for d in books["invoicedetails"]
            if d["_invoiceid_value"] in mine and d["producttypecode"] == 1
        ),
        Decimal(),
    )
    return len(mine), details + products
