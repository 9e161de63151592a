"""The acceptance scenarios about invoices, confirmed, paid and corrected. Numbers are the scenarios'."""

from __future__ import annotations

import itertools
from datetime import timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest

from sandbox.dataverse.product import Environment
from sandbox.dataverse.product.business_dates import day_of, midnight
from sandbox.dataverse.product.choices import (
    AdjustmentStatus,
    BillingStatus,
    InvoiceStatus,
    MilestoneStatus,
    TransactionClass,
)
from sandbox.dataverse.unit_of_work import Link, Refused
from tests.sandbox.dataverse.product.acts import (
    BILLED,
    CHARGEABLE,
    COSTS,
    MILESTONE,
    NON,
    POSTED,
    UNBILLED,
    confirmed,
    invoiced,
    net_unbilled,
)

if TYPE_CHECKING:
    from tests.sandbox.dataverse.product.conftest import Fabrikam


def test_scenario_35_everything_ready_becomes_one_draft(product: Fabrikam) -> None:
    product.update("salesorderdetail", product.pack, {"msdyn_billingstatus": BillingStatus.READY})
    product.update(MILESTONE, product.milestone, {"msdyn_invoicestatus": MilestoneStatus.READY})
    product.ready_actual("8", "200")
    product.ready_actual("2", "200", billing_type=NON)
    product.ready_actual("1", "550", msdyn_transactionclassification=TransactionClass.EXPENSE)
    invoice = product.invoice()
    lines = {
        row["salesorderdetailid"]: row for row in product.find("invoicedetail", invoiceid=Link("invoice", invoice))
    }
    amounts = [
        lines[Link("salesorderdetail", id)]["extendedamount"] for id in (product.line, product.fixed, product.pack)
    ]
    assert amounts == [2150, 5000, 300]
    details = product.details(invoice)
    assert [row["msdyn_amount"] for row in details] == [1600, 400, 550, 5000]
    assert [row["msdyn_billingtype"] for row in details] == [CHARGEABLE, NON, CHARGEABLE, CHARGEABLE]
    on_line = [row for row in details if row["msdyn_transactionclassification"] != 192350003]
    assert len(on_line) == 3
    assert lines[Link("salesorderdetail", product.line)]["msdyn_nonchargeableamount"] == 400
    assert len(product.find("invoice")) == 1
    assert product.row("invoice", invoice)["totalamount"] == Decimal("7450.00")
    assert {row["msdyn_billingstatus"] for row in product.actuals(UNBILLED)} == {BillingStatus.INVOICE_CREATED}
    assert product.row(MILESTONE, product.milestone)["msdyn_invoicestatus"] == MilestoneStatus.INVOICE_CREATED
    pack = product.row("salesorderdetail", product.pack)
    assert pack["msdyn_billingstatus"] == BillingStatus.INVOICE_CREATED
    product.confirm(invoice)
    assert product.row("salesorderdetail", product.pack)["msdyn_billingstatus"] == POSTED


def test_scenario_38_of_three_contracts_one_is_empty_and_one_fails_until_it_does_not(product: Fabrikam) -> None:
    with product.building() as builder:
        empty = builder.contract("E", "Empty", "Adatum Corporation", product.dollar, "Adatum 2026")
        last = builder.contract("L", "Last", "Adatum Corporation", product.dollar, "Adatum 2026")
        pack = builder.product_line("L", "Last pack", Decimal(1), Decimal(50), product.dollar)
        builder.work.update("salesorderdetail", pack, {"msdyn_billingstatus": BillingStatus.READY})
    product.ready_actual("1", "200")
    product.switches.failing[last] = "Time-out expired."

    def run() -> list[str]:
        outcomes = []
        for contract in (product.contract, empty, last):
            try:
                product.call("msdyn_NewInvoiceContract", contract, user="clerk")
                outcomes.append("created")
            except Refused as refusal:
                outcomes.append(refusal.message.partition(" ")[0])
        return outcomes

    assert run() == ["created", "There", "Time-out"]
    product.switches.failing.clear()
    assert run() == ["There", "There", "created"]
    assert len(product.find("invoice")) == 2


def test_scenario_46_a_deleted_draft_gives_back_and_a_confirmed_sibling_keeps(product: Fabrikam) -> None:
    product.switches.invoice_race = timedelta(minutes=1)
    _, first = invoiced(product)
    twin = product.invoice()
    product.confirm(first)
    with product.server.transaction("clerk") as work:
        work.delete("invoice", twin)
    original = product.actuals(UNBILLED)[0]
    assert original["msdyn_billingstatus"] == POSTED
    assert [row for row in product.find("msdyn_transactionconnection") if "invoiceline" in str(row)] != []
    product.switches.invoice_race = timedelta()
    with pytest.raises(Refused, match="No invoice was created"):
        product.invoice()


def test_a_detail_removed_from_a_draft_may_be_invoiced_again(product: Fabrikam) -> None:
    _, invoice = invoiced(product)
    (detail,) = product.details(invoice)
    with product.server.transaction("clerk") as work:
        work.delete("msdyn_invoicelinetransaction", detail["msdyn_invoicelinetransactionid"])  # type: ignore[arg-type]
    assert product.actuals(UNBILLED)[0]["msdyn_billingstatus"] == BillingStatus.READY
    assert product.row("invoice", product.invoice())["totalamount"] == 1600


def test_scenario_47_confirming_reverses_the_unbilled_and_bills(product: Fabrikam) -> None:
    _, invoice = confirmed(product)
    assert product.ledger() == [
        COSTS,
        (UNBILLED, CHARGEABLE, 8, 1600),
        (UNBILLED, CHARGEABLE, -8, -1600),
        (BILLED, CHARGEABLE, 8, 1600),
    ]
    cost, original, reversal, billed = product.actuals()
    assert (cost["msdyn_billingstatus"], cost["msdyn_adjustmentstatus"]) == (None, None)
    assert original["msdyn_billingstatus"] == POSTED
    assert reversal["msdyn_adjustmentstatus"] == AdjustmentStatus.UNADJUSTABLE
    assert original["msdyn_amount"] + reversal["msdyn_amount"] == 0  # type: ignore[operator]
    assert (billed["msdyn_billingstatus"], billed["msdyn_invoice"]) == (POSTED, Link("invoice", invoice))
    assert net_unbilled(product) == 0
    assert billed["msdyn_accountingdate"] == original["msdyn_accountingdate"]
    assert product.row("invoice", invoice)["msdyn_projectinvoicestatus"] == InvoiceStatus.CONFIRMED
    with pytest.raises(Refused, match="no longer a draft"):
        product.confirm(invoice)


def test_scenario_48_fewer_hours_on_the_draft_bill_the_rest_as_non_chargeable(product: Fabrikam) -> None:
    _, invoice = confirmed(product, "6")
    assert product.ledger() == [
        COSTS,
        (UNBILLED, CHARGEABLE, 8, 1600),
        (UNBILLED, CHARGEABLE, -8, -1600),
        (BILLED, CHARGEABLE, 6, 1200),
        (BILLED, NON, 2, 400),
    ]
    assert net_unbilled(product) == 0
    assert product.row("invoice", invoice)["totalamount"] == 1200


def test_scenario_48_in_project_operations_makes_seven_rows(product: Fabrikam) -> None:
    product.switches.environment = Environment.PROJECT_OPERATIONS
    confirmed(product, "6")
    original, *made = product.actuals(UNBILLED) + product.actuals(BILLED)
    assert original["msdyn_adjustmentstatus"] == AdjustmentStatus.ADJUSTED
    assert len(made) == 7
    assert sorted(product.ledger()[2:]) == sorted(
        [
            (UNBILLED, CHARGEABLE, -8, -1600),
            (UNBILLED, CHARGEABLE, 6, 1200),
            (UNBILLED, NON, 2, 400),
            (UNBILLED, CHARGEABLE, -6, -1200),
            (UNBILLED, NON, -2, -400),
            (BILLED, CHARGEABLE, 6, 1200),
            (BILLED, NON, 2, 400),
        ]
    )
    assert net_unbilled(product) == 0


def test_project_operations_accounts_billed_sales_on_the_day_of_confirmation(product: Fabrikam) -> None:
    product.switches.environment = Environment.PROJECT_OPERATIONS
    _, invoice = invoiced(product)
    product.switches.failing[invoice] = "A deadlock."
    with pytest.raises(Refused, match="deadlock"):
        product.confirm(invoice)
    product.switches.failing.clear()
    product.confirm(invoice)
    (billed,) = product.actuals(BILLED)
    assert billed["msdyn_accountingdate"] == midnight(day_of(product.clock.now()))


def test_more_hours_on_the_draft_are_billed_as_they_stand(product: Fabrikam) -> None:
    confirmed(product, "10")
    assert product.ledger()[2:] == [(UNBILLED, CHARGEABLE, -8, -1600), (BILLED, CHARGEABLE, 10, 2000)]


def test_more_hours_in_project_operations_go_through_unbilled(product: Fabrikam) -> None:
    product.switches.environment = Environment.PROJECT_OPERATIONS
    confirmed(product, "10")
    assert product.ledger()[2:] == [
        (UNBILLED, CHARGEABLE, -8, -1600),
        (UNBILLED, CHARGEABLE, 10, 2000),
        (UNBILLED, CHARGEABLE, -10, -2000),
        (BILLED, CHARGEABLE, 10, 2000),
    ]


def test_scenario_54_only_a_confirmed_invoice_is_paid(product: Fabrikam) -> None:
    _, invoice = invoiced(product)
    with pytest.raises(Refused, match="isn't confirmed"):
        product.call("msdyn_InvoicePaid", invoice)
    assert product.row("invoice", invoice)["msdyn_projectinvoicestatus"] == InvoiceStatus.DRAFT
    product.confirm(invoice)
    product.call("msdyn_InvoicePaid", invoice)
    assert product.row("invoice", invoice)["msdyn_projectinvoicestatus"] == InvoiceStatus.PAID


def test_scenario_55_every_step_leaves_its_origins_and_connections(product: Fabrikam) -> None:
    """Submit, approve, invoice, confirm; then the draft of a correction, and its confirmation."""
    counts = []

    def count() -> None:
        tables = ("msdyn_transactionorigin", "msdyn_transactionconnection")
        counts.append(tuple(len(product.find(table)) for table in tables))

    count()
    _, approval = product.submitted_time()
    count()
    product.call("msdyn_ApprovalStatusApprove", approval)
    count()
    product.ready_all()
    invoice = product.invoice()
    count()
    product.confirm(invoice)
    count()
    correction = product.correction_of(invoice)
    count()
    product.confirm(correction)
    count()
    steps = [(after[0] - before[0], after[1] - before[1]) for before, after in itertools.pairwise(counts)]
    assert steps == [(2, 1), (4, 1), (2, 1), (7, 2), (5, 1), (13, 2)]
    rows = product.find("msdyn_transactionconnection")
    assert [(row["msdyn_transaction1role"], row["msdyn_transaction2role"]) for row in rows] == [
        ("Unbilled Sales", "Cost"),
        ("Unbilled Sales", "Cost"),
        ("Billed Sales", "Unbilled Sales"),
        ("Reversing", "Original"),
        ("Billed Sales", "Unbilled Sales"),
        ("Replacing", "Original"),
        ("Reversing", "Original"),
        ("Replacing", "Original"),
    ]
    origins = [
        (row["msdyn_origintype"], row["msdyn_transactiontype"]) for row in product.find("msdyn_transactionorigin")
    ]
    entry, line, detail, made = "msdyn_timeentry", "msdyn_journalline", "msdyn_invoicelinetransaction", "msdyn_actual"
    submit, approve, create = [(entry, line)] * 2, [(entry, made), (line, made)] * 2, [(entry, detail), (line, detail)]
    of_billed = [(of, made) for of in ("invoice", "invoicedetail", detail, entry, line)]
    post = [*of_billed, (entry, made), (line, made)]
    assert sorted(origins[:15]) == sorted(submit + approve + create + post)
