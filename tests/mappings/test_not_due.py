"""What was not expected and is on an invoice all the same: a mistake, unless it was marked ready meanwhile."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from mappings import tables
from mappings.backlog import BacklogRow
from mappings.invoice import Invoice
from mappings.invoice_difference import Difference, Kind
from mappings.invoice_expectation import RUN, expected, recorded
from mappings.invoice_verification import Contents, verify
from mappings.tables import Ref
from tests.mappings.invoice_samples import (
    FIXED,
    HERE,
    LINES,
    READY,
    T_AND_M,
    TODAY,
    Product,
    altered,
    contents,
    milestone,
    moved,
    product,
    sales,
)
from tests.mappings.samples import uid

OURS, OTHER = Ref(tables.CONTRACT, uid(500)), Ref(tables.CONTRACT, uid(501))
OTHER_LINE = Ref(tables.CONTRACT_LINE, uid(502))
EXPECTED = sales(1, "8", "200")
TOMORROW, YESTERDAY = datetime(2026, 2, 17, 5, tzinfo=UTC), datetime(2026, 2, 15, 5, tzinfo=UTC)
BY_SCHEDULE = {"cut_offs": [[str(T_AND_M.id), "2026-02-15"]], "milestones": [str(uid(5))]}
ADJUSTED, POSTED = 192350001, 192350002


def made_with(extra: BacklogRow, *, day: datetime = YESTERDAY) -> Contents:
    """An invoice of a contract with what was expected and another row."""
    rows, names = [EXPECTED, extra], extra.row.link("msdyn_contractlineid")
    lines = (T_AND_M, FIXED) if names in (None, FIXED) else (T_AND_M, FIXED, OTHER_LINE)
    invoice = Product().invoice(rows, lines)
    return contents(rows, of(invoice, salesorderid=OURS, createdon=day))


def of(invoice: Invoice, **cells: tables.Cell) -> Invoice:
    """The same with other values in its header."""
    return replace(invoice, row=replace(invoice.row, cells={**invoice.row.cells, **cells}))


def compared(found: Contents, run: dict[str, object] | None = None) -> list[Difference]:
    """How it differs from what was recorded before the call, when the first row alone was due."""
    data = expected([EXPECTED], LINES, TODAY, HERE).as_data() | ({} if run is None else {RUN: run})
    return list(verify(recorded(data, {}), found, HERE))


NEVER = {
    "dated tomorrow": (sales(2, "1", "120", msdyn_startdatetime=TOMORROW), "2026-02-17, in the future"),
    "a milestone of next month": (milestone(5, "120", msdyn_invoicedate=TOMORROW), "in the future"),
    "adjusted": (sales(2, "1", "120", msdyn_adjustmentstatus=ADJUSTED), "It was adjusted"),
    "without a customer": (sales(2, "1", "120", msdyn_accountcustomer=None), "no customer"),
    "a cost": (sales(2, "1", "120", msdyn_transactiontypecode=192350000), "not an unbilled sales actual"),
    "another contract's": (sales(2, "1", "120", msdyn_salescontract=OTHER), "another contract's"),
    "a milestone of another contract's line": (milestone(5, "120", msdyn_contractlineid=OTHER_LINE), "another contr"),
}


@pytest.mark.parametrize("name", NEVER)
def test_what_has_no_business_on_an_invoice_is_a_mistake(name: str) -> None:
    row, why = NEVER[name]
    told = [one for one in compared(made_with(row)) if one.row == row.row.ref]
    assert [one.kind for one in told] == [Kind.NOT_DUE]
    assert told[0].is_mistake
    assert (told[0].expected, told[0].found) == ("nothing", "120.00")
    assert why in told[0].why


@pytest.mark.parametrize(
    "row",
    [
        sales(2, "1", "120", msdyn_salescontract=OURS),
        sales(2, "1", "120", msdyn_startdatetime=datetime(2026, 2, 17, 4, tzinfo=UTC)),  # today, in New York
        milestone(5, "120", msdyn_contract=OURS),
        product(),
    ],
)
def test_what_was_marked_ready_meanwhile_is_no_mistake(row: BacklogRow) -> None:
    (told,) = compared(made_with(row))
    assert (told.kind, told.is_mistake) == (Kind.GREW, False)


def test_an_invoice_made_after_midnight_may_take_what_is_dated_that_day() -> None:
    late = sales(2, "1", "120", msdyn_startdatetime=TOMORROW)
    (told,) = compared(made_with(late, day=datetime(2026, 2, 17, 5, 1, tzinfo=UTC)))
    assert told.kind is Kind.GREW


def test_what_was_adjusted_as_the_invoice_was_confirmed_is_no_mistake() -> None:
    row = sales(2, "1", "120", msdyn_adjustmentstatus=ADJUSTED)
    found = made_with(row)
    (told,) = compared(replace(found, sources={**found.sources, row.row.ref: moved(row, POSTED)}))
    assert told.kind is Kind.GREW


BEYOND = {
    "after the cut-off": (sales(2, "1", "120", msdyn_startdatetime=datetime(2026, 2, 16, 5, tzinfo=UTC)), "2026-02-15"),
    "a line without a schedule row": (sales(2, "1", "120", msdyn_salescontractlineid=FIXED), "no schedule row"),
    "a milestone of another run": (milestone(6, "120"), "no milestone of this run"),
    "a product": (product("1", "120"), "not invoiced by schedule"),
}


@pytest.mark.parametrize("name", BEYOND)
def test_what_is_beyond_a_run_is_a_mistake_on_its_invoice_and_on_no_other(name: str) -> None:
    row, why = BEYOND[name]
    told = [one for one in compared(made_with(row), BY_SCHEDULE) if one.row == row.row.ref]
    assert [one.kind for one in told] == [Kind.NOT_DUE]
    assert why in told[0].why
    assert Kind.NOT_DUE not in [one.kind for one in compared(made_with(row))]


@pytest.mark.parametrize("row", [sales(2, "1", "120", msdyn_startdatetime=YESTERDAY), milestone(5, "120")])
def test_what_a_run_takes_may_have_been_marked_ready_meanwhile(row: BacklogRow) -> None:
    assert [one.kind for one in compared(made_with(row), BY_SCHEDULE)] == [Kind.GREW]


def test_what_stands_on_another_invoice_too_is_billed_twice_although_it_was_not_expected() -> None:
    late = sales(2, "1", "120")
    (told,) = compared(replace(made_with(late), elsewhere={late.row.ref: "invoice INV-7 of Ada"}))
    assert (told.kind, told.is_mistake) == (Kind.TWICE, True)
    assert "INV-7" in told.why


def test_what_stands_twice_on_it_is_billed_twice_although_it_was_not_expected() -> None:
    late, maker = sales(2, "1", "120"), Product()
    found = contents([EXPECTED, late], maker.invoice([EXPECTED, late]), maker.invoice([late]))
    assert Kind.TWICE in [one.kind for one in compared(found)]


def test_figures_and_status_of_what_was_not_expected_are_compared_too() -> None:
    late = sales(2, "1", "120")
    found = made_with(late)
    (invoice,) = found.invoices
    which = next(n for n, one in enumerate(invoice.details) if one.source == late.row.ref)
    spoiled = altered(invoice, which, msdyn_amount=Decimal(12000))
    told = compared(replace(found, invoices=(spoiled,), sources={**found.sources, late.row.ref: moved(late, READY)}))
    assert [one.kind for one in told] == [Kind.GREW, Kind.DIFFERS, Kind.NOT_MOVED]
    assert (told[1].expected, told[1].found) == ("120.00", "12,000.00")


def test_the_bounds_of_a_run_are_read_from_its_record() -> None:
    bounds = recorded({"rows": [], RUN: BY_SCHEDULE}, {}).bounds
    assert bounds is not None
    assert bounds.cut_offs == {T_AND_M.id: date(2026, 2, 15)}
