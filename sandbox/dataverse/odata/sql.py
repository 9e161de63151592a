"""A filter's tree → SQL over the store, with every literal checked against its column's type.

A comparison with an empty column is false, except ``ne``, which is true for it: a filter is never "unknown".
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any
from uuid import UUID

from sandbox.dataverse.catalog import Catalog, Column, Table
from sandbox.dataverse.cells import DECIMALS, INTEGERS, TEXTS, encode
from sandbox.dataverse.odata.tokens import Literal
from sandbox.dataverse.odata.tree import Comparison, Condition, Junction, Membership, Not, TextMatch
from sandbox.dataverse.refusals import bad_query, no_property, unsupported
from sandbox.dataverse.unit_of_work import Cell

SYMBOLS = {"eq": "=", "ne": "<>", "gt": ">", "ge": ">=", "lt": "<", "le": "<="}
KINDS = {"eq": "Equal", "ne": "NotEqual", "gt": "GreaterThan", "lt": "LessThan"} | {
    "ge": "GreaterThanOrEqual",
    "le": "LessThanOrEqual",
}


def edm_type(column: Column) -> str:
    """The OData type of the property."""
    if column.kind in ("id", "guid", "lookup"):
        return "Edm.Guid"
    if column.kind in TEXTS:
        return "Edm.String"
    if column.kind == "bigint":
        return "Edm.Int64"
    if column.kind in INTEGERS:
        return "Edm.Int32"
    if column.kind == "double":
        return "Edm.Double"
    if column.kind in DECIMALS:
        return "Edm.Decimal"
    if column.kind == "boolean":
        return "Edm.Boolean"
    return "Edm.Date" if column.date_only else "Edm.DateTimeOffset"


def literal_type(value: Literal) -> str:
    """The OData type of a literal."""
    if isinstance(value, bool):
        return "Edm.Boolean"
    if isinstance(value, datetime):
        return "Edm.DateTimeOffset"
    names = {str: "Edm.String", int: "Edm.Int32", Decimal: "Edm.Decimal", UUID: "Edm.Guid", date: "Edm.Date"}
    return names.get(type(value), "null")


@dataclass(slots=True)
class Sql:
    """Builds one condition; ``parameters`` fill its question marks in order."""

    catalog: Catalog
    table: Table
    parameters: list[Any] = field(default_factory=list)

    def condition(self, tree: Condition) -> str:
        """The SQL of a tree."""
        if isinstance(tree, Junction):
            return "(" + f" {tree.word.upper()} ".join([self.condition(part) for part in tree.parts]) + ")"
        if isinstance(tree, Not):
            return f"NOT coalesce({self.condition(tree.part)}, 0)"
        names = tree.path.names
        if len(names) == 1:
            return self._leaf(self.table, tree)
        return self._behind(names, tree)

    def _behind(self, names: Sequence[str], tree: Comparison | TextMatch | Membership) -> str:
        if len(names) > 2:
            raise unsupported(f"filters over more than one navigation property ({'/'.join(names)})")
        lookup, target = navigation(self.catalog, self.table, names[0])
        near, far = f'"{self.table.name}"."{lookup.name}"', f'"{target.name}"."{target.id_column}"'
        if target.name == self.table.name:
            raise unsupported(f"filters over a navigation property back to the same table ({names[0]})")
        condition = self._leaf(target, tree)
        return f'EXISTS (SELECT 1 FROM "{target.name}" WHERE {far} = {near} AND {condition})'  # noqa: S608

    def _leaf(self, table: Table, tree: Comparison | TextMatch | Membership) -> str:
        column = self._column(table, tree)
        name = f'"{table.name}"."{column.name}"'
        if isinstance(tree, Comparison):
            return self._comparison(column, name, tree)
        if isinstance(tree, TextMatch):
            return self._text(column, name, tree)
        values = [self._listed(column, value, tree.as_text) for value in tree.values]
        self.parameters += values
        return f"{name} IN ({','.join('?' * len(values))})" if values else "0"

    def _column(self, table: Table, tree: Comparison | TextMatch | Membership) -> Column:
        name = tree.path.names[-1]
        column = table.properties.get(name)
        if column is None and isinstance(tree, Membership) and tree.as_text:
            column = table.columns.get(name)
        if column is None:
            raise no_property(name, table.name)
        return column

    def _comparison(self, column: Column, name: str, tree: Comparison) -> str:
        if tree.value is None:
            if tree.operator not in ("eq", "ne"):
                raise self._mismatch(column, tree.value, tree.operator)
            return f"{name} IS {'NOT ' if tree.operator == 'ne' else ''}NULL"
        if column.kind in ("id", "guid", "lookup", "boolean") and tree.operator not in ("eq", "ne"):
            raise self._mismatch(column, tree.value, tree.operator)
        self.parameters.append(encode(column, self._cell(column, tree.value, tree.operator)))
        comparison = f"{name} {SYMBOLS[tree.operator]} ?"
        return f"({comparison} OR {name} IS NULL)" if tree.operator == "ne" else comparison

    def _text(self, column: Column, name: str, tree: TextMatch) -> str:
        if column.kind not in TEXTS:
            raise bad_query(
                f"No function signature for the function with name '{tree.function}' matches the specified arguments: "
                f"'{tree.path}' is {edm_type(column)}, not Edm.String."
            )
        escaped = tree.text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
        before = "" if tree.function == "startswith" else "%"
        after = "" if tree.function == "endswith" else "%"
        self.parameters.append(f"{before}{escaped}{after}")
        return f"{name} LIKE ? ESCAPE '\\'"

    def _listed(self, column: Column, value: Literal, as_text: bool) -> Any:
        if as_text and isinstance(value, str):
            return encode(column, _from_text(column, value))
        return encode(column, self._cell(column, value, "eq"))

    def _cell(self, column: Column, value: Literal, operator: str) -> Cell:
        edm = edm_type(column)
        if edm == literal_type(value) and column.kind != "datetime":
            return value
        if isinstance(value, int) and not isinstance(value, bool):
            if column.kind in DECIMALS:
                return Decimal(value)
            if column.kind == "bigint":
                return value
        if edm == "Edm.Date" and type(value) is date:
            return value
        if edm == "Edm.DateTimeOffset" and isinstance(value, date):
            return value if isinstance(value, datetime) else datetime(value.year, value.month, value.day, tzinfo=UTC)
        raise self._mismatch(column, value, operator)

    def _mismatch(self, column: Column, value: Literal, operator: str) -> Exception:
        return bad_query(
            f"A binary operator with incompatible types was detected. Found operand types '{edm_type(column)}' and "
            f"'{literal_type(value)}' for operator kind '{KINDS[operator]}'."
        )


def _from_text(column: Column, text: str) -> Cell:
    try:
        if column.kind in ("id", "guid", "lookup"):
            return UUID(text)
        if column.kind in INTEGERS:
            return int(text)
        if column.kind in DECIMALS:
            return Decimal(text)
    except (ValueError, InvalidOperation):
        raise bad_query(f"'{text}' is not a value of '{column.property_name}' ({edm_type(column)}).") from None
    if column.kind in TEXTS:
        return text
    raise unsupported(f"Microsoft.Dynamics.CRM.In on {edm_type(column)} columns")


def navigation(catalog: Catalog, table: Table, name: str) -> tuple[Column, Table]:
    """The lookup behind a single-valued navigation property, and the table it leads to."""
    found = table.navigations.get(name)
    if found is None:
        raise no_property(name, table.name)
    lookup, targets = found
    if len(targets) != 1:
        raise unsupported(f"following '{name}', which may lead to {' or '.join(sorted(targets))}")
    target = catalog.find(next(iter(targets)))
    if target is None:
        raise unsupported(f"following '{name}': the table {next(iter(targets))} is not part of it")
    return lookup, target
