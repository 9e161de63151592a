"""The actuals the product makes of an approved entry, where it is the one that makes them (PSA/actuals)."""

from __future__ import annotations

from decimal import Decimal

from sandbox.dataverse.product import rounding, traces
from sandbox.dataverse.product.cells import amount, instant, key
from sandbox.dataverse.product.choices import BillingType, TransactionType
from sandbox.dataverse.product.entries import Entry
from sandbox.dataverse.product.inter_organizational import owed
from sandbox.dataverse.product.switches import Replacements, Switches
from sandbox.dataverse.product.transactions import copied, create_actual, of_quantity
from sandbox.dataverse.unit_of_work import Cell, Link, Row, UnitOfWork


def create(
    switches: Switches, work: UnitOfWork, approval: Row, entry: Entry, origins: Replacements = Replacements.ENTRY
) -> list[Link]:
    """One cost actual, and on a time and material line the unbilled sales, from the entry's open journal lines.

    Cost follows the submitted quantity. Sales follow the billable one: what was cut becomes Non-chargeable at the same
    price. Origins: journal line and entry to each, unless other ones are asked for; connection: unbilled sales with
    cost. Returns what was made.
    """
    lines = open_lines(work, entry)
    cost_line, sales_line = (lines.get(kind) for kind in (TransactionType.COST, TransactionType.UNBILLED_SALES))
    if cost_line is None:
        return []
    cost = _create(work, entry, cost_line, copied(cost_line), origins)
    made = [cost]
    if sales_line is not None:
        for billing_type, quantity in _billed_as(approval, sales_line):
            values = of_quantity(work, sales_line, quantity) | {"msdyn_billingtype": billing_type}
            sales = _create(work, entry, sales_line, values, origins)
            traces.connect(work, sales, traces.UNBILLED_SALES, cost, traces.COST)
            made.append(sales)
    for values in owed(switches, work, entry, cost_line, has_sales=sales_line is not None):
        made.append(_create(work, entry, cost_line, values, origins))
    for line in lines.values():
        work.update(traces.JOURNAL_LINE, key(line, traces.JOURNAL_LINE), {"msdyn_isposted": True})
    return made


def open_lines(work: UnitOfWork, entry: Entry) -> dict[int, Row]:
    """The journal lines of the entry's present submission, by transaction type: those no actual was made of."""
    lines = {}
    for id in traces.from_origin(work, Link(entry.kind.table, entry.id), traces.JOURNAL_LINE):
        row = work.get(traces.JOURNAL_LINE, id)
        kind = None if row is None else row.get("msdyn_transactiontypecode")
        if row is not None and isinstance(kind, int) and row.get("msdyn_isposted") is not True:
            lines[kind] = row
    return lines


def reopen_lines(work: UnitOfWork, entry: Entry) -> None:
    """After its actuals were cancelled: the entry's latest journal lines may become actuals again (inferred)."""
    cost = None
    for id in traces.from_origin(work, Link(entry.kind.table, entry.id), traces.JOURNAL_LINE):
        row = work.get(traces.JOURNAL_LINE, id)
        if row is not None and row.get("msdyn_transactiontypecode") == TransactionType.COST:
            cost = Link(traces.JOURNAL_LINE, id)
    if cost is not None:
        for id in (cost.id, *traces.connecting_to(work, cost, traces.JOURNAL_LINE)):
            work.update(traces.JOURNAL_LINE, id, {"msdyn_isposted": False})


def _billed_as(approval: Row, line: Row) -> list[tuple[int, Decimal]]:
    """Billing types and quantities. What is cut from complimentary hours is Non-chargeable too (inferred)."""
    submitted = amount(line, "msdyn_quantity")
    billable = rounding.quantity(amount(approval, "msdyn_salesquantity"))
    kind = approval.get("msdyn_billingtype")
    billing_type = kind if isinstance(kind, int) else BillingType.CHARGEABLE
    if billing_type == BillingType.NON_CHARGEABLE:
        return [(billing_type, max(billable, submitted))]
    parts = [(billing_type, billable), (BillingType.NON_CHARGEABLE, submitted - billable)]
    return [(kind, quantity) for kind, quantity in parts if quantity > 0]


def _create(work: UnitOfWork, entry: Entry, line: Row, values: dict[str, Cell], origins: Replacements) -> Link:
    """An actual under a random id; its accounting date is the entry's, not the approval's (PSA/whats-new-ur-12)."""
    kind: dict[str, Cell] = {"msdyn_transactiontypecode": line.get("msdyn_transactiontypecode")}
    actual = create_actual(work, kind | values | {"msdyn_accountingdate": instant(line, "msdyn_documentdate")})
    if origins is not Replacements.CONNECTION:
        traces.originate(work, Link(traces.JOURNAL_LINE, key(line, traces.JOURNAL_LINE)), actual)
    if origins is Replacements.ENTRY:
        traces.originate(work, Link(entry.kind.table, entry.id), actual)
    return actual
