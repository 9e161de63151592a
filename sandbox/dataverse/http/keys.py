"""The row a URL names: by its id, or by an alternate key (``accounts(accountnumber='x',statecode=0)``)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from uuid import UUID

from sandbox.dataverse.catalog import Column, Key, Table
from sandbox.dataverse.odata.tokens import Literal, tokenize
from sandbox.dataverse.odata.values import as_cell
from sandbox.dataverse.refusals import bad_query, missing, missing_by_key, no_key, no_property
from sandbox.dataverse.transaction import Transaction
from sandbox.dataverse.unit_of_work import Cell, Link, Refused, Row

GUID = re.compile(r"\{?([0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12})\}?")
DANGEROUS = re.compile(r"[<>*%&:\\?+/]")
"""Characters in a key's text with which Dataverse cannot be asked by that key (define-alternate-keys-entity)."""


@dataclass(frozen=True, slots=True)
class Address:
    """A row as the URL names it. ``id`` is ``None`` when no row has the values of the alternate key."""

    table: Table
    id: UUID | None
    key: str
    values: Row
    """The values of the alternate key; empty when the row is named by its id."""

    @property
    def path(self) -> str:
        """The address under the service root: an alternate key stays as it was given."""
        return f"{self.table.set_name}({self.key})"

    def missing(self) -> Refused:
        """The refusal when there is no such row."""
        return missing_by_key(self.table.name) if self.id is None else missing(self.table.name, self.id)

    def existing(self) -> UUID:
        """The row's id; refused when no row has the key's values."""
        if self.id is None:
            raise self.missing()
        return self.id


def locate(uow: Transaction, table: Table, key: str) -> Address:
    """The row named by what stands between the parentheses of ``set(…)``."""
    named = key.removeprefix(f"{table.id_column}=").strip()
    match = GUID.fullmatch(named)
    if match:
        id = UUID(match.group(1))
        return Address(table, id, str(id), {})
    if "=" not in key:
        raise Refused(
            f"The key in the request URI is not valid for resource 'Microsoft.Dynamics.CRM.{table.name}': '{key}' is "
            "no GUID.",
            "0x80060888",
        )
    pairs = [(_column(table, name), value) for name, value in _pairs(key).items()]
    _active(table, {column.name for column, _ in pairs})
    if any(isinstance(value, str) and DANGEROUS.search(value) for _, value in pairs):
        raise Refused("A potentially dangerous Request.Path value was detected from the client.", "0x80060888")
    values: Row = {}
    for target in _targets([column for column, _ in pairs]):
        values = {column.name: _cell(column, value, target) for column, value in pairs}
        found = uow.find(table.name, **values)
        if found:
            return Address(table, UUID(str(found[0][table.id_column])), key, values)
    return Address(table, None, key, values)


def _pairs(key: str) -> dict[str, Literal]:
    tokens = tokenize(key)
    pairs: dict[str, Literal] = {}
    for at in range(0, len(tokens), 4):
        name, equals, value, end = tokens[at : at + 4] if len(tokens) >= at + 4 else (tokens[0],) * 4
        well = name.kind == "name" and equals.text == "=" and value.kind == "literal" and name.text not in pairs
        if not well or (end.kind, end.text) not in (("end", ""), ("mark", ",")):
            raise bad_query(f"Bad Request - Error in query syntax: '{key}' is no key.")
        pairs[name.text] = value.value
    return pairs


def _column(table: Table, name: str) -> Column:
    column = table.properties.get(name) or table.columns.get(name)
    if column is None:
        raise no_property(name, table.name)
    return column


def _active(table: Table, names: set[str]) -> Key:
    for key in table.keys:
        if set(key.columns) == names and key.status == "Active":
            return key
    raise no_key(table.name, sorted(names))


def _targets(columns: list[Column]) -> list[str]:
    """Tables a lookup in the key may point to; one empty name when there is no such lookup."""
    return next((list(column.to) for column in columns if column.kind == "lookup"), [""])


def _cell(column: Column, value: Literal, target: str) -> Cell:
    if column.kind == "lookup" and isinstance(value, UUID):
        return Link(target if target in column.to else next(iter(column.to)), value)
    return as_cell(column, value)
