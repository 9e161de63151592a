"""What may be marked ready, and why not."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest

from mappings import tables
from mappings.backlog import Backlog, BacklogRow
from mappings.tables import Cell, Ref
from tests.mappings.samples import CONTRACT, CUSTOMER, PERSON, USD, row, uid

NOW = datetime(2026, 2, 10, 12, tzinfo=UTC)
TODAY = date(2026, 2, 10)
HERE = ZoneInfo("UTC")
SALES: dict[str, Cell] = {
    "msdyn_transactiontypecode": 192350005,
    "msdyn_billingtype": 192350001,
    "msdyn_accountcustomer": CUSTOMER,
    "msdyn_startdatetime": NOW - timedelta(days=1),
    "msdyn_amount": Decimal("1600.00"),
    "msdyn_salescontract": CONTRACT,
    "transactioncurrencyid": Ref(tables.CURRENCY, USD.id),
}
PRODUCT: dict[str, Cell] = {"producttypecode": 1, "extendedamount": Decimal("300.00"), "salesorderid": CONTRACT}
MILESTONE: dict[str, Cell] = {
    "msdyn_invoicestatus": 192350000,
    "msdyn_amount": Decimal("5000.00"),
    "msdyn_invoicedate": NOW - timedelta(days=1),
    "msdyn_contract": CONTRACT,
}


def sales(**cells: Cell) -> BacklogRow:
    """An unbilled sales actual."""
    return BacklogRow(Backlog.TIME_AND_MATERIAL, row(Ref(tables.ACTUAL, uid(1)), SALES | cells))


def product(**cells: Cell) -> BacklogRow:
    """A product contract line."""
    return BacklogRow(Backlog.PRODUCTS, row(Ref(tables.CONTRACT_LINE, uid(2)), PRODUCT | cells))


def milestone(**cells: Cell) -> BacklogRow:
    """A milestone."""
    return BacklogRow(Backlog.MILESTONES, row(Ref(tables.MILESTONE, uid(3)), MILESTONE | cells))


def test_each_backlog_has_its_table_its_contract_column_and_its_own_number_for_ready() -> None:
    facts = [(kind.table, kind.contract_column, kind.status_column, int(kind.ready)) for kind in Backlog]
    assert facts == [
        ("msdyn_actual", "msdyn_salescontract", "msdyn_billingstatus", 192350004),
        ("salesorderdetail", "salesorderid", "msdyn_billingstatus", 192350004),
        ("msdyn_contractlinescheduleofvalue", "msdyn_contract", "msdyn_invoicestatus", 192350001),
    ]


@pytest.mark.parametrize("status", [None, 192350000])
def test_an_open_unbilled_sales_actual_may_be_marked(status: int | None) -> None:
    assert sales(msdyn_billingstatus=status).why_not() is None


def test_a_row_billed_to_a_person_may_be_marked() -> None:
    assert sales(msdyn_accountcustomer=None, msdyn_contactcustomer=PERSON).why_not() is None


@pytest.mark.parametrize(
    ("cells", "words"),
    [
        ({"msdyn_transactiontypecode": 192350000}, "not an unbilled sales actual"),
        ({"msdyn_transactiontypecode": 192350006}, "not an unbilled sales actual"),
        ({"msdyn_adjustmentstatus": 192350001}, "adjusted"),
        ({"msdyn_adjustmentstatus": 192350002}, "adjusted"),
        ({"msdyn_accountcustomer": None}, "no customer"),
        ({"msdyn_billingstatus": 192350001}, "draft invoice"),
        ({"msdyn_billingstatus": 192350002}, "posted invoice"),
        ({"msdyn_billingstatus": 192350003}, "canceled"),
        ({"msdyn_billingstatus": 192350004}, "ready to invoice already"),
    ],
)
def test_an_actual_that_may_not_be_marked_says_why(cells: dict[str, Cell], words: str) -> None:
    why = sales(**cells).why_not()
    assert why is not None
    assert words in why


@pytest.mark.parametrize(
    ("cells", "words"),
    [
        ({}, None),
        ({"msdyn_billingstatus": 192350000}, None),
        ({"producttypecode": 2}, None),
        ({"producttypecode": 5}, "project-based line"),
        ({"msdyn_billingstatus": 192350001}, "draft invoice"),
        ({"msdyn_billingstatus": 192350002}, "posted invoice"),
        ({"msdyn_billingstatus": 192350003}, "canceled"),
        ({"msdyn_billingstatus": 192350004}, "ready to invoice already"),
    ],
)
def test_a_product_line_is_judged_by_kind_and_status(cells: dict[str, Cell], words: str | None) -> None:
    why = product(**cells).why_not()
    assert why is None if words is None else words in (why or "")


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (192350000, None),
        (192350001, "ready to invoice already"),  # on an actual this number says: on a draft
        (192350002, "draft invoice"),
        (192350003, "posted invoice"),  # on an actual this number says: canceled
    ],
)
def test_a_milestone_is_judged_by_its_own_numbers(status: int | None, words: str | None) -> None:
    why = milestone(msdyn_invoicestatus=status).why_not()
    assert why is None if words is None else words in (why or "")


def test_the_amount_and_what_of_it_is_charged() -> None:
    assert (sales().amount, sales().billable) == (Decimal(1600), Decimal(1600))
    for free in (192350000, 192350002, 192350003, None):
        assert (sales(msdyn_billingtype=free).amount, sales(msdyn_billingtype=free).billable) == (
            Decimal(1600),
            Decimal(0),
        )
    assert (product().billable, milestone().billable) == (Decimal(300), Decimal(5000))


def test_a_product_stands_at_its_amount_before_tax() -> None:
    taxed = product(extendedamount=Decimal("360.00"), tax=Decimal("60.00"))
    assert (taxed.amount, taxed.billable) == (Decimal(300), Decimal(300))
    assert product(extendedamount=None, tax=None).amount == 0
    assert "tax" in Backlog.PRODUCTS.columns


def test_an_actual_in_the_middle_of_a_correction_may_be_marked() -> None:
    assert sales(msdyn_adjustmentstatus=192350000).why_not() is None


def test_every_row_leads_to_its_contract() -> None:
    assert {one.contract for one in (sales(), product(), milestone())} == {CONTRACT.id}
    assert sales().currency == USD.id


READY: dict[str, Cell] = {"msdyn_billingstatus": 192350004}


@pytest.mark.parametrize(
    ("start", "due"),
    [
        (NOW - timedelta(days=1), True),
        (NOW, True),
        (NOW + timedelta(hours=11), True),  # later today: the day decides, not the hour
        (NOW + timedelta(days=1), False),
        (NOW + timedelta(days=400), False),
        (None, True),
    ],
)
def test_an_actual_dated_in_the_future_is_left_for_later(start: datetime | None, due: bool) -> None:
    assert sales(msdyn_startdatetime=start, **READY).is_due(TODAY, HERE) is due


def test_what_is_left_out_today_is_taken_tomorrow() -> None:
    tomorrow = sales(msdyn_startdatetime=NOW + timedelta(days=1), **READY)
    assert not tomorrow.is_due(TODAY, HERE)
    assert tomorrow.is_due(TODAY + timedelta(days=1), HERE)


@pytest.mark.parametrize("status", [None, 192350000, 192350001, 192350002, 192350003])
def test_what_is_not_ready_is_never_due(status: int | None) -> None:
    assert not sales(msdyn_billingstatus=status).is_due(TODAY, HERE)
    assert not product(msdyn_billingstatus=status).is_due(TODAY, HERE)


def test_products_have_no_date_and_milestones_their_invoice_date() -> None:
    assert product(**READY).is_due(TODAY, HERE)
    ready: dict[str, Cell] = {"msdyn_invoicestatus": 192350001}
    assert milestone(**ready).is_due(TODAY, HERE)
    assert not milestone(msdyn_invoicedate=NOW + timedelta(days=1), **ready).is_due(TODAY, HERE)
    assert not milestone(msdyn_invoicestatus=192350004).is_due(TODAY, HERE)


@pytest.mark.parametrize(
    ("zone", "start", "today", "due"),
    [
        # Midnight of 11 February in Auckland (UTC+13) is still the 10th in Greenwich.
        ("Pacific/Auckland", datetime(2026, 2, 10, 11, tzinfo=UTC), date(2026, 2, 10), False),
        ("Pacific/Auckland", datetime(2026, 2, 10, 11, tzinfo=UTC), date(2026, 2, 11), True),
        # Midnight of 10 February in Honolulu (UTC-10) is ten in the morning in Greenwich.
        ("Pacific/Honolulu", datetime(2026, 2, 10, 10, tzinfo=UTC), date(2026, 2, 10), True),
        ("Pacific/Honolulu", datetime(2026, 2, 11, 9, 59, tzinfo=UTC), date(2026, 2, 10), True),
        ("Pacific/Honolulu", datetime(2026, 2, 11, 10, tzinfo=UTC), date(2026, 2, 10), False),
    ],
)
def test_which_day_it_is_depends_on_the_stated_zone(zone: str, start: datetime, today: date, due: bool) -> None:
    assert sales(msdyn_startdatetime=start, **READY).is_due(today, ZoneInfo(zone)) is due
