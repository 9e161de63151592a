"""A filter's tree → SQL over the store, with every literal checked against its column's type.

A comparison with an empty column is false, except ``ne``, which is true for it: a filter is never "unknown".
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from sandbox.dataverse.catalog import Catalog, Column, Table
from sandbox.dataverse.cells import TEXTS, encode
from sandbox.dataverse.odata.tokens import Literal
from sandbox.dataverse.odata.tree import Comparison, Condition, Junction, Membership, Not, TextMatch
from sandbox.dataverse.odata.values import as_cell, edm_type, from_text, literal_type, mismatch
from sandbox.dataverse.refusals import bad_query, no_property, unsupported

SYMBOLS = {"eq": "=", "ne": "<>", "gt": ">", "ge": ">=", "lt": "<", "le": "<="}


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
                raise mismatch(edm_type(column), literal_type(tree.value), tree.operator)
            return f"{name} IS {'NOT ' if tree.operator == 'ne' else ''}NULL"
        if column.kind in ("id", "guid", "lookup", "boolean") and tree.operator not in ("eq", "ne"):
            raise mismatch(edm_type(column), literal_type(tree.value), tree.operator)
        self.parameters.append(encode(column, as_cell(column, tree.value, tree.operator)))
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
            return encode(column, from_text(column, value))
        return encode(column, as_cell(column, value, "eq"))


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
