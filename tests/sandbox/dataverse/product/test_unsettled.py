"""What no public source settles, at both settings; and what stays although a caller would have it otherwise."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING
from uuid import UUID

import pytest

from sandbox.company.names import company_id
from sandbox.company.rows import ref
from sandbox.dataverse.product import Environment, Released, Zone
from sandbox.dataverse.product.business_dates import day_of, midnight
from sandbox.dataverse.product.choices import BillingStatus, MilestoneStatus, PriceContext, RunStatus, TransactionType
from sandbox.dataverse.seed import USERS
from sandbox.dataverse.unit_of_work import Cell, Link, Refused, Row
from tests.sandbox.dataverse.product.acts import MILESTONE, UNBILLED, confirmed, invoiced

if TYPE_CHECKING:
    from tests.sandbox.dataverse.product.conftest import Fabrikam

DETAIL = "msdyn_invoicelinetransaction"
SALES_2025 = UUID("00000000-0000-4000-8000-000000002025")
MARK = "msdyn_MarkActualReadyToInvoiceOrNot"


def id_of(row: Row, table: str) -> UUID:
    id = row[f"{table}id"]
    assert isinstance(id, UUID)
    return id


def patch(fabrikam: Fabrikam, table: str, id: UUID, values: Row) -> None:
    """As a caller of the Web API."""
    with fabrikam.server.organisation.transaction(USERS["clerk"]) as work:
        work.update(table, id, values)


def create(fabrikam: Fabrikam, table: str, values: Row) -> UUID:
    with fabrikam.server.organisation.transaction(USERS["clerk"]) as work:
        return work.create(table, values)


def delete(fabrikam: Fabrikam, table: str, id: UUID) -> None:
    with fabrikam.server.organisation.transaction(USERS["clerk"]) as work:
        work.delete(table, id)


def lines(fabrikam: Fabrikam, invoice: UUID) -> list[Row]:
    return fabrikam.find("invoicedetail", invoiceid=Link("invoice", invoice))


@pytest.mark.parametrize(("released", "status"), [(Released.READY, BillingStatus.READY), (Released.EMPTY, None)])
def test_scenario_46_a_deleted_draft_gives_its_actuals_back_as_the_switch_says(
    product: Fabrikam, released: Released, status: int | None
) -> None:
    product.switches.released = released
    _, invoice = invoiced(product)
    ties = len(product.find("msdyn_transactionconnection"))
    delete(product, "invoice", invoice)
    assert [row["msdyn_billingstatus"] for row in product.actuals(UNBILLED)] == [status]
    assert len(product.find("msdyn_transactionconnection")) == ties - 1
    assert product.details(invoice) == []
    product.ready_all()
    assert product.row("invoice", product.invoice())["totalamount"] == 1600


@pytest.mark.parametrize(("today_is_past", "total"), [(True, 1600), (False, None)])
def test_what_is_dated_today_is_past_or_not(fabrikam: Fabrikam, today_is_past: bool, total: int | None) -> None:
    """Scenario 37, the day itself; either way tomorrow's is left out, and taken tomorrow."""
    fabrikam.switches.today_is_past = today_is_past
    # After midnight in Greenwich the product's users are still in the day before.
    fabrikam.ready_actual("8", "200", on=day_of(fabrikam.clock.now()))
    if total is None:
        with pytest.raises(Refused, match="no past dated transactions"):
            fabrikam.invoice()
        fabrikam.clock.advance(timedelta(days=1))
    assert fabrikam.row("invoice", fabrikam.invoice())["totalamount"] == 1600


def test_without_the_ready_gate_all_that_is_open_is_invoiced(fabrikam: Fabrikam) -> None:
    fabrikam.ready_actual("8", "200", status=None)
    with pytest.raises(Refused, match="no past dated transactions"):
        fabrikam.invoice()
    fabrikam.switches.ready_gate = False
    assert fabrikam.row("invoice", fabrikam.invoice())["totalamount"] == 1900  # with the product line


def test_scenario_33_marking_may_do_what_it_can(fabrikam: Fabrikam) -> None:
    fabrikam.switches.environment = Environment.PROJECT_OPERATIONS
    fabrikam.switches.marks_all_or_none = False
    open_one = fabrikam.ready_actual("8", "200", status=None)
    cost = fabrikam.ready_actual("8", "100", status=None, msdyn_transactiontypecode=TransactionType.COST)
    adjusted = fabrikam.ready_actual("8", "200", status=None, msdyn_adjustmentstatus=192350001)
    drafted = fabrikam.ready_actual("8", "200", status=BillingStatus.INVOICE_CREATED)
    given = [{"msdyn_actualid": str(id)} for id in (open_one, cost, adjusted, drafted)]
    fabrikam.call(MARK, Actuals=given, ReadyToInvoice=True)
    statuses = [fabrikam.row("msdyn_actual", id)["msdyn_billingstatus"] for id in (open_one, cost, adjusted, drafted)]
    assert statuses == [BillingStatus.READY, None, None, BillingStatus.INVOICE_CREATED]
    fabrikam.call(MARK, Actuals=given, ReadyToInvoice=False)
    assert fabrikam.row("msdyn_actual", open_one)["msdyn_billingstatus"] is None
    with pytest.raises(Refused, match="can't be marked"):
        fabrikam.call(MARK, Actuals=given[1:], ReadyToInvoice=True)


@pytest.mark.parametrize("follows", [False, True])
def test_a_drafts_totals_follow_edits_at_once_or_when_worked_out(product: Fabrikam, follows: bool) -> None:
    product.switches.totals_follow_edits = follows
    _, invoice = invoiced(product)
    (detail,) = product.details(invoice)

    def totals() -> list[Cell]:
        (on_line,) = [row for row in lines(product, invoice) if row["salesorderdetailid"] == line]
        return [product.row("invoice", invoice)["totalamount"], on_line["extendedamount"]]

    line = Link("salesorderdetail", product.line)
    patch(product, DETAIL, id_of(detail, DETAIL), {"msdyn_quantity": Decimal(6)})
    assert totals() == ([1200, 1200] if follows else [1600, 1600])
    assert product.details(invoice)[0]["msdyn_amount"] == (1200 if follows else 1600)
    by_hand = ("msdyn_invoice", "msdyn_invoicelineid", "msdyn_salescontractlineid", "msdyn_transactiontypecode")
    values: Row = {name: detail[name] for name in (*by_hand, "transactioncurrencyid", "msdyn_billingtype")}
    create(
        product,
        DETAIL,
        values | {"msdyn_quantity": Decimal(1), "msdyn_price": Decimal(50), "msdyn_amount": Decimal(50)},
    )
    assert totals() == ([1250, 1250] if follows else [1600, 1600])
    delete(product, DETAIL, id_of(detail, DETAIL))
    assert totals() == ([50, 50] if follows else [1600, 1600])
    product.call("msdyn_InvoiceRecalculate", invoice)
    assert totals() == [50, 50]


@pytest.mark.parametrize("follows", [False, True])
def test_a_deleted_line_of_a_draft_gives_back_what_is_on_it(product: Fabrikam, follows: bool) -> None:
    product.switches.totals_follow_edits = follows
    product.update("salesorderdetail", product.pack, {"msdyn_billingstatus": BillingStatus.READY})
    _, invoice = invoiced(product)
    for line in lines(product, invoice):
        delete(product, "invoicedetail", id_of(line, "invoicedetail"))
    assert product.details(invoice) == lines(product, invoice) == []
    assert product.row("salesorderdetail", product.pack)["msdyn_billingstatus"] == BillingStatus.READY
    assert [row["msdyn_billingstatus"] for row in product.actuals(UNBILLED)] == [BillingStatus.READY]
    assert product.row("invoice", invoice)["totalamount"] == (0 if follows else 1900)


def test_nothing_is_added_to_a_confirmed_invoice_or_taken_from_it(product: Fabrikam) -> None:
    _, invoice = confirmed(product)
    line, *_ = lines(product, invoice)
    (detail,) = product.details(invoice)
    with pytest.raises(Refused, match="no longer a draft"):
        delete(product, "invoicedetail", id_of(line, "invoicedetail"))
    with pytest.raises(Refused, match="has been confirmed"):
        patch(product, "invoicedetail", id_of(line, "invoicedetail"), {"description": "More"})
    with pytest.raises(Refused, match="has been confirmed"):
        create(product, "invoicedetail", {"invoiceid": Link("invoice", invoice), "productdescription": "More"})
    with pytest.raises(Refused, match="has been confirmed"):
        create(product, DETAIL, {"msdyn_invoice": Link("invoice", invoice), "msdyn_amount": Decimal(1)})
    assert detail == product.details(invoice)[0]


def test_a_milestone_that_is_ready_stays(fabrikam: Fabrikam) -> None:
    fabrikam.update(MILESTONE, fabrikam.milestone, {"msdyn_invoicestatus": MilestoneStatus.READY})
    with pytest.raises(Refused, match="ready for invoicing"):
        delete(fabrikam, MILESTONE, fabrikam.milestone)
    fabrikam.update(MILESTONE, fabrikam.milestone, {"msdyn_invoicestatus": MilestoneStatus.NOT_READY})
    delete(fabrikam, MILESTONE, fabrikam.milestone)
    assert fabrikam.gone(MILESTONE, fabrikam.milestone)


def test_actuals_are_never_deleted_unless_switched(fabrikam: Fabrikam) -> None:
    actual = fabrikam.ready_actual("8", "200")
    with pytest.raises(Refused, match="can't be deleted"):
        delete(fabrikam, "msdyn_actual", actual)
    fabrikam.switches.actuals_kept = False
    delete(fabrikam, "msdyn_actual", actual)
    assert fabrikam.gone("msdyn_actual", actual)


def test_where_a_draft_does_not_block_it_a_cancel_takes_the_hours_off_the_draft(product: Fabrikam) -> None:
    product.switches.draft_blocks_cancel = False
    approval, invoice = invoiced(product)
    given = [{"msdyn_projectapprovalid": str(approval)}]
    product.call("msdyn_ProcessProjectApprovalSets", ActionType=192350004, ProjectApprovals=given)
    assert product.details(invoice) == []
    assert product.row("invoice", invoice)["totalamount"] == 0
    product.confirm(invoice)
    assert [row["msdyn_quantity"] for row in product.actuals(UNBILLED)] == [8, -8]


@pytest.mark.parametrize(
    ("zone", "year"),
    [(Zone.NEW_YORK, 2025), (Zone.HONOLULU, 2025), (Zone.UTC, 2026), (Zone.AUCKLAND, 2026), (Zone.LONDON, 2026)],
)
def test_the_day_of_late_hours_is_told_in_the_products_time_zone(product: Fabrikam, zone: Zone, year: int) -> None:
    """Half past eleven in the evening of the last day of a price list, in New York."""
    product.switches.zone = zone
    with product.building() as builder:
        first, last = date(2025, 1, 1), date(2025, 12, 31)
        builder.work.create("pricelevel", list_of(product, zone, "Sales 2025", first, last), SALES_2025)
        builder.work.update("pricelevel", company_id("pricelevel", "Adatum 2026"), dates(zone, 2026))
        on_list: Row = {"msdyn_pricelist": Link("pricelevel", SALES_2025)}
        builder.work.create("msdyn_orderpricelist", on_list | {"msdyn_contract": Link("salesorder", product.contract)})
        price = on_list | {"msdyn_price": Decimal(190)}
        price |= {
            "msdyn_resourcecategory": ref("bookableresourcecategory", "Developer"),
            "msdyn_unit": ref("uom", "Hour"),
        }
        builder.work.create("msdyn_resourcecategorypricelevel", price)
        entry = builder.time("T", "Ada", 60, date(2025, 12, 31))
        late = datetime(2026, 1, 1, 4, 30, tzinfo=UTC)
        builder.work.update("msdyn_timeentry", entry, {"msdyn_date": late})
    product.call("msdyn_TimeEntriesSubmit", TimeEntryIds=str(entry))
    product.call("msdyn_TimeEntriesApprove", TimeEntryIds=str(entry))
    assert [row["msdyn_amount"] for row in product.actuals(UNBILLED)] == [190 if year == 2025 else 200]


def dates(zone: Zone, year: int) -> Row:
    return {"begindate": midnight(date(year, 1, 1), zone), "enddate": midnight(date(year, 12, 31), zone)}


def list_of(product: Fabrikam, zone: Zone, name: str, first: date, last: date) -> Row:
    values: Row = {"name": name, "begindate": midnight(first, zone), "enddate": midnight(last, zone)}
    dollar = Link("transactioncurrency", product.dollar)
    return values | {"transactioncurrencyid": dollar, "msdyn_module": PriceContext.SALES}


def test_a_schedule_row_without_a_date_stops_no_other(fabrikam: Fabrikam) -> None:
    with fabrikam.building() as builder:
        job: Row = {"msdyn_name": "Create invoices", "msdyn_isactive": True, "msdyn_frequency": 0}
        builder.work.create("msdyn_batchjob", job)
        line = Link("salesorderdetail", fabrikam.line)
        row: Row = {"msdyn_contractlineid": line, "msdyn_invoicerunstatus": RunStatus.NOT_RUN}
        builder.work.create("msdyn_contractlineinvoiceschedule", row)
        today = midnight(day_of(fabrikam.clock.now()))
        builder.work.create("msdyn_contractlineinvoiceschedule", row | {"msdyn_invoicerundate": today - timedelta(2)})
    fabrikam.ready_actual("1", "200", on=date(2026, 1, 5))
    fabrikam.background.run_due()
    assert len(fabrikam.find("invoice")) == 1
