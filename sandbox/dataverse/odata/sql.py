"""A filter's tree → SQL over the store, with every literal checked against its column's type.

A comparison with an empty column is false, except ``ne``, which is true for it: a filter is never "unknown". A property
behind a navigation property that leads nowhere is empty.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from string import ascii_lowercase, ascii_uppercase
from typing import Any

from sandbox.dataverse.catalog import Catalog, Column, Table
from sandbox.dataverse.cells import DECIMALS, TEXTS, encode
from sandbox.dataverse.odata.asked import Asked
from sandbox.dataverse.odata.functions import function_sql
from sandbox.dataverse.odata.tokens import Literal
from sandbox.dataverse.odata.tree import (
    Comparison,
    Condition,
    Junction,
    Lambda,
    Membership,
    Not,
    Path,
    QueryFunction,
    TextMatch,
)
from sandbox.dataverse.odata.values import as_cell, as_id, edm_type, from_text, literal_type, mismatch
from sandbox.dataverse.refusals import bad_query, no_property, unsupported

SYMBOLS = {"eq": "=", "ne": "<>", "gt": ">", "ge": ">=", "lt": "<", "le": "<="}
SMALL = str.maketrans(ascii_uppercase, ascii_lowercase)
"""Letters whose case does not count: those that SQLite knows the case of."""
PRINCIPAL = "principal"
OWNERS = frozenset({"systemuser", "team"})
EQUALITY_ONLY = ("id", "guid", "lookup", "boolean")


@dataclass(slots=True)
class Sql:
    """Builds one condition; ``parameters`` fill its question marks in order."""

    catalog: Catalog
    table: Table
    asked: Asked
    parameters: list[Any] = field(default_factory=list)
    _variables: dict[str, tuple[Table, str]] = field(default_factory=dict)
    _aliases: Iterator[int] = field(default_factory=itertools.count)

    def condition(self, tree: Condition) -> str:
        """The SQL of a tree."""
        if isinstance(tree, Junction):
            return "(" + f" {tree.word.upper()} ".join([self.condition(part) for part in tree.parts]) + ")"
        if isinstance(tree, Not):
            return f"NOT coalesce({self.condition(tree.part)}, 0)"
        if isinstance(tree, Lambda):
            return self._lambda(tree)
        by_name = isinstance(tree, QueryFunction) or (isinstance(tree, Membership) and tree.as_text)
        column, name = self.value(tree.path, by_logical_name=by_name)
        if isinstance(tree, Comparison):
            return self._comparison(column, name, tree)
        if isinstance(tree, TextMatch):
            return self._text(column, name, tree)
        if isinstance(tree, QueryFunction):
            text, parameters = function_sql(tree.name, column, name, tree.values, self.asked)
            self.parameters += parameters
            return text
        values = [self._listed(column, value, tree.as_text) for value in tree.values]
        self.parameters += values
        return f"{name} IN ({','.join('?' * len(values))})" if values else "0"

    def value(self, path: Path, *, by_logical_name: bool = False) -> tuple[Column, str]:
        """The column a path leads to, and the SQL that reads it."""
        names = path.names
        table, alias = self.table, self.table.name
        if len(names) > 1 and names[0] in self._variables:
            table, alias = self._variables[names[0]]
            names = names[1:]
        return self._behind(table, alias, names, by_logical_name)

    def _behind(self, table: Table, alias: str, names: tuple[str, ...], by_logical_name: bool) -> tuple[Column, str]:
        if len(names) == 1:
            column = table.properties.get(names[0])
            if column is None and by_logical_name:
                column = table.columns.get(names[0])
            if column is None:
                raise no_property(names[0], table.name)
            return column, f'"{alias}"."{column.name}"'
        if is_owner(table, names[0]):
            if names[1:] != (names[0],):
                raise no_property(names[1], PRINCIPAL)
            return table.columns[names[0]], f'"{alias}"."{names[0]}"'
        lookup, target = navigation(self.catalog, table, names[0])
        inner = f":{next(self._aliases)}"
        column, text = self._behind(target, inner, names[1:], by_logical_name)
        collation = " COLLATE NUMBER" if column.kind in DECIMALS else " COLLATE NOCASE" if column.kind in TEXTS else ""
        where = f'"{inner}"."{target.id_column}" = "{alias}"."{lookup.name}"'
        return column, f'(SELECT {text} FROM "{target.name}" AS "{inner}" WHERE {where}){collation}'  # noqa: S608

    def _lambda(self, tree: Lambda) -> str:
        *way, last = tree.path.names
        table, alias = self.table, self.table.name
        if way and way[0] in self._variables:
            table, alias = self._variables[way.pop(0)]
        if way:
            raise unsupported(f"a lambda over a collection behind a navigation property ({tree.path})")
        collection = self.catalog.collections(table).get(last)
        if collection is None:
            raise no_property(last, table.name)
        inner = f":{next(self._aliases)}"
        where = f'"{inner}"."{collection.lookup.name}" = "{alias}"."{table.id_column}"'
        if tree.condition is not None:
            if tree.variable in self._variables:
                raise bad_query(f"The range variable '{tree.variable}' has already been declared.")
            self._variables[tree.variable] = (collection.table, inner)
            condition = self.condition(tree.condition)
            del self._variables[tree.variable]
            where += f" AND {'NOT ' if tree.word == 'all' else ''}coalesce({condition}, 0)"
        found = f'EXISTS (SELECT 1 FROM "{collection.table.name}" AS "{inner}" WHERE {where})'  # noqa: S608
        return f"NOT {found}" if tree.word == "all" else found

    def _comparison(self, column: Column, name: str, tree: Comparison) -> str:
        operator, value = tree.operator, tree.value
        if isinstance(value, Path):
            return self._columns(column, name, operator, value)
        if value is None:
            if operator not in ("eq", "ne"):
                raise mismatch(edm_type(column), literal_type(value), operator)
            return f"{name} IS {'NOT ' if operator == 'ne' else ''}NULL"
        if column.kind in EQUALITY_ONLY and operator not in ("eq", "ne"):
            raise mismatch(edm_type(column), literal_type(value), operator)
        if self.catalog.queries.quoted_ids and type(value) is str and column.kind in ("id", "guid", "lookup"):
            value = as_id(value)
        cell = as_cell(column, value, operator, self.asked.plain_dates_in)
        self.parameters.append(encode(column, cell))
        return f"{name} {SYMBOLS[operator]} ?" if operator != "ne" else f"{name} IS NOT ?"

    def _columns(self, column: Column, name: str, operator: str, path: Path) -> str:
        """Two columns of one row; their types are to match (filter rows, "column comparison")."""
        other, text = self.value(path)
        left, right = edm_type(column), edm_type(other)
        if left != right or (column.kind in EQUALITY_ONLY and operator not in ("eq", "ne")):
            raise mismatch(left, right, operator)
        if "SELECT" in name + text:
            raise bad_query("Only columns of the same row can be compared with each other.")
        return f"{name} {SYMBOLS[operator]} {text}" if operator != "ne" else f"{name} IS NOT {text}"

    def _text(self, column: Column, name: str, tree: TextMatch) -> str:
        if column.kind not in TEXTS:
            raise bad_query(
                f"No function signature for the function with name '{tree.function}' matches the specified arguments: "
                f"'{tree.path}' is {edm_type(column)}, not Edm.String."
            )
        before = "" if tree.function == "startswith" else "%"
        after = "" if tree.function == "endswith" else "%"
        self.parameters.append(as_glob(f"{before}{tree.text.translate(SMALL)}{after}"))
        return f"lower({name}) GLOB ?"

    def _listed(self, column: Column, value: Literal, as_text: bool) -> Any:
        if as_text and isinstance(value, str):
            return encode(column, from_text(column, value))
        return encode(column, as_cell(column, value, "eq", self.asked.plain_dates_in))


def is_owner(table: Table, name: str) -> bool:
    """Whether a navigation property leads to an owner: a user or a team, of whom only the id is known in common."""
    return table.navigations.get(name, (None, frozenset[str]()))[1] == OWNERS


def as_glob(pattern: str) -> str:
    """A pattern of Transact-SQL (``%``, ``_``, ``[a-c]``, ``[^a]``; in brackets they are themselves) as one of GLOB."""
    return "".join(
        part if len(part) > 1 else {"%": "*", "_": "?", "*": "[*]", "?": "[?]"}.get(part, part)
        for part in re.findall(r"\[\^?[^\]]+\]|.", pattern, re.DOTALL)
    )


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
