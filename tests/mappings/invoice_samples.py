"""A contract with two project lines and a product, its ready rows, and the invoice a product makes of rows."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from mappings import tables
from mappings.backlog import Backlog, BacklogRow
from mappings.invoice import Detail, Invoice, Line
from mappings.invoice_verification import Contents
from mappings.row import Row
from mappings.tables import Cell, Ref
from tests.mappings.samples import CUSTOMER, row, uid

HERE = ZoneInfo("America/New_York")
TODAY = date(2026, 2, 16)
CHARGEABLE, NON_CHARGEABLE, COMPLIMENTARY = 192350001, 192350000, 192350002
READY, CREATED, CANCELED = 192350004, 192350001, 192350003
MILESTONE_READY, MILESTONE_CREATED = 192350001, 192350002
T_AND_M = Ref(tables.CONTRACT_LINE, uid(201))
FIXED = Ref(tables.CONTRACT_LINE, uid(202))
PRODUCT_LINE = Ref(tables.CONTRACT_LINE, uid(203))
LINES = [
    row(T_AND_M, {"salesorderdetailname": "Implementation", "producttypecode": 5, "lineitemnumber": 1}),
    row(FIXED, {"salesorderdetailname": "Migration", "producttypecode": 5, "lineitemnumber": 2}),
    row(PRODUCT_LINE, {"salesorderdetailname": "Support pack", "producttypecode": 1, "lineitemnumber": 3}),
]


def sales(number: int, hours: str, price: str, billing: int = CHARGEABLE, **changes: Cell) -> BacklogRow:
    """Unbilled sales on the time-and-material line, ready."""
    cells: dict[str, Cell] = {
        "msdyn_accountcustomer": CUSTOMER,
        "msdyn_billingtype": billing,
        "msdyn_billingstatus": READY,
        "msdyn_quantity": Decimal(hours),
        "msdyn_price": Decimal(price),
        "msdyn_amount": Decimal(hours) * Decimal(price),
        "msdyn_salescontractlineid": T_AND_M,
        "msdyn_startdatetime": datetime(2026, 2, 10, 5, tzinfo=UTC),
        "msdyn_description": f"Work {number}",
    }
    return BacklogRow(Backlog.TIME_AND_MATERIAL, row(Ref(tables.ACTUAL, uid(number)), cells | changes))


def milestone(number: int, amount: str, tax: str = "0", **changes: Cell) -> BacklogRow:
    """A milestone on the fixed-price line, ready."""
    cells: dict[str, Cell] = {
        "msdyn_invoicestatus": MILESTONE_READY,
        "msdyn_amount": Decimal(amount),
        "msdyn_tax": Decimal(tax),
        "msdyn_contractlineid": FIXED,
        "msdyn_name": f"Milestone {number}",
    }
    return BacklogRow(Backlog.MILESTONES, row(Ref(tables.MILESTONE, uid(number)), cells | changes))


def product(quantity: str = "3", price: str = "100", tax: str = "0") -> BacklogRow:
    """The product line, ready."""
    cells: dict[str, Cell] = {
        "producttypecode": 1,
        "msdyn_billingstatus": READY,
        "salesorderdetailname": "Support pack",
        "quantity": Decimal(quantity),
        "priceperunit": Decimal(price),
        "tax": Decimal(tax),
        "extendedamount": Decimal(quantity) * Decimal(price) + Decimal(tax),
    }
    return BacklogRow(Backlog.PRODUCTS, row(PRODUCT_LINE, cells))


SCENARIO_35 = [
    sales(1, "8", "200"),
    sales(2, "2", "200", NON_CHARGEABLE),
    sales(3, "1", "550"),
    product(),
    milestone(5, "5000"),
]
"""8 h of 1,600, 2 h of 400 that are not chargeable, an expense of 550, a product of 300, a milestone of 5,000."""


@dataclass
class Product:
    """Invoices rows as the documentation says, number after number, so that tests can then spoil what it made."""

    made: int = 0

    def invoice(self, rows: Sequence[BacklogRow], lines: Sequence[Ref] = (T_AND_M, FIXED)) -> Invoice:
        """One invoice of these rows with these project lines."""
        self.made += 1
        project = [self._project_line(line, [one for one in rows if _line_of(one) == line]) for line in lines]
        goods = [self._product_line(one) for one in rows if one.backlog is Backlog.PRODUCTS]
        every = [*project, *goods]
        tax = sum((one.tax for one in every), Decimal(0))
        net = sum((one.amount for one in every), Decimal(0))
        cells: dict[str, Cell] = {
            "invoicenumber": f"INV-{self.made}",
            "customerid": CUSTOMER,
            "totalamount": net + tax,
            "totaltax": tax,
        }
        return Invoice(row(Ref(tables.INVOICE, uid(900 + self.made)), cells), tuple(every))

    def _project_line(self, line: Ref, rows: Iterable[BacklogRow]) -> Line:
        details = tuple(self._detail(one) for one in rows)
        net, tax = Decimal(0), Decimal(0)
        for one in rows:
            if one.backlog is Backlog.MILESTONES or one.row.choice("msdyn_billingtype") == CHARGEABLE:
                net += one.row.number("msdyn_amount") or Decimal(0)
            tax += one.row.number("msdyn_tax") or Decimal(0)
        return Line(self._row(tables.INVOICE_LINE, line, 5, net, tax), details)

    def _product_line(self, one: BacklogRow) -> Line:
        tax = one.row.number("tax") or Decimal(0)
        held = self._row(
            tables.INVOICE_LINE, one.row.ref, 1, (one.row.number("extendedamount") or Decimal(0)) - tax, tax
        )
        same = {name: one.row.cells[name] for name in ("quantity", "priceperunit")}
        return Line(replace(held, cells={**held.cells, **same}))

    def _row(self, table: str, line: Ref, kind: int, net: Decimal, tax: Decimal) -> Row:
        self.made += 1
        cells: dict[str, Cell] = {
            "salesorderdetailid": line,
            "invoicedetailname": str(line.id)[-3:],
            "producttypecode": kind,
            "extendedamount": net + tax,
            "tax": tax,
        }
        return row(Ref(table, uid(900 + self.made)), cells)

    def _detail(self, one: BacklogRow) -> Detail:
        self.made += 1
        ref = Ref(tables.INVOICE_LINE_DETAIL, uid(900 + self.made))
        if one.backlog is Backlog.MILESTONES:
            amount = one.row.number("msdyn_amount") or Decimal(0)
            cells: dict[str, Cell] = {
                "msdyn_transactionclassification": 192350003,
                "msdyn_billingtype": CHARGEABLE,
                "msdyn_quantity": Decimal(1),
                "msdyn_price": amount,
                "msdyn_amount": amount,
                "msdyn_salescontractlineid": one.row.cells["msdyn_contractlineid"],
            }
            return Detail(row(ref, cells), one.row.ref)
        kept = ("billingtype", "quantity", "price", "amount", "salescontractlineid", "description")
        return Detail(row(ref, {f"msdyn_{name}": one.row.cells[f"msdyn_{name}"] for name in kept}), one.row.ref)


def _line_of(one: BacklogRow) -> Ref | None:
    column = "msdyn_contractlineid" if one.backlog is Backlog.MILESTONES else "msdyn_salescontractlineid"
    return one.row.link(column)


def moved(one: BacklogRow, status: int | None = None) -> BacklogRow:
    """The row after the product took it, or in any other status."""
    created = MILESTONE_CREATED if one.backlog is Backlog.MILESTONES else CREATED
    cells = {**one.row.cells, one.backlog.status_column: created if status is None else status}
    return replace(one, row=replace(one.row, cells=cells))


def contents(rows: Sequence[BacklogRow], *invoices: Invoice, **more: Any) -> Contents:
    """What came of invoicing these rows."""
    made = invoices or (Product().invoice(rows),)
    return Contents(made, {one.row.ref: moved(one) for one in rows}, **more)


def altered(invoice: Invoice, which: int, **cells: Cell) -> Invoice:
    """The same with other values on one of its details, as a plug-in or a person may put them there."""
    wanted = invoice.details[which].row.ref
    lines = tuple(
        replace(
            line,
            details=tuple(
                replace(one, row=replace(one.row, cells={**one.row.cells, **cells})) if one.row.ref == wanted else one
                for one in line.details
            ),
        )
        for line in invoice.lines
    )
    return replace(invoice, lines=lines)


def without(invoice: Invoice, which: int) -> Invoice:
    """The same with one of its details gone; its sums stay."""
    wanted = invoice.details[which]
    lines = tuple(
        replace(line, details=tuple(one for one in line.details if one is not wanted)) for line in invoice.lines
    )
    return replace(invoice, lines=lines)
