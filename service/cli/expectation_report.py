"""How the invoice that a contract would get is written: line by line, details grouped by billing type, and totals."""

from __future__ import annotations

from decimal import Decimal

from mappings.backlog import Backlog
from mappings.billed import Billed, Group
from mappings.invoice_expectation import Expectation
from service.cli.output import Column, exact, figure, key, money, show
from service.contracts import Contract

_NOTHING = Decimal(0)


def expected_as_data(due: Expectation, contract: Contract) -> dict[str, object]:
    """The expected invoice as programs read it."""
    precision = contract.precision
    return {
        "total_before_tax": exact(due.total, precision),
        "tax": exact(due.tax, precision),
        "lines": [
            {
                "contract_line": id,
                "name": name,
                **_sums(rows, precision),
                "details": [_row(row, precision) for row in rows],
            }
            for id, name, rows in _lines(due)
        ],
        "left_out": [{"table": one.row.row.ref.table, "id": one.row.row.id, "why": one.why} for one in due.left_out],
    }


def expected_as_table(due: Expectation, contract: Contract) -> None:
    """The expected invoice: its lines, the rows on them, and what is ready and left out all the same."""
    if due.rows:
        _invoice(due, contract)
    if due.left_out:
        left = [(str(one.row.row.ref), one.why) for one in due.left_out]
        show("Ready, and left out all the same", (key("Row"), Column("Why")), left)


def _invoice(due: Expectation, contract: Contract) -> None:
    precision, currency = contract.precision, contract.currency
    groups = [figure(group.value.capitalize()) for group in Group]
    cells = []
    for _, name, rows in _lines(due):
        sums = [_sum(rows, group) for group in Group]
        tax = sum((row.tax for row in rows), _NOTHING)
        cells.append((name, str(len(rows)), *(f"{one:,.{precision}f}" for one in sums), f"{tax:,.{precision}f}"))
    every = [row for _, _, rows in _lines(due) for row in rows]
    total = (
        f"Total in {currency}",
        str(len(every)),
        *(f"{_sum(every, group):,.{precision}f}" for group in Group),
        f"{due.tax:,.{precision}f}",
    )
    customers = {row.customer for row in due.rows if row.customer is not None}
    what = f"The invoice of {contract.displayed}"
    if due.several and len(customers) > 1:
        what = f"The invoices of {contract.displayed}, one for each customer"
    show(
        f"{what}: {money(due.total, precision, currency)} before tax",
        (Column("Line"), figure("Rows"), *groups, figure("Tax")),
        cells,
        total,
    )
    columns = (key("Date"), Column("What"), Column("Billing type"), figure("Quantity"), figure("Price"))
    for _, name, rows in _lines(due):
        if rows:
            show(name, (*columns, figure("Amount"), key("Id")), [_cells(row, precision) for row in rows])


def _lines(due: Expectation) -> list[tuple[object, str, list[Billed]]]:
    """Project lines with their rows in groups, then products, then rows that name no line of the contract."""
    order = list(Group)
    found: list[tuple[object, str, list[Billed]]] = []
    for line in due.lines:
        rows = sorted(due.on(line.id), key=lambda row: (order.index(row.group), str(row.dated)))
        found.append((line.id, line.name or str(line.id), rows))
    products = [row for row in due.rows if row.backlog is Backlog.PRODUCTS]
    found += [(row.source.id, row.what or str(row.source.id), [row]) for row in products]
    known = {line.id for line in due.lines}
    others = [row for row in due.rows if row.backlog is not Backlog.PRODUCTS and row.line not in known]
    return [*found, (None, "No line of the contract", others)] if others else found


def _sums(rows: list[Billed], precision: int) -> dict[str, str]:
    tax = sum((row.tax for row in rows), _NOTHING)
    return {
        **{group.value.replace("-", "_"): exact(_sum(rows, group), precision) for group in Group},
        "tax": exact(tax, precision),
    }


def _sum(rows: list[Billed], group: Group) -> Decimal:
    return sum((row.amount for row in rows if row.group is group), _NOTHING)


def _cells(row: Billed, precision: int) -> tuple[str, ...]:
    return (
        "" if row.dated is None else str(row.dated),
        row.what,
        row.group.value,
        f"{row.quantity:,.2f}",
        f"{row.price:,.{precision}f}",
        f"{row.amount:,.{precision}f}",
        str(row.source.id),
    )


def _row(row: Billed, precision: int) -> dict[str, object]:
    return {
        "table": row.source.table,
        "id": row.source.id,
        "dated": row.dated,
        "what": row.what or None,
        "billing_type": row.group.value,
        "quantity": str(row.quantity),
        "price": exact(row.price, precision),
        "amount": exact(row.amount, precision),
    }
