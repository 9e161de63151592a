"""A withdrawn approval takes its actuals back: originals are marked, and negated copies are added.

Originals become *Adjusted* and *Canceled*; the copies carry negated quantity and amount, *Unadjustable* and *Canceled*
(PSA/cancel-approval). Nothing is ever deleted.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

from mappings import keys, links, tables
from mappings.choices import AdjustmentStatus, BillingStatus
from mappings.ledger import ACTUAL_COLUMNS, Actual
from mappings.tables import Cell, ChangedRow, NewRow, Ref

_NEGATED = ("msdyn_quantity", "msdyn_amount", "msdyn_basisquantity", "msdyn_basisamount")


@dataclass(frozen=True, slots=True)
class Reversal:
    """What takes one actual back: the mark on the original, the negated copy, and the rows that tie them."""

    original: ChangedRow
    created: tuple[NewRow, ...]


def reversal_of(actual: Actual, sources: tuple[Ref | None, ...], columns: Iterable[str] = ACTUAL_COLUMNS) -> Reversal:
    """Take back one live actual that came from ``sources``, an entry and a journal line. ``columns`` are carried on."""
    copy = Ref(tables.ACTUAL, keys.reversal_id(actual.id))
    cells: dict[str, Cell] = {
        column: value for column in columns if (value := actual.row.cells.get(column)) is not None
    }
    for column in _NEGATED:
        value = cells.get(column)
        if isinstance(value, Decimal):
            cells[column] = -value
    cells["msdyn_adjustmentstatus"] = AdjustmentStatus.UNADJUSTABLE
    cells["msdyn_billingstatus"] = BillingStatus.CANCELED
    return Reversal(
        original=ChangedRow(
            actual.row.ref,
            actual.row.version,
            {"msdyn_adjustmentstatus": AdjustmentStatus.ADJUSTED, "msdyn_billingstatus": BillingStatus.CANCELED},
        ),
        created=(NewRow(copy, cells), *links.origins(sources, copy.id), links.reversing(copy.id, actual.id)),
    )
