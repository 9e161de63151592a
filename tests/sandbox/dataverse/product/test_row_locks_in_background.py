"""Background jobs of the product among callers who hold the same rows: they wait, lose, and are done later, whole."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from uuid import UUID

import pytest

from sandbox.dataverse.product.choices import ApprovalAct, SetStatus, Stage
from sandbox.dataverse.product.switches import Creation, Switches
from sandbox.dataverse.row_locks import RowLocks
from sandbox.dataverse.transaction import Transaction
from sandbox.dataverse.unit_of_work import Link, Refused, Written
from tests.sandbox.dataverse.product.conftest import Fabrikam

LONG = 20.0
MINUTE = timedelta(minutes=1)


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor() as pool:
        yield pool


def approve_later(product: Fabrikam, approval: UUID) -> None:
    member = {"@odata.type": "Microsoft.Dynamics.CRM.msdyn_projectapproval", "msdyn_projectapprovalid": str(approval)}
    name = "msdyn_ProcessProjectApprovalSets"
    product.call(name, ActionType=ApprovalAct.APPROVE, ProjectApprovals=[member], NoteLogName="later")


def with_locks(product: Fabrikam) -> RowLocks:
    locks = product.server.organisation.row_locks
    locks.enabled, locks.timeout = True, 2 * MINUTE
    return locks


def test_a_background_job_that_waits_too_long_leaves_nothing_half_done_and_runs_again(pool: ThreadPoolExecutor) -> None:
    product = Fabrikam(Switches(actuals=Creation.AT_ONCE, approval_sets_after=MINUTE))
    entry, approval = product.submitted_time()
    approve_later(product, approval)
    locks = with_locks(product)
    project = product.row("msdyn_timeentry", entry)["msdyn_project"]
    assert isinstance(project, Link)
    locks.holds = {"msdyn_actual": timedelta(hours=1)}

    def caller() -> None:
        with product.server.transaction() as work:
            work.create("msdyn_actual", {"msdyn_project": project})

    holder = pool.submit(caller)
    assert locks.reached(LONG, writing=1)
    product.clock.advance(MINUTE)
    job = pool.submit(product.background.run_due)
    assert locks.reached(LONG, writing=1, waiting=1)
    product.clock.advance(3 * MINUTE)
    with pytest.raises(Refused) as told:
        job.result(LONG)
    assert told.value.code == "0x80044151"
    assert product.row("msdyn_projectapproval", approval)["msdyn_recordstage"] == Stage.SUBMITTED
    assert product.find("msdyn_actual") == []
    product.clock.advance(timedelta(hours=1))
    holder.result(LONG)
    locks.holds = {}
    product.background.run_due()
    (done,) = product.find("msdyn_approvalset")
    assert done["statuscode"] == SetStatus.COMPLETED
    assert len(product.find("msdyn_actual")) == 3  # the caller's, and cost and unbilled sales of the entry


def test_a_step_that_refuses_in_a_background_job_takes_all_of_the_job_back() -> None:
    product = Fabrikam(Switches(actuals=Creation.AT_ONCE, approval_sets_after=MINUTE))
    _, approval = product.submitted_time()
    approve_later(product, approval)

    def refuse(_: Transaction, write: Written) -> None:
        if write.table == "msdyn_actual":
            raise Refused("No.")

    product.server.organisation.on_write = refuse
    product.wait(MINUTE)
    (failed,) = product.find("msdyn_approvalset")
    assert (failed["statuscode"], failed["msdyn_description"]) == (SetStatus.FAILED, "No.")
    assert product.find("msdyn_actual") == []
    assert product.row("msdyn_projectapproval", approval)["msdyn_recordstage"] == Stage.SUBMITTED
    product.server.organisation.on_write = None
    product.wait(product.switches.approval_set_retry)
    assert len(product.find("msdyn_actual")) == 2


def test_of_two_who_approve_the_same_entry_at_once_one_does(pool: ThreadPoolExecutor) -> None:
    product = Fabrikam(Switches(actuals=Creation.AT_ONCE))
    entry, _ = product.submitted_time()
    locks = with_locks(product)
    locks.timeout, locks.holds = timedelta(hours=9), {"msdyn_actual": timedelta(hours=1)}

    def approve() -> None:
        product.call("msdyn_TimeEntriesApprove", TimeEntryIds=str(entry))

    first = pool.submit(approve)
    assert locks.reached(LONG, writing=1)
    second = pool.submit(approve)
    assert locks.reached(LONG, writing=1, waiting=1)
    locks.holds = {}
    product.clock.advance(timedelta(hours=1))
    first.result(LONG)
    with pytest.raises(Refused, match="isn't waiting for approval"):
        second.result(LONG)
    assert len(product.find("msdyn_actual")) == 2


def test_an_invoice_does_not_take_what_is_cancelled_while_it_waits(pool: ThreadPoolExecutor) -> None:
    product = Fabrikam(Switches(actuals=Creation.AT_ONCE))
    _, approval = product.submitted_time()
    product.call("msdyn_ApprovalStatusApprove", approval)
    product.ready_all()
    locks = with_locks(product)
    locks.timeout, locks.holds = timedelta(hours=9), {"msdyn_transactionorigin": timedelta(hours=1)}

    def cancel() -> None:
        members = [{"msdyn_projectapprovalid": str(approval)}]
        name = "msdyn_ProcessProjectApprovalSets"
        product.call(name, ActionType=ApprovalAct.CANCEL, ProjectApprovals=members)

    cancelling = pool.submit(cancel)
    assert locks.reached(LONG, writing=1)
    invoicing = pool.submit(product.invoice)
    assert locks.reached(LONG, writing=1, waiting=1)
    locks.holds = {}
    product.clock.advance(timedelta(hours=1))
    cancelling.result(LONG)
    with pytest.raises(Refused, match="no past dated transactions"):
        invoicing.result(LONG)
    assert product.find("invoice") == []
