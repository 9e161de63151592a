"""Pricing dimensions: an administrator's own columns that prices depend on, carried from entry to invoice."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING
from uuid import UUID

import pytest

from sandbox.company.names import company_id
from sandbox.company.rows import ref
from sandbox.dataverse.catalog import column_from
from sandbox.dataverse.http.new_tables import widened
from sandbox.dataverse.product.choices import BillingType, TransactionType
from sandbox.dataverse.unit_of_work import Cell, Link, Refused, Row

if TYPE_CHECKING:
    from tests.sandbox.dataverse.product.conftest import Fabrikam

COST, UNBILLED = TransactionType.COST, TransactionType.UNBILLED_SALES
CHARGEABLE = BillingType.CHARGEABLE
HOURS = "new_workhours"
REGULAR, OVERTIME = 100000000, 100000001
PRICES, MARKUPS = "msdyn_resourcecategorypricelevel", "msdyn_resourcecategorymarkuppricelevel"
EVERYWHERE = ("msdyn_timeentry", "msdyn_journalline", "msdyn_actual", "msdyn_invoicelinetransaction", PRICES, MARKUPS)
COST_LIST, SALES_LIST = "Fabrikam US cost 2026", "Adatum 2026"


def add_column(product: Fabrikam, *tables: str) -> None:
    choices = {str(REGULAR): "Regular", str(OVERTIME): "Overtime"}
    column = column_from(HOURS, {"type": "picklist", "schema": "new_WorkHours", "choices": choices})
    with product.server.transaction() as work:
        for name in tables:
            work.add_column(widened(work.catalog.table(name), column), column)


def dimension(product: Fabrikam, name: str, priority: int, *, marks_up: bool = False, sales: bool = True) -> None:
    values: Row = {
        "msdyn_name": name,
        "msdyn_type": 192350001 if marks_up else 192350000,
        "msdyn_applicabletocost": True,
        "msdyn_applicabletosales": sales,
        "msdyn_applicabletopurchase": False,
        "msdyn_costpriority": priority,
        "msdyn_salespriority": priority,
    }
    with product.server.transaction() as work:
        work.create("msdyn_dimension", values)


def markup(product: Fabrikam, price_list: str, percent: int, **values: Cell) -> None:
    with product.server.transaction() as work:
        own: Row = {"msdyn_pricelist": ref("pricelevel", price_list), "msdyn_percent": Decimal(percent)}
        work.create(MARKUPS, own | values)


def approved(product: Fabrikam, hours: int, minutes: int, role: str | None = None) -> UUID:
    with product.building() as builder:
        entry = builder.time("T", "Ada", minutes, product.day, role=role)
        builder.work.update("msdyn_timeentry", entry, {HOURS: hours})
    product.call("msdyn_TimeEntriesSubmit", TimeEntryIds=str(entry))
    product.call("msdyn_TimeEntriesApprove", TimeEntryIds=str(entry))
    return entry


@pytest.fixture
def overtime(product: Fabrikam) -> Fabrikam:
    """Work hours mark prices up: overtime of the unit by 15 %."""
    add_column(product, *EVERYWHERE)
    dimension(product, "msdyn_resourcecategory", 1)
    dimension(product, "msdyn_OrganizationalUnit", 2)
    dimension(product, "new_WorkHours", 3, marks_up=True, sales=False)
    markup(product, COST_LIST, 15, **{HOURS: OVERTIME}, msdyn_organizationalunit=product.unit)
    return product


def test_scenario_19_overtime_is_marked_up_and_regular_hours_are_not(overtime: Fabrikam) -> None:
    approved(overtime, REGULAR, 480)
    approved(overtime, OVERTIME, 120)
    costs = overtime.actuals(COST)
    assert [(row["msdyn_quantity"], row["msdyn_price"], row["msdyn_amount"]) for row in costs] == [
        (8, 100, Decimal("800.00")),
        (2, 115, Decimal("230.00")),
    ]
    assert [row["msdyn_amount"] for row in overtime.actuals(UNBILLED)] == [1600, 400]
    assert [row[HOURS] for row in costs] == [REGULAR, OVERTIME]


def test_a_markup_for_sales_is_on_the_sales_list(overtime: Fabrikam) -> None:
    with overtime.server.transaction() as work:
        (row,) = work.find("msdyn_dimension", msdyn_name="new_WorkHours")
        work.update("msdyn_dimension", row["msdyn_dimensionid"], {"msdyn_applicabletosales": True})  # type: ignore[arg-type]
    markup(overtime, SALES_LIST, 50, **{HOURS: OVERTIME})
    approved(overtime, OVERTIME, 120)
    assert overtime.ledger() == [(COST, CHARGEABLE, 2, 230), (UNBILLED, CHARGEABLE, 2, 600)]


def test_a_dimension_may_have_prices_of_its_own_and_the_weightier_one_decides(product: Fabrikam) -> None:
    add_column(product, *EVERYWHERE)
    dimension(product, "new_WorkHours", 1)
    dimension(product, "msdyn_resourcecategory", 2)
    with product.server.transaction() as work:
        own: Row = {"msdyn_pricelist": ref("pricelevel", COST_LIST), "msdyn_unit": ref("uom", "Hour"), HOURS: OVERTIME}
        work.create(PRICES, {**own, "msdyn_price": Decimal(70)})
    approved(product, OVERTIME, 60)
    approved(product, REGULAR, 60)
    assert [row["msdyn_price"] for row in product.actuals(COST)] == [70, 100]
    product.switches.first_priority_is_lowest = False
    approved(product, OVERTIME, 60)
    assert [row["msdyn_price"] for row in product.actuals(COST)] == [70, 100, 100]


def test_own_columns_go_as_far_as_the_tables_have_them(product: Fabrikam) -> None:
    add_column(product, "msdyn_timeentry", "msdyn_journalline", "msdyn_actual")
    approved(product, OVERTIME, 60)
    product.ready_all()
    invoice = product.invoice()
    assert HOURS not in product.details(invoice)[0]
    assert {row[HOURS] for row in product.actuals()} == {OVERTIME}


def test_own_columns_are_carried_to_the_invoice_and_back_with_a_reversal(overtime: Fabrikam) -> None:
    approved(overtime, OVERTIME, 60)
    overtime.ready_all()
    invoice = overtime.invoice()
    assert overtime.details(invoice)[0][HOURS] == OVERTIME
    overtime.confirm(invoice)
    assert {row[HOURS] for row in overtime.actuals()} == {OVERTIME}
    assert len(overtime.actuals()) == 4


def test_own_columns_stay_on_the_entry_where_nobody_mapped_them(overtime: Fabrikam) -> None:
    overtime.switches.own_columns_carried = False
    approved(overtime, OVERTIME, 120)
    assert [(row["msdyn_price"], row[HOURS]) for row in overtime.actuals(COST)] == [(115, None)]


def test_a_dimension_may_have_another_column_on_a_table(product: Fabrikam) -> None:
    add_column(product, "msdyn_timeentry", "msdyn_journalline", "msdyn_actual")
    with product.server.transaction() as work:
        column = column_from("new_when", {"type": "picklist", "schema": "new_When", "choices": {str(OVERTIME): "Late"}})
        work.add_column(widened(work.catalog.table(MARKUPS), column), column)
    dimension(product, "msdyn_resourcecategory", 1)
    dimension(product, "new_WorkHours", 2, marks_up=True, sales=False)
    with product.server.transaction() as work:
        id = work.find("msdyn_dimension", msdyn_name="new_WorkHours")[0]["msdyn_dimensionid"]
        assert isinstance(id, UUID)
        named: Row = {"msdyn_entitylogicalname": MARKUPS, "msdyn_fieldname": "new_when", "msdyn_description": "When"}
        work.create("msdyn_dimensionfieldname", {**named, "msdyn_dimensionid": Link("msdyn_dimension", id)})
    markup(product, COST_LIST, 10, new_when=OVERTIME)
    approved(product, OVERTIME, 60)
    assert [row["msdyn_price"] for row in product.actuals(COST)] == [110]


def test_a_unit_without_a_currency_is_told_and_does_not_stop_anything_else(product: Fabrikam) -> None:
    unit = company_id("msdyn_organizationalunit", "Fabrikam US")
    product.update("msdyn_organizationalunit", unit, {"msdyn_currency": None})
    with pytest.raises(Refused, match="has no currency"):
        product.submitted_time()
