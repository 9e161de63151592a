"""The full names of people, which the platform puts together from their parts."""

from __future__ import annotations

from sandbox.dataverse.catalog import Table
from sandbox.dataverse.unit_of_work import Cell, Row

_PARTS = ("firstname", "lastname")
_PEOPLE = frozenset({"contact", "systemuser"})


def fill(table: Table, cells: Row, before: Row | None) -> None:
    """Set ``fullname`` where a part of it is written, in place: first name, then last name.

    That is the order of an organisation as it is delivered in English; others (``fullnameconventioncode``) are not
    followed. Nobody may write the column but the company's loader, whose word stands on a new row.
    """
    if table.name not in _PEOPLE or cells.get("fullname") or not any(part in cells for part in _PARTS):
        return
    held: dict[str, Cell] = dict(before or {}) | cells
    cells["fullname"] = " ".join(str(held[part]) for part in _PARTS if held.get(part)) or None
