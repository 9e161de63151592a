"""An invoice is compared with what was expected: every way it can differ is told with both sides, and no other."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mappings import tables
from mappings.backlog import BacklogRow
from mappings.invoice import Detail, Invoice
from mappings.invoice_difference import Difference, Kind
from mappings.invoice_expectation import Expectation, expected
from mappings.invoice_verification import Contents, verify
from mappings.tables import Ref
from tests.mappings.invoice_samples import (
    CANCELED,
    CHARGEABLE,
    COMPLIMENTARY,
    FIXED,
    HERE,
    LINES,
    NON_CHARGEABLE,
    READY,
    SCENARIO_35,
    T_AND_M,
    TODAY,
    Product,
    altered,
    contents,
    milestone,
    moved,
    product,
    sales,
    without,
)
from tests.mappings.samples import CUSTOMER, row, uid


def expect(rows: list[BacklogRow], several: bool = False) -> Expectation:
    """What is expected of these rows."""
    return expected(rows, LINES, TODAY, HERE, several=several)


def compared(rows: list[BacklogRow], found: Contents) -> list[Difference]:
    """How it differs."""
    return list(verify(expect(rows), found, HERE))


def kinds(rows: list[BacklogRow], found: Contents) -> list[Kind]:
    """The sorts of differences, in order."""
    return [one.kind for one in compared(rows, found)]


def made(rows: list[BacklogRow] = SCENARIO_35) -> Invoice:
    """The product's invoice."""
    return Product().invoice(rows)


def test_scenario_35_is_expected_with_7450_on_three_lines() -> None:
    due = expect(SCENARIO_35)
    assert (due.total, due.tax) == (Decimal("7450"), Decimal(0))
    assert [(line.name, sum((one.counts for one in due.on(line.id)), Decimal(0))) for line in due.lines] == [
        ("Implementation", Decimal(2150)),
        ("Migration", Decimal(5000)),
    ]


def test_what_the_product_makes_of_scenario_35_is_as_expected() -> None:
    assert compared(SCENARIO_35, contents(SCENARIO_35)) == []


def test_a_line_stands_on_the_invoice_even_with_nothing_on_it() -> None:
    rows = [sales(1, "8", "200")]
    assert compared(rows, contents(rows)) == []
    bare = Product().invoice(rows, lines=[T_AND_M])
    (missing,) = compared(rows, contents(rows, bare))
    assert (missing.kind, missing.what, missing.expected, missing.found) == (
        Kind.MISSING,
        "Migration",
        "a line",
        "none",
    )


def test_taxes_of_milestones_and_products_are_part_of_the_comparison() -> None:
    rows = [milestone(5, "5000", tax="950"), product(tax="57")]
    assert expect(rows).tax == Decimal(1007)
    assert compared(rows, contents(rows)) == []
    invoice = made(rows)
    header = replace(invoice.row, cells={**invoice.row.cells, "totaltax": Decimal(950)})
    found = {
        (one.what, one.expected, one.found) for one in compared(rows, contents(rows, replace(invoice, row=header)))
    }
    assert ("Tax", "1,007.00", "950.00") in found


SPOILED: dict[str, tuple[Callable[[Invoice], Invoice], tuple[str, str, str]]] = {
    "a price": (lambda i: altered(i, 0, msdyn_price=Decimal(190)), ("price", "200.00", "190.00")),
    "a quantity": (lambda i: altered(i, 0, msdyn_quantity=Decimal(6)), ("quantity", "8.00", "6.00")),
    "an amount": (lambda i: altered(i, 0, msdyn_amount=Decimal(1599)), ("amount", "1,600.00", "1,599.00")),
    "a tenth of a cent": (
        lambda i: altered(i, 0, msdyn_amount=Decimal("1600.001")),
        ("amount", "1,600.00", "1,600.001"),
    ),
    "a billing type": (
        lambda i: altered(i, 0, msdyn_billingtype=COMPLIMENTARY),
        ("billing type", "chargeable", "complimentary"),
    ),
    "a contract line": (
        lambda i: altered(i, 0, msdyn_salescontractlineid=FIXED),
        ("contract line", str(T_AND_M.id), str(FIXED.id)),
    ),
}


@pytest.mark.parametrize("name", SPOILED)
def test_one_spoiled_column_is_told_with_both_sides(name: str) -> None:
    spoil, (column, expected, found) = SPOILED[name]
    (told,) = compared(SCENARIO_35, contents(SCENARIO_35, spoil(made())))
    assert (told.kind, told.what, told.expected, told.found) == (Kind.DIFFERS, "Work 1", expected, found)
    assert column in told.why
    assert told.is_mistake
    assert expected in told.sentence


@pytest.mark.parametrize("which", range(4))
def test_a_detail_that_is_missing_is_missed_whichever_it_is(which: int) -> None:
    gone = made().details[which].source
    told = compared(SCENARIO_35, contents(SCENARIO_35, without(made(), which)))
    assert (Kind.MISSING, gone) in [(one.kind, one.row) for one in told]


def test_a_row_that_is_still_ready_and_not_on_the_invoice_is_missing() -> None:
    first, *rest = SCENARIO_35
    found = contents(rest)
    sources = {**found.sources, first.row.ref: first}
    (missing,) = compared(SCENARIO_35, replace(found, sources=sources))
    assert (missing.kind, missing.expected, missing.found) == (Kind.MISSING, "1,600.00", "nothing")
    assert "still ready" in missing.why


@pytest.mark.parametrize("status", [CANCELED, None, 192350000])
def test_a_row_taken_back_while_the_invoice_was_made_is_told_and_no_mistake(status: int | None) -> None:
    first, *rest = SCENARIO_35
    found = contents(rest)
    back = replace(first, row=replace(first.row, cells={**first.row.cells, "msdyn_billingstatus": status}))
    (told,) = compared(SCENARIO_35, replace(found, sources={**found.sources, first.row.ref: back}))
    assert (told.kind, told.is_mistake) == (Kind.LEFT, False)


def test_where_the_day_itself_is_not_past_what_is_dated_today_is_left_and_no_mistake() -> None:
    today = sales(9, "1", "100", msdyn_startdatetime=datetime(2026, 2, 16, 5, tzinfo=UTC))
    rows = [sales(1, "8", "200"), today]
    found = contents(rows[:1])
    (told,) = compared(rows, replace(found, sources={**found.sources, today.row.ref: today}))
    assert (told.kind, told.is_mistake) == (Kind.LEFT, False)


def test_what_a_colleague_took_is_no_longer_expected() -> None:
    first, *rest = SCENARIO_35
    found = contents(rest)
    theirs = replace(found, sources={**found.sources, first.row.ref: moved(first)}, elsewhere={first.row.ref: "INV-7"})
    (told,) = compared(SCENARIO_35, theirs)
    assert (told.kind, told.is_mistake) == (Kind.TAKEN, False)
    assert "INV-7" in told.why


def test_what_is_billed_here_and_on_a_colleagues_invoice_is_billed_twice() -> None:
    found = replace(contents(SCENARIO_35), elsewhere={SCENARIO_35[0].row.ref: "INV-7"})
    (told,) = compared(SCENARIO_35, found)
    assert (told.kind, told.is_mistake) == (Kind.TWICE, True)


def test_two_invoices_of_the_same_rows_bill_them_twice() -> None:
    rows = [sales(1, "8", "200")]
    maker = Product()
    both = contents(rows, maker.invoice(rows), maker.invoice(rows))
    assert Kind.TWICE in kinds(rows, both)


def test_rows_marked_ready_during_the_call_are_told_and_the_rest_still_adds_up() -> None:
    late = [*SCENARIO_35, sales(7, "1", "120"), milestone(8, "250"), sales(9, "3", "10", COMPLIMENTARY)]
    told = compared(SCENARIO_35, contents(late))
    assert [(one.kind, one.found) for one in told] == [
        (Kind.GREW, "120.00"),
        (Kind.GREW, "0.00"),
        (Kind.GREW, "250.00"),
    ]
    assert not any(one.is_mistake for one in told)


def test_a_product_marked_ready_during_the_call_grew_it_too() -> None:
    rows = [sales(1, "8", "200")]
    assert kinds(rows, contents([*rows, product()])) == [Kind.GREW]


def test_a_detail_that_comes_of_no_row_is_unaccounted_for() -> None:
    invoice = made()
    stray = Detail(
        row(Ref(tables.INVOICE_LINE_DETAIL, uid(77)), {"msdyn_amount": Decimal(9), "msdyn_billingtype": CHARGEABLE})
    )
    told = compared(SCENARIO_35, contents(SCENARIO_35, replace(invoice, loose=(stray,))))
    assert [one.kind for one in told] == [Kind.UNACCOUNTED]


def test_a_row_whose_status_did_not_move_could_be_invoiced_again() -> None:
    first = SCENARIO_35[0]
    found = contents(SCENARIO_35)
    (told,) = compared(SCENARIO_35, replace(found, sources={**found.sources, first.row.ref: moved(first, READY)}))
    assert (told.kind, told.expected, told.found) == (Kind.NOT_MOVED, "Customer Invoice Created", "ready to invoice")


def test_milestones_that_nothing_ties_to_their_details_are_told_by_line_and_amount() -> None:
    rows = [milestone(5, "5000"), milestone(6, "7500")]
    invoice = made(rows)
    lines = tuple(
        replace(line, details=tuple(replace(one, source=None) for one in reversed(line.details)))
        for line in invoice.lines
    )
    assert compared(rows, contents(rows, replace(invoice, lines=lines))) == []


def test_a_header_that_is_not_its_lines_sum_is_told_with_both_sides() -> None:
    invoice = made()
    header = replace(invoice.row, cells={**invoice.row.cells, "totalamount": Decimal(7451)})
    (told,) = compared(SCENARIO_35, contents(SCENARIO_35, replace(invoice, row=header)))
    assert (told.what, told.expected, told.found) == ("Total before tax", "7,450.00", "7,451.00")


def test_where_each_customer_gets_an_invoice_of_its_own_rows_stand_on_the_right_one() -> None:
    other = Ref("account", uid(55))
    ours, theirs = sales(1, "8", "200"), sales(2, "1", "100", msdyn_accountcustomer=other)
    maker = Product()
    one, two = maker.invoice([ours]), maker.invoice([theirs])
    right = replace(two, row=replace(two.row, cells={**two.row.cells, "customerid": other}))
    due = expect([ours, theirs], several=True)
    assert verify(due, contents([ours, theirs], one, right), HERE) == ()
    (told,) = verify(due, contents([ours, theirs], one, two), HERE)
    assert (told.kind, told.found) == (Kind.DIFFERS, str(CUSTOMER))


def test_above_a_thousand_details_there_is_a_warning() -> None:
    rows = [sales(number, "1", "1") for number in range(1000, 2001)]
    assert made(rows[:1000]).warning is None
    assert "1,001 details" in (made(rows).warning or "")


AMOUNTS = st.tuples(
    st.integers(1, 2400), st.integers(0, 40000), st.sampled_from([CHARGEABLE, NON_CHARGEABLE, COMPLIMENTARY])
)


@given(st.lists(AMOUNTS, max_size=12), st.lists(st.integers(1, 10**7), max_size=4), st.booleans(), st.randoms())
def test_any_rows_invoiced_as_documented_are_as_expected(
    work: list[tuple[int, int, int]], stones: list[int], with_product: bool, chance: random.Random
) -> None:
    rows = rows_of(work, stones, with_product)
    chance.shuffle(rows)
    found = contents(rows)
    assert compared(rows, found) == []
    assert expect(rows).total == found.invoices[0].amount


@given(st.lists(AMOUNTS, min_size=1, max_size=12), st.data())
def test_any_one_changed_figure_of_any_detail_is_seen(work: list[tuple[int, int, int]], data: st.DataObject) -> None:
    rows = rows_of(work, [4200], True)
    invoice = made(rows)
    which = data.draw(st.integers(0, len(invoice.details) - 1))
    column = data.draw(st.sampled_from(["msdyn_quantity", "msdyn_price", "msdyn_amount"]))
    by = data.draw(st.decimals("0.01", "1000", places=2))
    was = invoice.details[which].row.number(column) or Decimal(0)
    told = compared(rows, contents(rows, altered(invoice, which, **{column: was + by})))
    assert [(one.kind, one.row) for one in told] == [(Kind.DIFFERS, invoice.details[which].source)]


def rows_of(work: list[tuple[int, int, int]], stones: list[int], with_product: bool) -> list[BacklogRow]:
    """Ready rows in hundredths of hours and of money."""
    hundred = Decimal(100)
    rows = [
        sales(1 + n, str(hours / hundred), str(price / hundred), billing)
        for n, (hours, price, billing) in enumerate((Decimal(a), Decimal(b), c) for a, b, c in work)
    ]
    rows += [milestone(100 + n, str(Decimal(amount) / hundred)) for n, amount in enumerate(stones)]
    return [*rows, product()] if with_product else rows
