"""The product's actions by name, and how each reads its parameters."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Final
from uuid import UUID

from sandbox.dataverse.product import (
    approval,
    approval_sets,
    parameters,
    ready_marking,
    recall,
    scheduled_invoicing,
    submission,
)
from sandbox.dataverse.product.approval_sets import Decision
from sandbox.dataverse.product.authority import by_the_product
from sandbox.dataverse.product.cells import key
from sandbox.dataverse.product.entries import EXPENSE, TIME, EntryKind
from sandbox.dataverse.product.invoice_confirmation import confirm, pay
from sandbox.dataverse.product.invoice_correction import correct
from sandbox.dataverse.product.invoice_creation import create_invoice
from sandbox.dataverse.product.invoice_totals import recalculate_draft
from sandbox.dataverse.product.journals import JOURNAL, post
from sandbox.dataverse.product.schedule_generation import SCHEDULE, generate_milestones, generate_schedule
from sandbox.dataverse.product.switches import Switches
from sandbox.dataverse.refusals import unsupported
from sandbox.dataverse.unit_of_work import ActionBinding, Link, Refused, UnitOfWork

Parameters = Mapping[str, object]
_ENTRIES: Final = (("TimeEntries", TIME, "TimeEntryIds"), ("ExpenseEntries", EXPENSE, "ExpenseEntryIds"))
_UNSUPPORTED: Final = (
    ("msdyn_ReevaluateActualNotToExceedStatus", None, "not-to-exceed limits: their columns are published nowhere"),
    ("msdyn_revise", None, "msdyn_revise, whose parameters are published nowhere; msdyn_CorrectInvoice corrects"),
    ("msdyn_AddInvoiceLineDetails", "invoice", "adding to a draft what became ready after it was made"),
    ("msdyn_ExportActual", None, "the export of actuals"),
    ("msdyn_TimeEntriesPendingApproval", None, "the stage Pending, which modern approvals no longer use"),
    ("msdyn_ExpenseEntriesPendingApproval", None, "the stage Pending, which modern approvals no longer use"),
)
"""Actions the product has and this sandbox does not, with what it lacks."""


def _submit(
    switches: Switches, kind: EntryKind, ids: str, work: UnitOfWork, _bound: UUID | None, given: Parameters
) -> None:
    for id in parameters.ids(given, ids):
        submission.submit(work, kind, id, switches=switches)


def _recall(
    switches: Switches, kind: EntryKind, ids: str, work: UnitOfWork, _bound: UUID | None, given: Parameters
) -> None:
    for id in parameters.ids(given, ids):
        recall.recall(switches, work, kind, id)


def _decide_on(
    decision: Decision,
    switches: Switches,
    kind: EntryKind,
    ids: str,
    work: UnitOfWork,
    _bound: UUID | None,
    given: Parameters,
) -> None:
    for id in parameters.ids(given, ids):
        row = submission.open_approval(work, kind, id)
        if row is None:
            raise Refused(f"The {kind.noun} {id} can't be decided on because it isn't waiting for approval.")
        decision(switches, work, key(row, approval.APPROVAL))


def _decide(decision: Decision, switches: Switches, work: UnitOfWork, bound: UUID | None, _given: Parameters) -> None:
    decision(switches, work, _bound_to(bound))


def _process_approval_sets(switches: Switches, work: UnitOfWork, _bound: UUID | None, given: Parameters) -> None:
    act = approval_sets.known(parameters.whole_number(given, "ActionType"))
    note = given.get("NoteLogName")
    ids = parameters.rows(given, "ProjectApprovals", approval.APPROVAL)
    approval_sets.process(switches, work, act, ids, note if isinstance(note, str) else None)


def _decide_on_expense(
    decision: Decision, switches: Switches, work: UnitOfWork, bound: UUID | None, _given: Parameters
) -> None:
    row = submission.open_approval(work, EXPENSE, _bound_to(bound))
    if row is None:
        raise Refused(f"The expense entry {bound} isn't waiting for approval.")
    decision(switches, work, key(row, approval.APPROVAL))


def _submit_expense(switches: Switches, work: UnitOfWork, id: UUID) -> None:
    submission.submit(work, EXPENSE, id, switches=switches)


def _refuse(what: str, _work: UnitOfWork, _bound: UUID | None, _given: Parameters) -> None:
    raise unsupported(what)


def _create_invoice(switches: Switches, work: UnitOfWork, bound: UUID | None, _given: Parameters) -> Link:
    return Link("invoice", create_invoice(switches, work, _bound_to(bound)))


def _on_row(act: Callable[[UnitOfWork, UUID], None], work: UnitOfWork, bound: UUID | None, _given: Parameters) -> None:
    act(work, _bound_to(bound))


def _run_schedules(switches: Switches, work: UnitOfWork, bound: UUID | None, given: Parameters) -> None:
    scheduled_invoicing.carry_out(
        switches, work, _bound_to(bound), parameters.rows(given, "InvoiceSchedules", SCHEDULE)
    )


def _correct_invoice(work: UnitOfWork, bound: UUID | None, _given: Parameters) -> Link:
    return Link("invoice", correct(work, _bound_to(bound)))


def _bound_to(id: UUID | None) -> UUID:
    if id is None:
        raise Refused("This action is called on a row.")
    return id


def actions(switches: Switches) -> tuple[ActionBinding, ...]:
    """Every action this sandbox knows; any other name is unknown to it, and refused."""
    known = (
        ActionBinding("msdyn_TimeEntriesSubmit", None, partial(_submit, switches, TIME, "TimeEntryIds")),
        ActionBinding("msdyn_ExpenseEntriesSubmit", None, partial(_submit, switches, EXPENSE, "ExpenseEntryIds")),
        ActionBinding("msdyn_TimeEntriesRecall", None, partial(_recall, switches, TIME, "TimeEntryIds")),
        ActionBinding("msdyn_ExpenseEntriesRecall", None, partial(_recall, switches, EXPENSE, "ExpenseEntryIds")),
        *(
            ActionBinding(f"msdyn_{name}{act}", None, partial(_decide_on, decision, switches, kind, ids))
            for name, kind, ids in _ENTRIES
            for act, decision in (("Approve", approval.approve), ("Reject", approval.reject))
        ),
        ActionBinding("msdyn_ApprovalStatusApprove", approval.APPROVAL, partial(_decide, approval.approve, switches)),
        ActionBinding("msdyn_ApprovalStatusReject", approval.APPROVAL, partial(_decide, approval.reject, switches)),
        ActionBinding("msdyn_ExpenseSubmitAction", EXPENSE.table, partial(_on_row, partial(_submit_expense, switches))),
        ActionBinding(
            "msdyn_ExpenseApproveAction", EXPENSE.table, partial(_decide_on_expense, approval.approve, switches)
        ),
        ActionBinding(
            "msdyn_ExpenseRejectAction", EXPENSE.table, partial(_decide_on_expense, approval.reject, switches)
        ),
        ActionBinding("msdyn_ProcessProjectApprovalSets", None, partial(_process_approval_sets, switches)),
        ActionBinding("msdyn_NewInvoiceContract", "salesorder", partial(_create_invoice, switches)),
        ActionBinding(scheduled_invoicing.ACTION, "salesorder", partial(_run_schedules, switches)),
        ActionBinding(
            "msdyn_GenerateContractLineInvoiceSchedule",
            "salesorderdetail",
            partial(_on_row, partial(generate_schedule, switches)),
        ),
        ActionBinding(
            "msdyn_GenerateContractLineScheduleOfValues",
            "salesorderdetail",
            partial(_on_row, partial(generate_milestones, switches)),
        ),
        ActionBinding("msdyn_PostJournal", JOURNAL, partial(_on_row, partial(post, switches))),
        ActionBinding(ready_marking.ACTION, None, partial(ready_marking.mark, switches)),
        ActionBinding("msdyn_InvoiceRecalculate", "invoice", partial(_on_row, recalculate_draft)),
        ActionBinding("msdyn_PostInvoice", "invoice", partial(_on_row, partial(confirm, switches))),
        ActionBinding("msdyn_InvoicePaid", "invoice", partial(_on_row, pay)),
        ActionBinding("msdyn_CorrectInvoice", "invoice", _correct_invoice),
    )
    refused = tuple(ActionBinding(name, table, partial(_refuse, what)) for name, table, what in _UNSUPPORTED)
    return tuple(ActionBinding(one.name, one.bound_to, by_the_product(one.run)) for one in known + refused)


ACTIONS: Final = actions(Switches())
"""The actions with every switch at rest."""
