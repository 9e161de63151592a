"""What the next invoice must contain, to the cent."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

from mappings import tables
from mappings.backlog import Backlog, BacklogRow
from mappings.invoice_expectation import MOST_IN_FIGURES, expectation, expected, recorded
from mappings.tables import Cell, Ref
from tests.mappings.invoice_samples import LINES, SCENARIO_35, TODAY, milestone
from tests.mappings.invoice_samples import sales as sales_of
from tests.mappings.samples import CUSTOMER, row, uid

NOW = datetime(2026, 2, 10, 12, tzinfo=UTC)
HERE = ZoneInfo("America/New_York")
CHARGEABLE, NON_CHARGEABLE, COMPLIMENTARY = 192350001, 192350000, 192350002


def sales(number: int, amount: str, billing: int = CHARGEABLE, status: int = 192350004, days: int = -1) -> BacklogRow:
    """An unbilled sales actual, ready unless said otherwise."""
    cells: dict[str, Cell] = {
        "msdyn_accountcustomer": CUSTOMER,
        "msdyn_billingtype": billing,
        "msdyn_billingstatus": status,
        "msdyn_amount": Decimal(amount),
        "msdyn_startdatetime": NOW + timedelta(days=days),
    }
    return BacklogRow(Backlog.TIME_AND_MATERIAL, row(Ref(tables.ACTUAL, uid(number)), cells))


PRODUCT = BacklogRow(
    Backlog.PRODUCTS,
    row(
        Ref(tables.CONTRACT_LINE, uid(4)),
        {"producttypecode": 1, "msdyn_billingstatus": 192350004, "extendedamount": Decimal(300)},
    ),
)
MILESTONE = BacklogRow(
    Backlog.MILESTONES,
    row(Ref(tables.MILESTONE, uid(5)), {"msdyn_invoicestatus": 192350001, "msdyn_amount": Decimal(5000)}),
)
EVERYTHING_READY = [sales(1, "1600.00"), sales(2, "400.00", NON_CHARGEABLE), sales(3, "550.00"), PRODUCT, MILESTONE]


def test_everything_ready_is_taken_and_only_the_chargeable_part_counts() -> None:
    due = expectation(EVERYTHING_READY, NOW, HERE)
    assert len(due.rows) == 5
    assert due.total == Decimal("7450.00")


def test_what_is_not_ready_or_not_yet_due_is_left_out() -> None:
    later = [sales(6, "100.00", days=1), sales(7, "100.00", status=192350000), sales(8, "9.99", COMPLIMENTARY)]
    due = expectation([*EVERYTHING_READY, *later], NOW, HERE)
    assert [one for one in due.rows if one.source.id in (uid(6), uid(7))] == []
    assert (len(due.rows), due.total) == (6, Decimal("7450.00"))


def test_nothing_ready_is_nothing() -> None:
    due = expectation([sales(1, "1600.00", status=192350001), sales(2, "1.00", days=2)], NOW, HERE)
    assert (due.rows, due.total) == ((), Decimal(0))


def test_the_order_does_not_depend_on_how_the_rows_were_read() -> None:
    assert expectation(EVERYTHING_READY, NOW, HERE) == expectation(list(reversed(EVERYTHING_READY)), NOW, HERE)


def test_a_withdrawn_negative_row_lowers_the_total() -> None:
    assert expectation([sales(1, "1600.00"), sales(2, "-600.00")], NOW, HERE).total == Decimal("1000.00")


def test_today_is_the_day_of_the_stated_zone_not_of_greenwich() -> None:
    # At 02:00 UTC on the 11th it is still the 10th in New York, so what is dated the 11th there is not due.
    midnight_of_the_11th = datetime(2026, 2, 11, 5, tzinfo=UTC)
    late_evening = datetime(2026, 2, 11, 2, tzinfo=UTC)
    rows = [sales(1, "10.00", days=0), sales(2, "1.00")]
    rows[0].row.cells["msdyn_startdatetime"] = midnight_of_the_11th  # type: ignore[index]
    assert expectation(rows, late_evening, HERE).total == Decimal("1.00")
    assert expectation(rows, midnight_of_the_11th, HERE).total == Decimal("11.00")


def test_what_is_recorded_is_read_as_it_was_expected() -> None:
    due = expected([*SCENARIO_35, milestone(6, "10.50", tax="2")], LINES, TODAY, HERE)
    kept = json.loads(json.dumps(due.as_data()))
    again = recorded(kept, {})
    assert (again.lines, again.total, again.tax, again.today) == (due.lines, due.total, due.tax, due.today)
    assert [replace(row, what="", customer=None) for row in due.rows] == list(again.rows)


def test_names_and_customers_are_taken_from_the_rows_as_they_are_now() -> None:
    due = expected(SCENARIO_35, LINES, TODAY, HERE)
    assert recorded(due.as_data(), {row.source: row for row in due.rows}).rows == due.rows


def test_of_very_many_rows_the_figures_are_read_later_and_the_record_stays_below_a_million_characters() -> None:
    rows = [sales_of(number, "7.25", "187.50") for number in range(1, MOST_IN_FIGURES + 2)]
    full, more = (expected(some, LINES, TODAY, HERE) for some in (rows[:-1], rows))
    assert len(json.dumps(full.as_data(), separators=(",", ":"))) < 1_000_000
    assert "figures" not in more.as_data()
    assert recorded(more.as_data(), {row.source: row for row in more.rows}).rows == more.rows


def test_a_row_of_another_contracts_line_keeps_its_line() -> None:
    stray = sales_of(1, "1", "10", msdyn_salescontractlineid=Ref(tables.CONTRACT_LINE, uid(299)))
    due = expected([stray], LINES, TODAY, HERE)
    assert recorded(due.as_data(), {}).rows[0].line == uid(299)


def test_what_the_product_never_takes_is_left_out_and_said_why() -> None:
    nobody = sales_of(1, "1", "10", msdyn_accountcustomer=None)
    reversed_ = sales_of(2, "1", "10", msdyn_adjustmentstatus=192350001)
    cost = sales_of(3, "1", "10", msdyn_transactiontypecode=192350000)
    due = expected([nobody, reversed_, cost], LINES, TODAY, HERE)
    assert (due.rows, [one.why.split(",")[0] for one in due.left_out]) == (
        (),
        [
            "It has no customer",
            "It was adjusted: it and its reversal cancel each other out.",
            "It is not an unbilled sales actual; only those are billed.",
        ],
    )


def test_what_is_being_corrected_is_still_taken() -> None:
    in_process = sales_of(2, "1", "10", msdyn_adjustmentstatus=192350000)
    assert expected([in_process], LINES, TODAY, HERE).total == Decimal(10)
