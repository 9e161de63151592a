"""The acceptance scenarios about approval, where the product itself makes the actuals. Numbers are the scenarios'."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import TYPE_CHECKING
from uuid import UUID

import pytest

from sandbox.dataverse.product import Creation, Environment
from sandbox.dataverse.product.choices import (
    AdjustmentStatus,
    BillingStatus,
    BillingType,
    ExpenseStatus,
    Stage,
    TimeStatus,
    TimeType,
    TransactionClass,
    TransactionType,
)
from sandbox.dataverse.seed import USERS
from sandbox.dataverse.unit_of_work import Link, Refused

if TYPE_CHECKING:
    from tests.sandbox.dataverse.product.conftest import Fabrikam

COST, UNBILLED, BILLED = TransactionType.COST, TransactionType.UNBILLED_SALES, TransactionType.BILLED_SALES
CHARGEABLE, NON, GIVEN = BillingType.CHARGEABLE, BillingType.NON_CHARGEABLE, BillingType.COMPLIMENTARY
APPROVAL = "msdyn_projectapproval"
SETS = "msdyn_ProcessProjectApprovalSets"
APPROVE, CANCEL = 192350003, 192350004


def approve(fabrikam: Fabrikam, approval: UUID) -> None:
    fabrikam.call("msdyn_ApprovalStatusApprove", approval)


def cancel(fabrikam: Fabrikam, approval: UUID) -> None:
    fabrikam.call(SETS, ActionType=CANCEL, ProjectApprovals=[{"msdyn_projectapprovalid": str(approval)}])


def approved(fabrikam: Fabrikam, project: str | None = "T", minutes: int = 480, **changes: object) -> tuple[UUID, UUID]:
    entry, approval = fabrikam.submitted_time(project, minutes=minutes)
    if changes:
        fabrikam.update(APPROVAL, approval, changes)  # type: ignore[arg-type]
    approve(fabrikam, approval)
    return entry, approval


def assert_reversed(fabrikam: Fabrikam) -> None:
    """Every original is Adjusted, every reversal Unadjustable, and all of them Canceled."""
    for row in fabrikam.find("msdyn_actual"):
        is_original = isinstance(row["msdyn_quantity"], Decimal) and row["msdyn_quantity"] > 0
        adjusted = AdjustmentStatus.ADJUSTED if is_original else AdjustmentStatus.UNADJUSTABLE
        assert (row["msdyn_adjustmentstatus"], row["msdyn_billingstatus"]) == (adjusted, BillingStatus.CANCELED)


def backlog(fabrikam: Fabrikam) -> int:
    """How many unbilled sales may still be marked or invoiced."""
    return sum(
        row["msdyn_adjustmentstatus"] is None and row["msdyn_billingstatus"] in (None, BillingStatus.READY)
        for row in fabrikam.actuals(UNBILLED)
    )


def test_scenario_1_eight_hours_become_one_cost_and_one_chargeable_unbilled_sale(product: Fabrikam) -> None:
    approved(product)
    assert product.ledger() == [(COST, CHARGEABLE, 8, 800), (UNBILLED, CHARGEABLE, 8, 1600)]
    for row in product.find("msdyn_actual"):
        assert (row["msdyn_billingstatus"], row["msdyn_adjustmentstatus"]) == (None, None)
        assert row["msdyn_transactionclassification"] == TransactionClass.TIME
        assert row["msdyn_accountingdate"] == row["msdyn_documentdate"]


def test_scenario_2_hours_the_approver_cuts_are_non_chargeable_at_the_same_price(product: Fabrikam) -> None:
    approved(product, msdyn_salesquantity=Decimal(6))
    assert product.ledger() == [(COST, CHARGEABLE, 8, 800), (UNBILLED, CHARGEABLE, 6, 1200), (UNBILLED, NON, 2, 400)]


def test_scenario_3_hours_the_approver_adds_are_billed_but_cost_nothing(product: Fabrikam) -> None:
    approved(product, msdyn_salesquantity=Decimal(10))
    assert product.ledger() == [(COST, CHARGEABLE, 8, 800), (UNBILLED, CHARGEABLE, 10, 2000)]


def test_scenario_4_on_a_fixed_price_line_there_is_cost_only(product: Fabrikam) -> None:
    approved(product, "F")
    assert product.ledger() == [(COST, CHARGEABLE, 8, 800)]


def test_scenario_5_an_internal_project_has_cost_only_and_no_contract(product: Fabrikam) -> None:
    approved(product, "I")
    assert [entry[0::2] for entry in product.ledger()] == [(COST, 8)]
    (row,) = product.find("msdyn_actual")
    assert (row["msdyn_amount"], row["msdyn_salescontract"], row["msdyn_salescontractlineid"]) == (800, None, None)


def test_scenario_7_a_role_that_is_not_chargeable_does_not_touch_the_expense_of_the_day(product: Fabrikam) -> None:
    with product.building() as builder:
        builder.role_on_line("T", "Developer", NON)
    approved(product, minutes=300)
    _, expense = product.submitted_expense()
    approve(product, expense)
    assert product.ledger() == [
        (COST, NON, 5, 500),
        (COST, CHARGEABLE, 1, 120),
        (UNBILLED, NON, 5, 1000),
        (UNBILLED, CHARGEABLE, 1, 120),
    ]


def test_scenario_8_complimentary_hours_are_shown_and_not_charged(product: Fabrikam) -> None:
    approved(product, minutes=120, msdyn_billingtype=GIVEN)
    assert [entry for entry in product.ledger() if entry[0] == UNBILLED] == [(UNBILLED, GIVEN, 2, 400)]
    approved(product, minutes=60)
    product.ready_all()
    invoice = product.invoice()
    assert len(product.details(invoice)) == 2
    assert product.row("invoice", invoice)["totalamount"] == 200


def test_scenario_9_two_lines_that_claim_an_entry_bill_nothing(product: Fabrikam) -> None:
    with product.building() as builder:
        builder.project_line("T", "K", product.dollar, key="T again")
    approved(product)
    assert product.ledger() == [(COST, BillingType.NOT_AVAILABLE, 8, 800)]
    assert backlog(product) == 0


def test_scenario_10_an_expense_no_line_includes_costs_and_is_not_available(product: Fabrikam) -> None:
    product.update("salesorderdetail", product.line, {"msdyn_includeexpense": False})
    _, approval = product.submitted_expense()
    approve(product, approval)
    assert product.ledger() == [(COST, BillingType.NOT_AVAILABLE, 1, 120)]


def test_scenario_16_an_entry_on_its_way_reads_submitted_with_its_target_and_has_no_actuals(product: Fabrikam) -> None:
    product.switches.approval_sets_after = timedelta(minutes=1)
    entry, approval = product.submitted_time()
    product.switches.failing[approval] = "A deadlock."
    product.call(SETS, ActionType=APPROVE, ProjectApprovals=[{"msdyn_projectapprovalid": str(approval)}])
    row = product.row("msdyn_timeentry", entry)
    assert (row["msdyn_entrystatus"], row["msdyn_targetentrystatus"]) == (TimeStatus.SUBMITTED, TimeStatus.APPROVED)
    assert product.find("msdyn_actual") == []
    product.wait(timedelta(minutes=1))
    (made,) = product.find("msdyn_approvalset")
    assert (made["statuscode"], made["msdyn_description"]) == (192350003, "A deadlock.")
    assert product.row(APPROVAL, approval)["msdyn_recordstage"] == Stage.SUBMITTED
    product.switches.failing.clear()
    product.wait(timedelta(minutes=5))
    assert product.row("msdyn_timeentry", entry)["msdyn_entrystatus"] == TimeStatus.APPROVED
    assert product.find("msdyn_approvalset")[0]["statuscode"] == 192350004
    assert len(product.ledger()) == 2


@pytest.mark.parametrize(("act", "stage"), [(192350001, Stage.REJECTED), (APPROVE, Stage.APPROVED)])
def test_a_set_is_carried_out_later_as_its_approver(product: Fabrikam, act: int, stage: int) -> None:
    product.switches.approval_sets_after = timedelta(minutes=1)
    _, approval = product.submitted_time()
    product.call(SETS, ActionType=act, ProjectApprovals=[{"msdyn_projectapprovalid": str(approval)}])
    assert product.row(APPROVAL, approval)["msdyn_recordstage"] == Stage.SUBMITTED
    product.wait(timedelta(minutes=1))
    row = product.row(APPROVAL, approval)
    assert row["msdyn_recordstage"] == stage
    if stage == Stage.APPROVED:
        assert row["msdyn_approvedby"] == Link("systemuser", USERS["approver"])


def test_a_set_that_keeps_failing_stays_failed(product: Fabrikam) -> None:
    product.switches.approval_sets_after = timedelta(minutes=1)
    _, approval = product.submitted_time()
    product.switches.failing[approval] = "A deadlock."
    product.call(SETS, ActionType=APPROVE, ProjectApprovals=[{"msdyn_projectapprovalid": str(approval)}])
    for _ in range(5):
        product.wait(timedelta(minutes=5))
    (made,) = product.find("msdyn_approvalset")
    assert (made["statuscode"], made["msdyn_lifetime"]) == (192350003, 3)


def test_scenario_17_approved_vacation_makes_no_actuals(product: Fabrikam) -> None:
    with product.building() as builder:
        done = builder.submitted_time(None, "Ada", 480, product.day, type=TimeType.VACATION)
    approve(product, done.approval)
    assert product.row("msdyn_timeentry", done.id)["msdyn_entrystatus"] == TimeStatus.APPROVED
    assert product.find("msdyn_actual") == []


def test_scenario_28_a_cancelled_approval_reverses_cost_and_sales(product: Fabrikam) -> None:
    entry, approval = approved(product)
    cancel(product, approval)
    assert product.ledger() == [
        (COST, CHARGEABLE, 8, 800),
        (COST, CHARGEABLE, -8, -800),
        (UNBILLED, CHARGEABLE, 8, 1600),
        (UNBILLED, CHARGEABLE, -8, -1600),
    ]
    assert_reversed(product)
    assert product.row(APPROVAL, approval)["msdyn_recordstage"] == Stage.SUBMITTED
    assert product.row("msdyn_timeentry", entry)["msdyn_entrystatus"] == TimeStatus.SUBMITTED
    assert sum(amount for kind, _, _, amount in product.ledger() if kind == UNBILLED) == 0
    assert backlog(product) == 0


def test_what_was_cancelled_can_be_approved_again_and_is_there_once(product: Fabrikam) -> None:
    _, approval = approved(product)
    cancel(product, approval)
    approve(product, approval)
    live = [row for row in product.find("msdyn_actual") if row["msdyn_adjustmentstatus"] is None]
    assert [row["msdyn_amount"] for row in live] == [800, 1600]


@pytest.mark.parametrize("kind", ["time", "expense"])
def test_scenario_30_an_accepted_recall_reverses_and_sends_back(product: Fabrikam, kind: str) -> None:
    entry, approval = product.submitted_time() if kind == "time" else product.submitted_expense()
    approve(product, approval)
    product.recall(kind, entry)
    approve(product, approval)
    assert product.row(APPROVAL, approval)["msdyn_recordstage"] == Stage.REJECTED
    if kind == "time":
        assert product.row("msdyn_timeentry", entry)["msdyn_entrystatus"] == TimeStatus.RETURNED
    else:
        assert product.row("msdyn_expense", entry)["msdyn_expensestatus"] == ExpenseStatus.REJECTED
    assert [entry[2:] for entry in product.ledger()] == (
        [(8, 800), (-8, -800), (8, 1600), (-8, -1600)]
        if kind == "time"
        else [(1, 120), (-1, -120), (1, 120), (-1, -120)]
    )
    assert_reversed(product)
    assert backlog(product) == 0


def test_scenario_30_a_refused_recall_changes_nothing(product: Fabrikam) -> None:
    entry, approval = approved(product)
    product.recall("time", entry)
    product.call("msdyn_ApprovalStatusReject", approval)
    assert product.row(APPROVAL, approval)["msdyn_recordstage"] == Stage.APPROVED
    assert product.row("msdyn_timeentry", entry)["msdyn_entrystatus"] == TimeStatus.APPROVED
    assert product.ledger() == [(COST, CHARGEABLE, 8, 800), (UNBILLED, CHARGEABLE, 8, 1600)]


def test_an_entry_on_a_draft_is_not_recalled(product: Fabrikam) -> None:
    entry, _ = approved(product)
    product.ready_all()
    product.invoice()
    with pytest.raises(Refused, match="already been invoiced"):
        product.recall("time", entry)


def test_actuals_may_come_a_while_after_the_approval(product: Fabrikam) -> None:
    product.switches.actuals = Creation.LATER
    approved(product)
    assert product.find("msdyn_actual") == []
    product.wait(timedelta(seconds=61))
    assert product.ledger() == [(COST, CHARGEABLE, 8, 800), (UNBILLED, CHARGEABLE, 8, 1600)]
    product.wait(timedelta(seconds=61))
    assert len(product.ledger()) == 2


def test_in_project_operations_approval_makes_the_same(product: Fabrikam) -> None:
    product.switches.environment = Environment.PROJECT_OPERATIONS
    approved(product)
    assert product.ledger() == [(COST, CHARGEABLE, 8, 800), (UNBILLED, CHARGEABLE, 8, 1600)]
