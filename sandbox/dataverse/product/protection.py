"""What the product does not let a caller of the Web API write, though the platform would.

Its own acts are not asked. Columns of one's own (another prefix than ``msdyn_``) may always be written.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Final
from uuid import UUID

from sandbox.dataverse.product import entries, traces
from sandbox.dataverse.product.authority import as_product
from sandbox.dataverse.product.cells import is_own
from sandbox.dataverse.product.choices import InvoiceStatus
from sandbox.dataverse.product.contract_state import contract_changes
from sandbox.dataverse.product.entries import EXPENSE, TIME, EntryKind
from sandbox.dataverse.product.invoice_totals import follow_edits
from sandbox.dataverse.product.switches import Environment, Switches
from sandbox.dataverse.unit_of_work import Cell, Link, Refused, Row, UnitOfWork

Guard = Callable[[UnitOfWork, UUID | None, Mapping[str, Cell]], None]
ACTUALS_REFUSED: Final = (
    "The product doesn't support creating actuals either manually or through customizations. Use entry journals to "
    "create new actuals and Correct entries update existing actuals. More information is available at "
    "https://aka.ms/EntryJournals."
)
"""Project Operations since update release 55 (actuals/create-update-actuals)."""
_CONFIRMED: Final = (InvoiceStatus.CONFIRMED, InvoiceStatus.PAID)
_DESCRIPTIONS: Final = ("msdyn_description", "msdyn_externaldescription")


def guards(switches: Switches) -> Mapping[str, Guard]:
    """By table: what is asked before a caller's row is created (id ``None``) or updated. Raises ``Refused``."""
    return {
        traces.ACTUAL: partial(_actual, switches),
        TIME.table: partial(_entry, switches, TIME),
        EXPENSE.table: partial(_entry, switches, EXPENSE),
        "invoice": _invoice,
        "invoicedetail": _line,
        "salesorder": partial(contract_changes, switches),
        traces.INVOICE_LINE_DETAIL: partial(_detail, switches),
    }


def _actual(switches: Switches, work: UnitOfWork, id: UUID | None, values: Mapping[str, Cell]) -> None:
    """In Project Operations an actual is made and marked by the product's acts only; its descriptions may be edited."""
    if switches.environment is not Environment.PROJECT_OPERATIONS:
        return
    row = None if id is None else work.get(traces.ACTUAL, id)
    if row is None or [column for column in _changed(row, values) if column not in _DESCRIPTIONS]:
        raise Refused(ACTUALS_REFUSED)


def _entry(switches: Switches, kind: EntryKind, work: UnitOfWork, id: UUID | None, values: Mapping[str, Cell]) -> None:
    """Only a draft entry, or one that was sent back, may be edited (PSA/time-entry-extensibility-v3)."""
    row = None if id is None else work.get(kind.table, id)
    if id is None or row is None or not switches.entries_locked or not _changed(row, values):
        return
    if entries.read(work, kind, id).status not in (kind.draft, kind.returned):
        raise Refused(f"This {kind.noun} can't be edited because it has been submitted.")


def _invoice(work: UnitOfWork, id: UUID | None, values: Mapping[str, Cell]) -> None:
    """A confirmed invoice is read-only, and its status moves by the product's acts."""
    row = None if id is None else work.get("invoice", id)
    if row is None:
        return
    changed = _changed(row, values)
    if changed and row.get("msdyn_projectinvoicestatus") in _CONFIRMED:
        raise Refused("This invoice can't be edited because it has been confirmed.")
    if values.get("msdyn_projectinvoicestatus") in _CONFIRMED:
        raise Refused("Invalid invoice status: an invoice is confirmed and paid by its own actions.")


def _line(work: UnitOfWork, id: UUID | None, values: Mapping[str, Cell]) -> None:
    """The lines of a confirmed invoice are read-only, and none is added."""
    row = None if id is None else work.get("invoicedetail", id)
    _refuse_if_confirmed(work, "invoiceid", row, values, "invoice line")


def _detail(switches: Switches, work: UnitOfWork, id: UUID | None, values: Mapping[str, Cell]) -> None:
    """The details of a confirmed invoice are read-only, and none is added."""
    row = None if id is None else work.get(traces.INVOICE_LINE_DETAIL, id)
    _refuse_if_confirmed(work, "msdyn_invoice", row, values, "invoice line detail")
    with as_product(work):
        follow_edits(switches, work, row, (row or {}) | dict(values))


def _refuse_if_confirmed(work: UnitOfWork, lookup: str, row: Row | None, values: Mapping[str, Cell], what: str) -> None:
    if row is not None and not _changed(row, values):
        return
    for holder in (row or {}, values):
        invoice = holder.get(lookup)
        header = work.get("invoice", invoice.id) if isinstance(invoice, Link) else None
        if header is not None and header.get("msdyn_projectinvoicestatus") in _CONFIRMED:
            raise Refused(f"This {what} can't be edited because its invoice has been confirmed.")


def _changed(row: Row, values: Mapping[str, Cell]) -> list[str]:
    """The product's and the platform's columns that would hold something else afterwards."""
    return [column for column, value in values.items() if not is_own(column) and row.get(column) != value]
