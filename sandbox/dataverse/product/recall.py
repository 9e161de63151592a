"""Taking a submitted or approved entry back: at once before approval, by the approver's leave after it.

After approval the request waits on the approval row; the approver's approve accepts it and reject refuses it
(PSA/recall-approved). Which stages the row has meanwhile is documented, what it has after a refusal is not: here it is
Approved again, as the entry stays so.
"""

from __future__ import annotations

from typing import Final
from uuid import UUID

from sandbox.dataverse.product import entries, journal_lines, ledger
from sandbox.dataverse.product.cells import existing, key
from sandbox.dataverse.product.choices import Stage
from sandbox.dataverse.product.entries import Entry, EntryKind
from sandbox.dataverse.product.switches import Creation, Switches
from sandbox.dataverse.unit_of_work import Cell, Link, Refused, Row, UnitOfWork

_APPROVAL: Final = "msdyn_projectapproval"


def recall(switches: Switches, work: UnitOfWork, kind: EntryKind, id: UUID) -> None:
    """Submitted: back to Draft; its open approval row and journal lines go away (inferred). Approved: requested."""
    work.lock(kind.table, id)
    entry = entries.read(work, kind, id)
    if entry.status == kind.approved:
        _request(switches, work, entry)
        return
    if entry.status != kind.submitted:
        raise Refused(f"This {kind.noun} can't be recalled because it is neither submitted nor approved.")
    for approval in _approvals(work, entry, Stage.SUBMITTED):
        work.delete(_APPROVAL, key(approval, _APPROVAL))
    journal_lines.withdraw(work, entry)
    entries.move(switches, work, entry, kind.draft)


def accept(switches: Switches, work: UnitOfWork, id: UUID) -> None:
    """The approval becomes Rejected, time Returned, an expense Rejected; what the product made is reversed."""
    entry = entries.of_approval(work, existing(work, _APPROVAL, id))
    ledger.refuse_if_invoiced(work, entry, "This recall can't be accepted", also_on_a_draft=True)
    if switches.actuals is not Creation.NEVER:
        ledger.withdraw(switches, work, ledger.live(work, entry))
    work.update(_APPROVAL, id, {"msdyn_recordstage": Stage.REJECTED, "msdyn_referencejournalline": None})
    journal_lines.withdraw(work, entry)
    entries.move(switches, work, entry, entry.kind.returned)


def refuse(switches: Switches, work: UnitOfWork, id: UUID) -> None:
    """The entry stays Approved, and so do its actuals."""
    entry = entries.of_approval(work, existing(work, _APPROVAL, id))
    work.update(_APPROVAL, id, {"msdyn_recordstage": Stage.APPROVED})
    entries.move(switches, work, entry, entry.kind.approved)


def _request(switches: Switches, work: UnitOfWork, entry: Entry) -> None:
    ledger.refuse_if_invoiced(work, entry, f"This {entry.kind.noun} can't be recalled", also_on_a_draft=True)
    for approval in _approvals(work, entry, Stage.APPROVED):
        work.update(_APPROVAL, key(approval, _APPROVAL), {"msdyn_recordstage": Stage.RECALL_REQUESTED})
    entries.move(switches, work, entry, entry.kind.recall_requested)


def _approvals(work: UnitOfWork, entry: Entry, stage: int) -> list[Row]:
    of_entry: dict[str, Cell] = {entry.kind.approval_lookup: Link(entry.kind.table, entry.id)}
    return work.find(_APPROVAL, **of_entry, msdyn_recordstage=stage)
