"""Values ↔ the JSON Dataverse speaks: rows to ``Record``, intentions to request bodies."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from uuid import UUID

from connector.dataverse.changes import Record, Reference, Value
from connector.dataverse.metadata import OWNER, Metadata, Table
from connector.errors import Misconfigured

LOOKUP_TABLE = "@Microsoft.Dynamics.CRM.lookuplogicalname"
AMOUNT_TYPES = frozenset({"Money", "Decimal", "Double"})
WHOLE_TYPES = frozenset({"Integer", "BigInt", "Picklist", "State", "Status"})


def tables_named(table: str, values: Mapping[str, Value | tuple[Reference, ...]]) -> set[str]:
    """The tables whose set names are needed to write these values."""
    lists = [value if isinstance(value, tuple) else (value,) for value in values.values()]
    return {table} | {one.table for several in lists for one in several if isinstance(one, Reference)}


def to_wire(metadata: Metadata, table: Table, values: Mapping[str, Value], creating: bool) -> dict[str, object]:
    """The request body for these column values.

    A lookup is bound through its navigation property; an empty one clears it (and is left out when creating). Raises
    ``Misconfigured`` for an unknown name and ``TypeError`` for a value that cannot be sent exactly.
    """
    body: dict[str, object] = {}
    for column, value in values.items():
        if isinstance(value, float):
            raise TypeError(f"{table.name}.{column} was given a float, which is never exact: pass a Decimal.")
        if not table.is_lookup(column):
            if isinstance(value, Reference):
                raise TypeError(f"{table.name}.{column} is not a lookup and cannot hold {value}.")
            body[column] = value
        elif isinstance(value, Reference):
            body[f"{table.binding(column, value.table)}@odata.bind"] = link(metadata, value)
        elif value is not None:
            raise TypeError(f"{table.name}.{column} is a lookup: pass a Reference, which names the table as well.")
        elif not creating:
            body.update((f"{binding}@odata.bind", None) for binding in _bindings(table, column))
    return body


def parameters_to_wire(
    metadata: Metadata, parameters: Mapping[str, Value | tuple[Reference, ...]]
) -> dict[str, object]:
    """An action's parameters; a ``Reference`` is passed as the row it names, several as a list of rows."""
    body: dict[str, object] = {}
    for name, value in parameters.items():
        if isinstance(value, Reference):
            body[name] = _named(metadata, value)
        elif isinstance(value, tuple):
            body[name] = [_named(metadata, one) for one in value]
        else:
            body[name] = value
    return body


def _named(metadata: Metadata, row: Reference) -> dict[str, object]:
    target = metadata.table(row.table)
    return {"@odata.type": f"Microsoft.Dynamics.CRM.{target.name}", target.primary_id: row.id}


def link(metadata: Metadata, row: Reference) -> str:
    """The row's address below the service root, as bindings want it."""
    return f"/{metadata.table(row.table).set_name}({row.id})"


def to_record(table: Table, columns: Sequence[str], row: Mapping[str, object]) -> Record:
    """A row as answered → the record, with the asked-for columns only."""
    key = row.get(table.primary_id)
    if not isinstance(key, str):
        raise Misconfigured("unreadable-answer", f"A row of {table.name} came back without its {table.primary_id}.")
    values = {column: _value(table, column, row) for column in columns}
    return Record(Reference(table.name, UUID(key)), str(row.get("@odata.etag", "")), values)


def whole_row(table: Table, row: Mapping[str, object]) -> Record:
    """A row that came back unasked (an action's answer) → a record of every column we can read."""
    present = [
        column
        for column in table.columns
        if (f"_{column}_value" in row or column in row) and _is_readable(table, column, row)
    ]
    return to_record(table, present, row)


def _is_readable(table: Table, column: str, row: Mapping[str, object]) -> bool:
    value = row.get(column)
    if isinstance(value, Mapping | list):
        return False
    return column not in table.navigation or f"_{column}_value" in row


def _value(table: Table, column: str, row: Mapping[str, object]) -> Value:
    kind = table.type_of(column)
    wire_name = table.wire_name(column)
    raw = row.get(wire_name)
    if raw is None:
        return None
    try:
        if wire_name != column:
            return Reference(_target(table, column, row), UUID(str(raw)))
        if kind in AMOUNT_TYPES:
            return Decimal(str(raw))
        if kind in WHOLE_TYPES:
            return int(str(raw))
        if kind == "Uniqueidentifier":
            return UUID(str(raw))
        if kind == "DateTime":
            return _moment(str(raw))
    except (ValueError, ArithmeticError) as error:
        raise Misconfigured(
            "unreadable-answer", f"Dataverse answered {table.name}.{column} ({kind}) in an unknown shape."
        ) from error
    if isinstance(raw, bool | str | int | Decimal):
        return raw
    raise Misconfigured("unreadable-answer", f"Dataverse answered {table.name}.{column} ({kind}) in an unknown shape.")


def _target(table: Table, column: str, row: Mapping[str, object]) -> str:
    told = row.get(f"_{column}_value{LOOKUP_TABLE}")
    if isinstance(told, str):
        return told
    targets = list(table.navigation.get(column, {}))
    if len(targets) == 1 and targets != [OWNER]:
        return targets[0]
    raise Misconfigured("unreadable-answer", f"Dataverse did not say which table {table.name}.{column} points at.")


def _moment(text: str) -> datetime | date:
    """Ten characters are a date of the calendar; everything else is an instant."""
    if len(text) == len("2000-01-31"):
        return date.fromisoformat(text)
    moment = datetime.fromisoformat(text)
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def _bindings(table: Table, column: str) -> list[str]:
    """Clearing a lookup needs no target: one binding suffices, the first by name."""
    bindings = sorted(table.navigation.get(column, {}).values())
    if not bindings:
        raise Misconfigured("unknown-binding", f"{table.name}.{column} cannot be cleared: no relation known.")
    return bindings[:1]
