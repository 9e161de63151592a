"""Approve, reject, cancel: who ends in which state, and what is refused."""

from __future__ import annotations

from datetime import UTC
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest

from sandbox.dataverse.product.choices import BillingStatus, BillingType, ExpenseStatus, Stage, TimeStatus
from sandbox.dataverse.seed import USERS
from sandbox.dataverse.unit_of_work import Link, Refused

if TYPE_CHECKING:
    from tests.sandbox.dataverse.product.conftest import Fabrikam

APPROVAL = "msdyn_projectapproval"
SETS = "msdyn_ProcessProjectApprovalSets"
REJECT, APPROVE, CANCEL = 192350001, 192350003, 192350004


def test_approving_time_moves_approval_and_entry_and_says_who_and_when(fabrikam: Fabrikam) -> None:
    entry, approval = fabrikam.submitted_time()
    fabrikam.call("msdyn_ApprovalStatusApprove", approval, user="approver")
    row = fabrikam.row(APPROVAL, approval)
    assert row["msdyn_recordstage"] == Stage.APPROVED
    assert row["msdyn_approvedby"] == Link("systemuser", USERS["approver"])
    approved_on = row["msdyn_approvedon"]
    assert getattr(approved_on, "tzinfo", None) is UTC
    assert fabrikam.row("msdyn_timeentry", entry)["msdyn_entrystatus"] == TimeStatus.APPROVED


def test_approving_an_expense_moves_it_to_its_own_approved_status(fabrikam: Fabrikam) -> None:
    entry, approval = fabrikam.submitted_expense()
    fabrikam.call("msdyn_ExpenseEntriesApprove", ExpenseEntryIds=str(entry), CorrelationId="")
    assert fabrikam.row(APPROVAL, approval)["msdyn_recordstage"] == Stage.APPROVED
    assert fabrikam.row("msdyn_expense", entry)["msdyn_expensestatus"] == ExpenseStatus.APPROVED


def test_approval_makes_no_actual_in_this_environment(fabrikam: Fabrikam) -> None:
    _, approval = fabrikam.submitted_time()
    fabrikam.call("msdyn_ApprovalStatusApprove", approval)
    assert fabrikam.find("msdyn_actual") == []


def test_the_approver_may_cut_the_billable_hours_first(fabrikam: Fabrikam) -> None:
    """Scenario 2, its shape before actuals."""
    entry, approval = fabrikam.submitted_time()
    fabrikam.update(APPROVAL, approval, {"msdyn_salesquantity": Decimal(6)})
    fabrikam.call("msdyn_TimeEntriesApprove", TimeEntryIds=str(entry), CorrelationId="")
    row = fabrikam.row(APPROVAL, approval)
    assert (row["msdyn_costquantity"], row["msdyn_salesquantity"], row["msdyn_salesamount"]) == (8, 6, 1200)


def test_the_approver_may_give_hours_away(fabrikam: Fabrikam) -> None:
    """Scenario 8, its shape before actuals."""
    _, approval = fabrikam.submitted_time(minutes=120)
    fabrikam.update(APPROVAL, approval, {"msdyn_billingtype": BillingType.COMPLIMENTARY})
    fabrikam.call("msdyn_ApprovalStatusApprove", approval)
    assert fabrikam.row(APPROVAL, approval)["msdyn_billingtype"] == BillingType.COMPLIMENTARY


def test_writing_the_record_stage_directly_completes_nothing(fabrikam: Fabrikam) -> None:
    entry, approval = fabrikam.submitted_time()
    fabrikam.update(APPROVAL, approval, {"msdyn_recordstage": Stage.APPROVED})
    assert fabrikam.row("msdyn_timeentry", entry)["msdyn_entrystatus"] == TimeStatus.SUBMITTED
    assert fabrikam.row(APPROVAL, approval)["msdyn_approvedon"] is None


def test_vacation_is_approved_like_any_entry(fabrikam: Fabrikam) -> None:
    """Scenario 17, its shape after approval."""
    entry, approval = fabrikam.submitted_time(project=None)
    fabrikam.call("msdyn_ApprovalStatusApprove", approval)
    assert fabrikam.row("msdyn_timeentry", entry)["msdyn_entrystatus"] == TimeStatus.APPROVED


def test_rejected_time_is_returned_and_a_rejected_expense_is_rejected(fabrikam: Fabrikam) -> None:
    time, of_time = fabrikam.submitted_time()
    expense, of_expense = fabrikam.submitted_expense()
    fabrikam.call("msdyn_ApprovalStatusReject", of_time)
    fabrikam.call("msdyn_ApprovalStatusReject", of_expense)
    assert fabrikam.row("msdyn_timeentry", time)["msdyn_entrystatus"] == TimeStatus.RETURNED
    assert fabrikam.row("msdyn_expense", expense)["msdyn_expensestatus"] == ExpenseStatus.REJECTED
    assert fabrikam.row(APPROVAL, of_time)["msdyn_recordstage"] == Stage.REJECTED
    assert fabrikam.find("msdyn_journalline") == []


def test_a_returned_entry_can_be_submitted_again_under_a_new_approval(fabrikam: Fabrikam) -> None:
    entry, first = fabrikam.submitted_time()
    fabrikam.call("msdyn_ApprovalStatusReject", first)
    fabrikam.call("msdyn_TimeEntriesSubmit", TimeEntryIds=str(entry), CorrelationId="")
    approvals = fabrikam.find(APPROVAL, msdyn_timeentry=Link("msdyn_timeentry", entry))
    assert [row["msdyn_recordstage"] for row in approvals] == [Stage.REJECTED, Stage.SUBMITTED]
    assert len(fabrikam.journal_lines("msdyn_timeentry", entry)) == 2


def test_a_cancelled_approval_waits_again_and_so_does_its_entry(fabrikam: Fabrikam) -> None:
    """Scenario 28, the part that is the product's own."""
    entry, approval = fabrikam.submitted_time()
    fabrikam.call("msdyn_ApprovalStatusApprove", approval)
    fabrikam.call(SETS, ActionType=CANCEL, ProjectApprovals=[_item(approval)], NoteLogName="demo")
    row = fabrikam.row(APPROVAL, approval)
    assert (row["msdyn_recordstage"], row["msdyn_approvedon"], row["msdyn_approvedby"]) == (Stage.SUBMITTED, None, None)
    assert fabrikam.row("msdyn_timeentry", entry)["msdyn_entrystatus"] == TimeStatus.SUBMITTED


@pytest.mark.parametrize("status", [BillingStatus.INVOICE_CREATED, BillingStatus.INVOICE_POSTED])
def test_an_invoiced_entry_cannot_have_its_approval_cancelled(fabrikam: Fabrikam, status: int) -> None:
    entry, approval = fabrikam.submitted_time()
    fabrikam.call("msdyn_ApprovalStatusApprove", approval)
    fabrikam.ready_actual("8", "200", origins=(Link("msdyn_timeentry", entry),), status=status)
    with pytest.raises(Refused, match="already been invoiced"):
        fabrikam.call(SETS, ActionType=CANCEL, ProjectApprovals=[_item(approval)], NoteLogName="demo")
    assert fabrikam.row(APPROVAL, approval)["msdyn_recordstage"] == Stage.APPROVED


def test_an_entry_that_is_only_ready_can_still_be_cancelled(fabrikam: Fabrikam) -> None:
    entry, approval = fabrikam.submitted_time()
    fabrikam.call("msdyn_ApprovalStatusApprove", approval)
    fabrikam.ready_actual("8", "200", origins=(Link("msdyn_timeentry", entry),))
    fabrikam.call(SETS, ActionType=CANCEL, ProjectApprovals=[_item(approval)], NoteLogName="demo")
    assert fabrikam.row(APPROVAL, approval)["msdyn_recordstage"] == Stage.SUBMITTED


def test_an_approval_set_decides_on_many_at_once(fabrikam: Fabrikam) -> None:
    entries = [fabrikam.submitted_time() for _ in range(3)]
    fabrikam.call(SETS, ActionType=APPROVE, ProjectApprovals=[_item(a) for _, a in entries], NoteLogName="demo")
    assert all(
        fabrikam.row("msdyn_timeentry", entry)["msdyn_entrystatus"] == TimeStatus.APPROVED for entry, _ in entries
    )


@pytest.mark.parametrize("act", ["msdyn_ApprovalStatusApprove", "msdyn_ApprovalStatusReject"])
def test_a_decision_is_made_once(fabrikam: Fabrikam, act: str) -> None:
    _, approval = fabrikam.submitted_time()
    fabrikam.call("msdyn_ApprovalStatusApprove", approval)
    with pytest.raises(Refused, match="isn't waiting for approval"):
        fabrikam.call(act, approval)


def test_what_was_never_approved_cannot_be_cancelled(fabrikam: Fabrikam) -> None:
    _, approval = fabrikam.submitted_time()
    with pytest.raises(Refused, match="hasn't been approved"):
        fabrikam.call(SETS, ActionType=CANCEL, ProjectApprovals=[_item(approval)], NoteLogName="demo")


@pytest.mark.parametrize(
    ("parameters", "complaint"),
    [
        ({"ActionType": 7, "ProjectApprovals": [{}]}, "isn't supported"),
        ({"ActionType": APPROVE}, "ProjectApprovals"),
        ({"ProjectApprovals": [{}]}, "ActionType"),
        ({"ActionType": APPROVE, "ProjectApprovals": [{"name": "x"}]}, "msdyn_projectapprovalid"),
    ],
)
def test_an_approval_set_with_wrong_parameters_is_refused(
    fabrikam: Fabrikam, parameters: dict[str, object], complaint: str
) -> None:
    with pytest.raises(Refused, match=complaint):
        fabrikam.call_with(SETS, parameters)


def test_an_approval_that_is_not_there_is_not_found(fabrikam: Fabrikam) -> None:
    with pytest.raises(Refused, match="Does Not Exist") as refused:
        fabrikam.call("msdyn_ApprovalStatusApprove", USERS["approver"])
    assert refused.value.status == 404


def _item(approval: object) -> dict[str, str]:
    return {"msdyn_projectapprovalid": str(approval), "@odata.type": "Microsoft.Dynamics.CRM.msdyn_projectapproval"}
