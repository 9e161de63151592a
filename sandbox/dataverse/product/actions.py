"""The product's actions by name, and how each reads its parameters."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Final
from uuid import UUID

from sandbox.dataverse.product import approval, parameters, submission
from sandbox.dataverse.product.cells import key
from sandbox.dataverse.product.choices import ApprovalAct
from sandbox.dataverse.product.entries import EXPENSE, TIME, EntryKind
from sandbox.dataverse.product.invoice_creation import create_invoice
from sandbox.dataverse.product.switches import Switches
from sandbox.dataverse.unit_of_work import ActionBinding, Link, Refused, UnitOfWork

Parameters = Mapping[str, object]
_DECISIONS: Final[Mapping[int, Callable[[UnitOfWork, UUID], None]]] = {
    ApprovalAct.REJECT: approval.reject,
    ApprovalAct.APPROVE: approval.approve,
    ApprovalAct.CANCEL: approval.cancel,
}


def _submit(kind: EntryKind, ids: str, work: UnitOfWork, _bound: UUID | None, given: Parameters) -> None:
    for id in parameters.ids(given, ids):
        submission.submit(work, kind, id)


def _recall(kind: EntryKind, ids: str, work: UnitOfWork, _bound: UUID | None, given: Parameters) -> None:
    for id in parameters.ids(given, ids):
        submission.recall(work, kind, id)


def _approve(kind: EntryKind, ids: str, work: UnitOfWork, _bound: UUID | None, given: Parameters) -> None:
    for id in parameters.ids(given, ids):
        row = submission.open_approval(work, kind, id)
        if row is None:
            raise Refused(f"The {kind.noun} {id} can't be approved because it isn't waiting for approval.")
        approval.approve(work, key(row, approval.APPROVAL))


def _decide(
    decision: Callable[[UnitOfWork, UUID], None], work: UnitOfWork, bound: UUID | None, _given: Parameters
) -> None:
    decision(work, _bound_to(bound))


def _process_approval_sets(work: UnitOfWork, _bound: UUID | None, given: Parameters) -> None:
    """Decide on several approvals at once: here all of them at once or none, without the set's background job."""
    act = parameters.whole_number(given, "ActionType")
    decision = _DECISIONS.get(act)
    if decision is None:
        known = ", ".join(str(number) for number in _DECISIONS)
        raise Refused(f"ActionType {act} isn't supported; use one of {known}.")
    for id in parameters.rows(given, "ProjectApprovals", approval.APPROVAL):
        decision(work, id)


def _create_invoice(switches: Switches, work: UnitOfWork, bound: UUID | None, _given: Parameters) -> Link:
    return Link("invoice", create_invoice(work, _bound_to(bound), switches.invoice_race))


def _bound_to(id: UUID | None) -> UUID:
    if id is None:
        raise Refused("This action is called on a row.")
    return id


def actions(switches: Switches) -> tuple[ActionBinding, ...]:
    """Every action this sandbox knows; any other name is unknown to it, and refused."""
    return (
        ActionBinding("msdyn_TimeEntriesSubmit", None, partial(_submit, TIME, "TimeEntryIds")),
        ActionBinding("msdyn_ExpenseEntriesSubmit", None, partial(_submit, EXPENSE, "ExpenseEntryIds")),
        ActionBinding("msdyn_TimeEntriesRecall", None, partial(_recall, TIME, "TimeEntryIds")),
        ActionBinding("msdyn_ExpenseEntriesRecall", None, partial(_recall, EXPENSE, "ExpenseEntryIds")),
        ActionBinding("msdyn_TimeEntriesApprove", None, partial(_approve, TIME, "TimeEntryIds")),
        ActionBinding("msdyn_ExpenseEntriesApprove", None, partial(_approve, EXPENSE, "ExpenseEntryIds")),
        ActionBinding("msdyn_ApprovalStatusApprove", approval.APPROVAL, partial(_decide, approval.approve)),
        ActionBinding("msdyn_ApprovalStatusReject", approval.APPROVAL, partial(_decide, approval.reject)),
        ActionBinding("msdyn_ProcessProjectApprovalSets", None, _process_approval_sets),
        ActionBinding("msdyn_NewInvoiceContract", "salesorder", partial(_create_invoice, switches)),
    )


ACTIONS: Final = actions(Switches())
"""The actions with every switch at rest."""
