"""Creating a contract's draft invoice, and what deleting it gives back."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING
from uuid import UUID

import pytest

from sandbox.dataverse.product import BEFORE_DELETE
from sandbox.dataverse.product.business_dates import day_of
from sandbox.dataverse.product.choices import (
    AdjustmentStatus,
    BillingStatus,
    BillingType,
    InvoiceStatus,
    MilestoneStatus,
    TransactionClass,
    TransactionType,
)
from sandbox.dataverse.product.invoice_creation import NOTHING_TO_INVOICE
from sandbox.dataverse.seed import USERS
from sandbox.dataverse.unit_of_work import Link, Refused, Row

if TYPE_CHECKING:
    from tests.sandbox.dataverse.product.conftest import Fabrikam

ACTION = "msdyn_NewInvoiceContract"
DETAIL = "msdyn_invoicelinetransaction"
MILESTONE = "msdyn_contractlinescheduleofvalue"


def create(fabrikam: Fabrikam) -> UUID:
    made = fabrikam.call(ACTION, fabrikam.contract, user="clerk")
    assert made is not None
    assert made.table == "invoice"
    return made.id


def ready_all(fabrikam: Fabrikam) -> tuple[UUID, UUID, UUID]:
    """Three ready actuals, the product line and the milestone."""
    fabrikam.update("salesorderdetail", fabrikam.pack, {"msdyn_billingstatus": BillingStatus.READY})
    fabrikam.update(MILESTONE, fabrikam.milestone, {"msdyn_invoicestatus": MilestoneStatus.READY})
    return (
        fabrikam.ready_actual("8", "200"),
        fabrikam.ready_actual("2", "200", billing_type=BillingType.NON_CHARGEABLE),
        fabrikam.ready_actual("1", "550", msdyn_transactionclassification=TransactionClass.EXPENSE),
    )


def lines(fabrikam: Fabrikam, invoice: UUID) -> Mapping[UUID, Row]:
    """Invoice lines by the id of their contract line."""
    return {
        row["salesorderdetailid"].id: row  # type: ignore[union-attr]
        for row in fabrikam.find("invoicedetail", invoiceid=Link("invoice", invoice))
    }


def details(fabrikam: Fabrikam, invoice: UUID) -> list[Row]:
    return fabrikam.find(DETAIL, msdyn_invoice=Link("invoice", invoice))


def delete(fabrikam: Fabrikam, invoice: UUID) -> None:
    with fabrikam.server.transaction("clerk") as work:
        BEFORE_DELETE["invoice"](work, invoice)
        work.delete("invoice", invoice)


def test_scenario_35_everything_ready_on_a_contract_becomes_one_draft(fabrikam: Fabrikam) -> None:
    ready_all(fabrikam)
    invoice = create(fabrikam)
    by_line = lines(fabrikam, invoice)
    assert set(by_line) == {fabrikam.line, fabrikam.fixed, fabrikam.pack}
    work_line, fixed, pack = by_line[fabrikam.line], by_line[fabrikam.fixed], by_line[fabrikam.pack]
    assert (work_line["extendedamount"], fixed["extendedamount"], pack["extendedamount"]) == (2150, 5000, 300)
    assert (work_line["msdyn_chargeableamount"], work_line["msdyn_nonchargeableamount"]) == (2150, 400)
    assert (pack["quantity"], pack["priceperunit"]) == (3, 100)
    assert len(details(fabrikam, invoice)) == 4
    header = fabrikam.row("invoice", invoice)
    assert (header["totallineitemamount"], header["totaltax"], header["totalamount"]) == (7450, 0, 7450)


def test_the_header_comes_from_the_contract_and_belongs_to_the_caller(fabrikam: Fabrikam) -> None:
    ready_all(fabrikam)
    header = fabrikam.row("invoice", create(fabrikam))
    contract = fabrikam.row("salesorder", fabrikam.contract)
    assert header["msdyn_projectinvoicestatus"] == InvoiceStatus.DRAFT
    for column in ("name", "customerid", "transactioncurrencyid", "pricelevelid", "billto_name", "msdyn_ordertype"):
        assert header[column] == contract[column], column
    assert header["salesorderid"] == Link("salesorder", fabrikam.contract)
    assert header["ownerid"] == Link("systemuser", USERS["clerk"])
    assert str(header["invoicenumber"]).startswith("INV-01001-")


def test_all_that_was_taken_moves_to_customer_invoice_created(fabrikam: Fabrikam) -> None:
    actuals = ready_all(fabrikam)
    create(fabrikam)
    for actual in actuals:
        assert fabrikam.row("msdyn_actual", actual)["msdyn_billingstatus"] == BillingStatus.INVOICE_CREATED
    milestone = fabrikam.row(MILESTONE, fabrikam.milestone)
    assert milestone["msdyn_invoicestatus"] == MilestoneStatus.INVOICE_CREATED
    pack = fabrikam.row("salesorderdetail", fabrikam.pack)
    assert pack["msdyn_billingstatus"] == BillingStatus.INVOICE_CREATED


def test_a_detail_copies_its_actual_and_is_tied_to_entry_journal_line_and_actual(fabrikam: Fabrikam) -> None:
    """Scenario 55, the step of the invoice: two origins and one connection."""
    entry, _ = fabrikam.submitted_time()
    line = fabrikam.journal_lines("msdyn_timeentry", entry)[TransactionType.UNBILLED_SALES]
    journal_line = line["msdyn_journallineid"]
    assert isinstance(journal_line, UUID)
    sources = (Link("msdyn_timeentry", entry), Link("msdyn_journalline", journal_line))
    actual = fabrikam.ready_actual("8", "200", origins=sources)
    (detail,) = details(fabrikam, create(fabrikam))
    original = fabrikam.row("msdyn_actual", actual)
    assert detail["msdyn_transactiontypecode"] == TransactionType.BILLED_SALES
    for column in ("msdyn_quantity", "msdyn_price", "msdyn_amount", "msdyn_startdatetime", "msdyn_description"):
        assert detail[column] == original[column], column
    id = str(detail[f"{DETAIL}id"])
    origins = fabrikam.find("msdyn_transactionorigin", msdyn_transaction=id)
    assert {(row["msdyn_origintype"], row["msdyn_origin"]) for row in origins} == {
        (source.table, str(source.id)) for source in sources
    }
    assert {row["msdyn_transactiontype"] for row in origins} == {DETAIL}
    (connection,) = fabrikam.find("msdyn_transactionconnection", msdyn_transaction1=id)
    assert connection["msdyn_transaction1role"] == "Billed Sales"
    assert (connection["msdyn_transaction2"], connection["msdyn_transaction2type"]) == (str(actual), "msdyn_actual")
    assert connection["msdyn_transaction2role"] == "Unbilled Sales"


def test_complimentary_and_non_chargeable_work_is_shown_but_not_charged(fabrikam: Fabrikam) -> None:
    """Scenario 8, second half."""
    fabrikam.ready_actual("2", "200", billing_type=BillingType.COMPLIMENTARY)
    fabrikam.ready_actual("5", "90", billing_type=BillingType.NON_CHARGEABLE)
    invoice = create(fabrikam)
    line = lines(fabrikam, invoice)[fabrikam.line]
    assert (line["msdyn_complimentaryamount"], line["msdyn_nonchargeableamount"]) == (400, 450)
    assert (line["msdyn_chargeableamount"], fabrikam.row("invoice", invoice)["totalamount"]) == (0, 0)


def test_a_project_line_appears_even_with_nothing_on_it_but_a_product_line_does_not(fabrikam: Fabrikam) -> None:
    fabrikam.ready_actual("1", "200")
    by_line = lines(fabrikam, create(fabrikam))
    assert set(by_line) == {fabrikam.line, fabrikam.fixed}
    assert by_line[fabrikam.fixed]["extendedamount"] == 0


def test_a_milestone_becomes_a_chargeable_detail_with_its_tax_on_top(fabrikam: Fabrikam) -> None:
    changes: Row = {"msdyn_invoicestatus": MilestoneStatus.READY, "msdyn_tax": Decimal(950)}
    fabrikam.update(MILESTONE, fabrikam.milestone, changes)
    invoice = create(fabrikam)
    (detail,) = details(fabrikam, invoice)
    assert detail["msdyn_transactionclassification"] == TransactionClass.MILESTONE
    assert (detail["msdyn_billingtype"], detail["msdyn_amount"]) == (BillingType.CHARGEABLE, 5000)
    header = fabrikam.row("invoice", invoice)
    assert (header["totallineitemamount"], header["totaltax"], header["totalamount"]) == (5000, 950, 5950)
    assert lines(fabrikam, invoice)[fabrikam.fixed]["extendedamount"] == 5950


def test_scenario_36_with_nothing_ready_no_invoice_is_created(fabrikam: Fabrikam) -> None:
    fabrikam.ready_actual("8", "200", status=None)
    with pytest.raises(Refused) as refused:
        create(fabrikam)
    assert refused.value.message == NOTHING_TO_INVOICE
    assert fabrikam.find("invoice") == []


def test_scenario_37_what_is_dated_tomorrow_is_left_for_tomorrow(fabrikam: Fabrikam) -> None:
    today = day_of(fabrikam.clock.now())
    actual = fabrikam.ready_actual("8", "200", on=today + timedelta(days=1))
    with pytest.raises(Refused, match="no past dated transactions"):
        create(fabrikam)
    fabrikam.clock.advance(timedelta(days=1))
    create(fabrikam)
    assert fabrikam.row("msdyn_actual", actual)["msdyn_billingstatus"] == BillingStatus.INVOICE_CREATED


def test_a_second_creation_finds_nothing_left(fabrikam: Fabrikam) -> None:
    """Scenario 40, one after the other: a contract's rows are on one invoice only."""
    ready_all(fabrikam)
    create(fabrikam)
    with pytest.raises(Refused, match="No invoice was created"):
        create(fabrikam)
    assert len(fabrikam.find("invoice")) == 1


@pytest.mark.parametrize(
    "column",
    [
        {"msdyn_adjustmentstatus": AdjustmentStatus.ADJUSTED},
        {"msdyn_adjustmentstatus": AdjustmentStatus.UNADJUSTABLE},
        {"msdyn_accountcustomer": None},
        {"msdyn_salescontractlineid": None},
        {"msdyn_transactiontypecode": TransactionType.COST},
    ],
)
def test_adjusted_rows_and_rows_without_customer_or_line_are_never_taken(fabrikam: Fabrikam, column: Row) -> None:
    left_out = fabrikam.ready_actual("8", "200")
    fabrikam.update("msdyn_actual", left_out, column)
    fabrikam.ready_actual("1", "200")
    assert len(details(fabrikam, create(fabrikam))) == 1
    assert fabrikam.row("msdyn_actual", left_out)["msdyn_billingstatus"] == BillingStatus.READY


def test_a_contract_that_is_not_there_is_not_found(fabrikam: Fabrikam) -> None:
    with pytest.raises(Refused, match="Does Not Exist"):
        fabrikam.call(ACTION, USERS["clerk"])


def test_scenario_46_deleting_the_draft_gives_everything_back(fabrikam: Fabrikam) -> None:
    actuals = ready_all(fabrikam)
    invoice = create(fabrikam)
    delete(fabrikam, invoice)
    for actual in actuals:
        assert fabrikam.row("msdyn_actual", actual)["msdyn_billingstatus"] == BillingStatus.READY
    assert fabrikam.row(MILESTONE, fabrikam.milestone)["msdyn_invoicestatus"] == MilestoneStatus.READY
    assert fabrikam.row("salesorderdetail", fabrikam.pack)["msdyn_billingstatus"] == BillingStatus.READY
    for table in ("invoice", "invoicedetail", DETAIL, "msdyn_transactionconnection", "msdyn_transactionorigin"):
        assert fabrikam.find(table) == []
    assert fabrikam.row("invoice", create(fabrikam))["totalamount"] == 7450


def test_deleting_a_draft_leaves_alone_what_was_posted_meanwhile(fabrikam: Fabrikam) -> None:
    actual = fabrikam.ready_actual("8", "200")
    invoice = create(fabrikam)
    fabrikam.update("msdyn_actual", actual, {"msdyn_billingstatus": BillingStatus.INVOICE_POSTED})
    delete(fabrikam, invoice)
    assert fabrikam.row("msdyn_actual", actual)["msdyn_billingstatus"] == BillingStatus.INVOICE_POSTED


def test_a_confirmed_invoice_is_not_deleted(fabrikam: Fabrikam) -> None:
    ready_all(fabrikam)
    invoice = create(fabrikam)
    fabrikam.update("invoice", invoice, {"msdyn_projectinvoicestatus": InvoiceStatus.CONFIRMED})
    with pytest.raises(Refused, match="no longer a draft"):
        delete(fabrikam, invoice)
    assert len(details(fabrikam, invoice)) == 4


def test_only_a_draft_entry_may_be_deleted(fabrikam: Fabrikam) -> None:
    submitted, _ = fabrikam.submitted_time()
    draft = fabrikam.draft_time()
    with fabrikam.server.transaction() as work:
        BEFORE_DELETE["msdyn_timeentry"](work, draft)
        with pytest.raises(Refused, match="isn't a draft"):
            BEFORE_DELETE["msdyn_timeentry"](work, submitted)


def test_amounts_are_summed_to_the_cent(fabrikam: Fabrikam) -> None:
    for quantity in ("1.67", "0.33", "0.01"):
        fabrikam.ready_actual(quantity, "200", on=date(2026, 3, 9))
    assert fabrikam.row("invoice", create(fabrikam))["totalamount"] == Decimal("402.00")
