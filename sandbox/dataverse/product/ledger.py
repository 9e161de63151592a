"""The actuals of an entry: which of them count, and taking them back."""

from __future__ import annotations

from collections.abc import Iterable

from sandbox.dataverse.product import traces
from sandbox.dataverse.product.cells import key
from sandbox.dataverse.product.choices import AdjustmentStatus, BillingStatus, TransactionType
from sandbox.dataverse.product.entries import Entry
from sandbox.dataverse.product.switches import Switches
from sandbox.dataverse.product.transactions import create_actual, negated
from sandbox.dataverse.unit_of_work import Link, Refused, Row, UnitOfWork

_KINDS = (
    TransactionType.COST,
    TransactionType.UNBILLED_SALES,
    TransactionType.RESOURCING_UNIT_COST,
    TransactionType.INTER_ORGANIZATIONAL_SALES,
)
_SETTLED = (BillingStatus.INVOICE_POSTED, BillingStatus.CANCELED)


def of_entry(work: UnitOfWork, entry: Entry) -> list[Row]:
    """All actuals that came from an entry: by their origins, by its journal lines, and by what they are connected to.

    Other writers are kept off them.
    """
    source = Link(entry.kind.table, entry.id)
    found = traces.from_origin(work, source, traces.ACTUAL)
    for line in traces.from_origin(work, source, traces.JOURNAL_LINE):
        found += traces.from_origin(work, Link(traces.JOURNAL_LINE, line), traces.ACTUAL)
    found = list(dict.fromkeys(found))
    for id in found:
        more = traces.connecting_to(work, Link(traces.ACTUAL, id), traces.ACTUAL)
        found.extend(other for other in dict.fromkeys(more) if other not in found)
    for id in found:
        work.lock(traces.ACTUAL, id)
    rows = [work.get(traces.ACTUAL, id) for id in found]
    return [row for row in rows if row is not None]


def live(work: UnitOfWork, entry: Entry) -> list[Row]:
    """Costs, unbilled and inter-organizational sales that were neither taken back nor invoiced."""
    return [row for row in of_entry(work, entry) if is_live(row)]


def is_live(row: Row) -> bool:
    """A cost, unbilled or inter-organizational actual that is neither adjusted, nor an adjustment, nor settled."""
    return (
        row.get("msdyn_transactiontypecode") in _KINDS
        and row.get("msdyn_adjustmentstatus") is None
        and row.get("msdyn_billingstatus") not in _SETTLED
    )


def is_invoiced(work: UnitOfWork, entry: Entry, *, also_on_a_draft: bool) -> bool:
    """Whether sales of an entry are on an invoice, and no corrective invoice has credited them in full."""
    on_invoice = [BillingStatus.INVOICE_POSTED, *([BillingStatus.INVOICE_CREATED] if also_on_a_draft else [])]
    for row in of_entry(work, entry):
        if row.get("msdyn_adjustmentstatus") is not None:
            continue
        billed = row.get("msdyn_transactiontypecode") == TransactionType.BILLED_SALES
        if billed or (row.get("msdyn_billingstatus") in on_invoice and not _credited(work, row)):
            return True
    return False


def refuse_if_invoiced(work: UnitOfWork, entry: Entry, what: str, *, also_on_a_draft: bool) -> None:
    """An entry with sales on an invoice can't be taken back."""
    if is_invoiced(work, entry, also_on_a_draft=also_on_a_draft):
        raise Refused(f"{what} because the {entry.kind.noun} has already been invoiced.")


def withdraw(switches: Switches, work: UnitOfWork, rows: Iterable[Row]) -> None:
    """Take back these live actuals of an entry, whoever made them."""
    for row in rows:
        take_back(switches, work, row)


def take_back(switches: Switches, work: UnitOfWork, row: Row) -> None:
    """Reverse an actual that is not on an invoice: Adjusted and Canceled, against Unadjustable and Canceled."""
    work.update(
        traces.ACTUAL,
        key(row, traces.ACTUAL),
        {"msdyn_adjustmentstatus": AdjustmentStatus.ADJUSTED, "msdyn_billingstatus": BillingStatus.CANCELED},
    )
    reversal = _reversal(work, row, BillingStatus.CANCELED)
    if switches.reversals_traced:
        _trace(work, row, reversal)
    if switches.reversals_connected:
        _connect(work, row, reversal)


def reverse(work: UnitOfWork, row: Row, billing_status: int) -> Link:
    """The negated copy of an actual, Unadjustable, of the same entry and journal line, connected to it."""
    reversal = _reversal(work, row, billing_status)
    _trace(work, row, reversal)
    _connect(work, row, reversal)
    return reversal


def _reversal(work: UnitOfWork, row: Row, billing_status: int) -> Link:
    return create_actual(
        work,
        negated(row)
        | {
            "msdyn_transactiontypecode": row.get("msdyn_transactiontypecode"),
            "msdyn_adjustmentstatus": AdjustmentStatus.UNADJUSTABLE,
            "msdyn_billingstatus": billing_status,
            "msdyn_invoice": row.get("msdyn_invoice"),
        },
    )


def _trace(work: UnitOfWork, row: Row, reversal: Link) -> None:
    traces.inherit(work, Link(traces.ACTUAL, key(row, traces.ACTUAL)), reversal)


def _connect(work: UnitOfWork, row: Row, reversal: Link) -> None:
    original = Link(traces.ACTUAL, key(row, traces.ACTUAL))
    traces.connect(work, reversal, traces.REVERSING, original, traces.ORIGINAL)


def _credited(work: UnitOfWork, row: Row) -> bool:
    """Whether a posted actual was billed and all of that billed back: what it was billed as is itself adjusted."""
    billed = [
        other
        for id in traces.connecting_to(work, Link(traces.ACTUAL, key(row, traces.ACTUAL)), traces.ACTUAL)
        if (other := work.get(traces.ACTUAL, id)) is not None
        and other.get("msdyn_transactiontypecode") == TransactionType.BILLED_SALES
    ]
    return bool(billed) and all(other.get("msdyn_adjustmentstatus") == AdjustmentStatus.ADJUSTED for other in billed)
