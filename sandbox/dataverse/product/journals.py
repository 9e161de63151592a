"""Posting journals (``msdyn_PostJournal``): entry journals, and corrections of approved time and expenses.

An entry journal's lines become actuals as they stand, without origins or connections
(actuals/create-confirm-entry-journals). A correction journal reverses the actuals of the entries chosen and makes them
anew with its own values (PSA/bulk-corrections; actuals/create-confirm-correction-journals); the entries are left as
they are (inferred). Which column says what entries were chosen is documented nowhere: here an origin row from the entry
to the journal does.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final
from uuid import UUID

from sandbox.dataverse.product import entries, ledger, traces
from sandbox.dataverse.product.cells import existing, instant, key, linked
from sandbox.dataverse.product.choices import JournalType
from sandbox.dataverse.product.entries import EXPENSE, TIME, Entry, EntryKind
from sandbox.dataverse.product.recreation import as_booked, recreate
from sandbox.dataverse.product.switches import Switches
from sandbox.dataverse.product.transactions import copied, create_actual
from sandbox.dataverse.unit_of_work import Link, Refused, Row, UnitOfWork

JOURNAL: Final = "msdyn_journal"
_CORRECTS: Final = {JournalType.TIME_CORRECTION: TIME, JournalType.EXPENSE_CORRECTION: EXPENSE}


def post(switches: Switches, work: UnitOfWork, id: UUID) -> None:
    """Confirm a journal, once."""
    work.lock(JOURNAL, id)
    journal = existing(work, JOURNAL, id)
    if journal.get("msdyn_isposted") is True:
        raise Refused("This journal can't be confirmed because it has been already.")
    if id in switches.failing:
        raise Refused(switches.failing[id])
    kind = journal.get("msdyn_journaltype")
    if kind == JournalType.ENTRY:
        _post_lines(work, id)
    elif isinstance(kind, int) and kind in _CORRECTS:
        _correct(switches, work, journal, _CORRECTS[kind])
    else:
        raise Refused("This journal can't be confirmed because it has no type.")
    work.update(JOURNAL, id, {"msdyn_isposted": True})


def _post_lines(work: UnitOfWork, journal: UUID) -> None:
    lines = work.find(traces.JOURNAL_LINE, msdyn_journal=Link(JOURNAL, journal))
    if not lines:
        raise Refused("This journal can't be confirmed because it has no lines.")
    for line in lines:
        own = ("msdyn_transactiontypecode", "msdyn_billingstatus")
        create_actual(work, copied(line) | {column: line.get(column) for column in own})
        work.update(traces.JOURNAL_LINE, key(line, traces.JOURNAL_LINE), {"msdyn_isposted": True})


def _correct(switches: Switches, work: UnitOfWork, journal: Row, kind: EntryKind) -> None:
    chosen = [
        origin.id
        for origin in traces.origins_of(work, Link(JOURNAL, key(journal, JOURNAL)))
        if origin.table == kind.table
    ]
    if not chosen:
        raise Refused("This journal can't be confirmed because no entries were chosen.")
    for id in chosen:
        entry = entries.read(work, kind, id)
        ledger.refuse_if_invoiced(work, entry, f"This {kind.noun} can't be corrected", also_on_a_draft=True)
        if not ledger.live(work, entry):
            raise Refused(f"This {kind.noun} can't be corrected because it has no actuals.")
        recreate(switches, work, _with_values_of(work, journal, as_booked(work, entry)), key(journal, JOURNAL))


def _with_values_of(work: UnitOfWork, journal: Row, entry: Entry) -> Entry:
    """The entry with what the journal says instead; the same for all entries of one journal."""
    expense_category = linked(journal, "msdyn_expensecategory")
    category = entry.category
    if expense_category is not None:
        category = linked(existing(work, "msdyn_expensecategory", expense_category), "msdyn_expensecategoryuid")
    return replace(
        entry,
        project=linked(journal, "msdyn_defaultproject") or entry.project,
        task=linked(journal, "msdyn_projecttask") or entry.task,
        role=linked(journal, "msdyn_resourcecategory") or entry.role,
        resource=linked(journal, "msdyn_bookableresource") or entry.resource,
        day=instant(journal, "msdyn_transactiondate") or entry.day,
        expense_category=expense_category or entry.expense_category,
        category=category,
    )
