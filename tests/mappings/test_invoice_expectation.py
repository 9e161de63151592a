"""What the next invoice must contain, to the cent."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

from mappings import tables
from mappings.backlog import Backlog, BacklogRow
from mappings.invoice_expectation import expectation
from mappings.tables import Cell, Ref
from tests.mappings.samples import row, uid

NOW = datetime(2026, 2, 10, 12, tzinfo=UTC)
HERE = ZoneInfo("America/New_York")
CHARGEABLE, NON_CHARGEABLE, COMPLIMENTARY = 192350001, 192350000, 192350002


def sales(number: int, amount: str, billing: int = CHARGEABLE, status: int = 192350004, days: int = -1) -> BacklogRow:
    """An unbilled sales actual, ready unless said otherwise."""
    cells: dict[str, Cell] = {
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
    expected = expectation(EVERYTHING_READY, NOW, HERE)
    assert len(expected.rows) == 5
    assert expected.total == Decimal("7450.00")


def test_what_is_not_ready_or_not_yet_due_is_left_out() -> None:
    later = [sales(6, "100.00", days=1), sales(7, "100.00", status=192350000), sales(8, "9.99", COMPLIMENTARY)]
    expected = expectation([*EVERYTHING_READY, *later], NOW, HERE)
    assert [str(one.row.id) for one in expected.rows if one.row.id in (uid(6), uid(7))] == []
    assert (len(expected.rows), expected.total) == (6, Decimal("7450.00"))


def test_nothing_ready_is_nothing() -> None:
    expected = expectation([sales(1, "1600.00", status=192350001), sales(2, "1.00", days=2)], NOW, HERE)
    assert (expected.rows, expected.total) == ((), Decimal(0))


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
