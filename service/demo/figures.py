"""The demo's figures, each worked out from rows of its own, read over HTTP: never from what the service says it did.

Approved amounts come from approval rows, actuals from actuals, ready amounts from the three backlogs, invoiced amounts
from invoice lines and their details. Where they agree, four tables written by three parties agree. That is also why
amounts are multiplied and rounded here once more: a figure that used the rule it checks could never disagree with it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from decimal import ROUND_HALF_UP, Decimal
from typing import NamedTuple
from uuid import UUID

from connector.dataverse.access import Reader
from connector.dataverse.query import Query
from handlers.reading import ask
from mappings import tables
from mappings.choices import (
    BillingMethod,
    BillingStatus,
    BillingType,
    MilestoneStatus,
    ProductType,
    RecordStage,
    TransactionType,
)
from mappings.row import Row

ZERO = Decimal(0)
CENT = Decimal("0.01")
"""Every currency of the demo company has two decimals."""
Totals = Mapping[UUID, Decimal]


class Approved(NamedTuple):
    """What the approver decided: chargeable sales by contract, cost by project, and how many entries."""

    sales: Totals
    cost: Totals
    entries: int
    on_projects: int


class Booked(NamedTuple):
    """What the ledger holds: unbilled sales by contract and billing type, cost by project, and how many cost rows."""

    chargeable: Totals
    non_chargeable: Totals
    complimentary: Totals
    cost: Totals
    cost_rows: int


class Invoiced(NamedTuple):
    """What stands on invoices, by contract: the sum of what is charged, the headers' totals, and the numbers."""

    charged: Totals
    headers: Totals
    numbers: Mapping[UUID, list[str]]


def approved(dataverse: Reader) -> Approved:
    """From approval rows: billable quantity at the sales price, submitted quantity at the cost price."""
    approvals, lines = ask(
        dataverse,
        Query(
            tables.APPROVAL,
            (
                "msdyn_recordstage",
                "msdyn_project",
                "msdyn_expenseentry",
                "msdyn_costquantity",
                "msdyn_costprice",
                "msdyn_salesquantity",
                "msdyn_salesprice",
                "msdyn_billingtype",
            ),
        ),
        Query(
            tables.CONTRACT_LINE,
            ("salesorderid", "msdyn_project", "msdyn_billingmethod", "msdyn_includetime", "msdyn_includeexpense"),
        ),
    )
    done = [one for one in approvals if one.choice("msdyn_recordstage") == RecordStage.APPROVED]
    sales: defaultdict[UUID, Decimal] = defaultdict(Decimal)
    cost: defaultdict[UUID, Decimal] = defaultdict(Decimal)
    on_projects = [one for one in done if one.link("msdyn_project") is not None]
    for one in on_projects:
        cost[_id(one, "msdyn_project")] += _times(one, "msdyn_costquantity", "msdyn_costprice")
        contract = _billed_by(one, lines)
        if contract is not None and one.choice("msdyn_billingtype") == BillingType.CHARGEABLE:
            sales[contract] += _times(one, "msdyn_salesquantity", "msdyn_salesprice")
    return Approved(sales, cost, len(done), len(on_projects))


def booked(dataverse: Reader) -> Booked:
    """From the actuals nobody adjusted."""
    (actuals,) = ask(
        dataverse,
        Query(
            tables.ACTUAL,
            (
                "msdyn_transactiontypecode",
                "msdyn_billingtype",
                "msdyn_adjustmentstatus",
                "msdyn_amount",
                "msdyn_salescontract",
                "msdyn_project",
            ),
        ),
    )
    live = [one for one in actuals if one.choice("msdyn_adjustmentstatus") is None]
    costs = [one for one in live if one.choice("msdyn_transactiontypecode") == TransactionType.COST]
    sales = [one for one in live if one.choice("msdyn_transactiontypecode") == TransactionType.UNBILLED_SALES]

    def of(kind: BillingType) -> Totals:
        fitting = (one for one in sales if one.choice("msdyn_billingtype") == kind)
        return _sum((_id(one, "msdyn_salescontract"), _amount(one)) for one in fitting)

    return Booked(
        of(BillingType.CHARGEABLE),
        of(BillingType.NON_CHARGEABLE),
        of(BillingType.COMPLIMENTARY),
        _sum((_id(one, "msdyn_project"), _amount(one)) for one in costs),
        len(costs),
    )


def fixed(dataverse: Reader) -> Totals:
    """Milestones and product lines of each contract, whatever their status: what is billed beside the actuals."""
    return _backlogs(dataverse, only_ready=False, with_actuals=False)


def ready(dataverse: Reader) -> Totals:
    """What is marked ready in the three backlogs and will be charged."""
    return _backlogs(dataverse, only_ready=True, with_actuals=True)


def invoiced(dataverse: Reader) -> Invoiced:
    """From invoice lines and details: chargeable details, milestones among them, and product lines."""
    invoices, lines, details = ask(
        dataverse,
        Query(tables.INVOICE, ("salesorderid", "invoicenumber", "totalamount")),
        Query(tables.INVOICE_LINE, ("invoiceid", "producttypecode", "extendedamount")),
        Query(tables.INVOICE_LINE_DETAIL, ("msdyn_invoice", "msdyn_billingtype", "msdyn_amount")),
    )
    contract_of = {one.id: _id(one, "salesorderid") for one in invoices}
    products = [one for one in lines if one.choice("producttypecode") != ProductType.PROJECT_BASED_SERVICE]
    charged = [one for one in details if one.choice("msdyn_billingtype") == BillingType.CHARGEABLE]
    numbers: defaultdict[UUID, list[str]] = defaultdict(list)
    for one in invoices:
        numbers[contract_of[one.id]].append(one.text("invoicenumber") or str(one.id))
    return Invoiced(
        _sum(
            [
                *((contract_of[_id(one, "invoiceid")], one.number("extendedamount") or ZERO) for one in products),
                *((contract_of[_id(one, "msdyn_invoice")], _amount(one)) for one in charged),
            ]
        ),
        _sum((contract_of[one.id], one.number("totalamount") or ZERO) for one in invoices),
        numbers,
    )


def _backlogs(dataverse: Reader, *, only_ready: bool, with_actuals: bool) -> Totals:
    actuals, lines, milestones = ask(
        dataverse,
        Query(tables.ACTUAL, ("msdyn_billingtype", "msdyn_billingstatus", "msdyn_amount", "msdyn_salescontract")),
        Query(tables.CONTRACT_LINE, ("salesorderid", "producttypecode", "msdyn_billingstatus", "extendedamount")),
        Query(tables.MILESTONE, ("msdyn_contract", "msdyn_invoicestatus", "msdyn_amount")),
    )
    parts: list[tuple[UUID, Decimal]] = []
    for one in actuals if with_actuals else []:
        is_ready = one.choice("msdyn_billingstatus") == BillingStatus.READY_TO_INVOICE
        if is_ready and one.choice("msdyn_billingtype") == BillingType.CHARGEABLE:
            parts.append((_id(one, "msdyn_salescontract"), _amount(one)))
    for one in lines:
        is_ready = one.choice("msdyn_billingstatus") == BillingStatus.READY_TO_INVOICE
        is_product = one.choice("producttypecode") != ProductType.PROJECT_BASED_SERVICE
        if is_product and (is_ready or not only_ready):
            parts.append((_id(one, "salesorderid"), one.number("extendedamount") or ZERO))
    for one in milestones:
        is_ready = one.choice("msdyn_invoicestatus") == MilestoneStatus.READY_TO_INVOICE
        if is_ready or not only_ready:
            parts.append((_id(one, "msdyn_contract"), _amount(one)))
    return _sum(parts)


def _billed_by(approval: Row, lines: list[Row]) -> UUID | None:
    """The contract whose time and material line includes this kind of entry on this project."""
    included = "msdyn_includetime" if approval.link("msdyn_expenseentry") is None else "msdyn_includeexpense"
    for line in lines:
        same_project = line.link("msdyn_project") == approval.link("msdyn_project")
        by_effort = line.choice("msdyn_billingmethod") == BillingMethod.TIME_AND_MATERIAL
        if same_project and by_effort and line.flag(included):
            return _id(line, "salesorderid")
    return None


def _times(approval: Row, quantity: str, price: str) -> Decimal:
    product = (approval.number(quantity) or ZERO) * (approval.number(price) or ZERO)
    return product.quantize(CENT, ROUND_HALF_UP)


def _amount(found: Row) -> Decimal:
    return found.number("msdyn_amount") or ZERO


def _id(found: Row, lookup: str) -> UUID:
    id = found.link_id(lookup)
    if id is None:
        raise LookupError(f"{found.ref}: {lookup} is empty.")
    return id


def _sum(parts: Iterator[tuple[UUID, Decimal]] | list[tuple[UUID, Decimal]]) -> Totals:
    totals: defaultdict[UUID, Decimal] = defaultdict(Decimal)
    for key, amount in parts:
        totals[key] += amount
    return totals
