"""Pricing dimensions: what a person's price depends on, and the row of a price list that fits best.

Rows of ``msdyn_dimension`` say which columns count, for cost and for sales, and in which order; without any, role and
organizational unit do, as an installation begins. A column that an administrator adds has the same name on the entry
and the price tables (PSA/field-references), unless a ``msdyn_dimensionfieldname`` says another for a table (inferred).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from sandbox.dataverse.product.cells import key, text
from sandbox.dataverse.product.entries import TIME, Entry
from sandbox.dataverse.product.switches import Switches
from sandbox.dataverse.unit_of_work import Cell, Link, Row, UnitOfWork

ROLE: Final = "msdyn_resourcecategory"
UNIT: Final = "msdyn_organizationalunit"
_MARKUP: Final = 192350001
"""``msdyn_dimension.msdyn_type``; the other kind is based on amounts."""


@dataclass(frozen=True, slots=True)
class Dimension:
    """One thing a price depends on: by which column, what the entry has there, and whether it only marks up."""

    column: str
    value: Cell
    marks_up: bool


def dimensions(switches: Switches, work: UnitOfWork, entry: Entry, table: str, *, cost: bool) -> list[Dimension]:
    """What the entry's price depends on in a price table, the weightiest first."""
    rows = work.find("msdyn_dimension", statecode=0)
    if not rows:
        return [Dimension(ROLE, _of(entry, ROLE, ROLE), False), Dimension(UNIT, _of(entry, UNIT, UNIT), False)]
    applies, priority = (
        ("msdyn_applicabletocost", "msdyn_costpriority") if cost else ("msdyn_applicabletosales", "msdyn_salespriority")
    )

    def weight(row: Row) -> tuple[bool, int]:
        number = row.get(priority)
        if not isinstance(number, int):
            return True, 0
        return False, number if switches.first_priority_is_lowest else -number

    found = []
    for row in sorted((row for row in rows if row.get(applies) is True), key=weight):
        name = text(row, "msdyn_name").lower()
        on_entry, on_price = (_column(work, row, name, of) for of in (TIME.table, table))
        found.append(Dimension(on_price, _of(entry, name, on_entry), row.get("msdyn_type") == _MARKUP))
    return found


def best(rows: Sequence[Row], by: Sequence[Dimension]) -> Row | None:
    """The row that has the entry's values or none, an equal value in a weightier dimension first.

    ``None`` where every row has some other value, or no value at all.
    """
    weighed = [
        (tuple(row.get(dimension.column) is None for dimension in by), number)
        for number, row in enumerate(rows)
        if all(row.get(dimension.column) in (None, dimension.value) for dimension in by)
    ]
    weighed = [entry for entry in weighed if not all(entry[0])]
    return rows[min(weighed)[1]] if weighed else None


def _column(work: UnitOfWork, dimension: Row, name: str, table: str) -> str:
    of_dimension = Link("msdyn_dimension", key(dimension, "msdyn_dimension"))
    for row in work.find("msdyn_dimensionfieldname", msdyn_dimensionid=of_dimension, msdyn_entitylogicalname=table):
        return text(row, "msdyn_fieldname").lower()
    return name


def _of(entry: Entry, name: str, column: str) -> Cell:
    """The entry's value for a dimension; those of the product are known by their names."""
    known = {
        ROLE: ("bookableresourcecategory", entry.role),
        UNIT: ("msdyn_organizationalunit", entry.resource_unit),
        "msdyn_bookableresource": ("bookableresource", entry.resource),
        "msdyn_transactioncategory": ("msdyn_transactioncategory", entry.category),
    }
    if name not in known:
        return entry.own.get(column)
    table, id = known[name]
    return None if id is None else Link(table, id)
