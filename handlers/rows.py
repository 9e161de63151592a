"""Rows cross here between the two languages: the rules' (``mappings``) and Dataverse's (``connector``)."""

from __future__ import annotations

from connector.dataverse.changes import Create, Record, Reference, Update, Value
from mappings.row import Row
from mappings.tables import Cell, ChangedRow, NewRow, Ref


def row(record: Record) -> Row:
    """A record as the rules read it."""
    return Row(_ref(record.row), record.etag, {column: _cell(value) for column, value in record.values.items()})


def create(new: NewRow) -> Create:
    """The intention to create a planned row."""
    return Create(reference(new.row), {column: _value(cell) for column, cell in new.values.items()})


def update(changed: ChangedRow) -> Update:
    """The intention to change a row that is still as it was read."""
    values = {column: _value(cell) for column, cell in changed.values.items()}
    return Update(reference(changed.row), values, changed.version)


def reference(ref: Ref) -> Reference:
    """A row's name in Dataverse's language."""
    return Reference(ref.table, ref.id)


def _ref(reference: Reference) -> Ref:
    return Ref(reference.table, reference.id)


def _cell(value: Value) -> Cell:
    return _ref(value) if isinstance(value, Reference) else value


def _value(cell: Cell) -> Value:
    return reference(cell) if isinstance(cell, Ref) else cell
