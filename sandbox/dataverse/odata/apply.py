"""``$apply``: filter, groupby and aggregate, the part of OData aggregation that Dataverse takes."""

from __future__ import annotations

import re
from dataclasses import dataclass

from sandbox.dataverse.catalog import Catalog, Column, Table
from sandbox.dataverse.cells import DECIMALS, INTEGERS
from sandbox.dataverse.odata.expand import split_outside_parentheses
from sandbox.dataverse.odata.sql import navigation
from sandbox.dataverse.odata.tree import Path
from sandbox.dataverse.odata.values import edm_type
from sandbox.dataverse.refusals import bad_query, no_property, unsupported

METHODS = {"sum", "min", "max", "average", "countdistinct"}
CALL = re.compile(r"^(\w+)\((.*)\)$", re.DOTALL)
AGGREGATE = re.compile(r"^(?:([\w/]+)\s+with\s+(\w+)|(\$count))\s+as\s+(\w+)$")


@dataclass(frozen=True, slots=True)
class Aggregate:
    """One value worked out over rows; ``$count`` has no column."""

    column: Column | None
    method: str
    name: str


@dataclass(frozen=True, slots=True)
class Group:
    """What rows are put together by: a column, of theirs or of the row a navigation property leads to.

    ``name``: what the answer calls it: a column behind a navigation property has its table's name before its own.
    """

    column: Column
    name: str
    path: Path


@dataclass(frozen=True, slots=True)
class Applied:
    """What an ``$apply`` asks for; ``groups`` is ``None`` where all rows are one group."""

    filter: str | None
    groups: list[Group] | None
    aggregates: list[Aggregate]


def parse_apply(catalog: Catalog, table: Table, text: str) -> Applied:
    """The transformations of a ``$apply``: at most one filter, then a groupby or an aggregate."""
    steps = [_call(part) for part in split_outside_parentheses(text, "/")]
    condition = steps.pop(0)[1] if steps and steps[0][0] == "filter" else None
    if len(steps) != 1 or steps[0][0] not in ("groupby", "aggregate"):
        raise unsupported("$apply other than an optional filter followed by one groupby or aggregate")
    name, inside = steps[0]
    if name == "aggregate":
        return Applied(condition, None, _aggregates(catalog, table, inside))
    parts = split_outside_parentheses(inside, ",")
    if not 1 <= len(parts) <= 2 or not (parts[0].startswith("(") and parts[0].endswith(")")):
        raise bad_query(f"Syntax error in $apply: groupby({inside}).")
    groups = [_group(catalog, table, group.strip()) for group in parts[0][1:-1].split(",")]
    if len(parts) == 1:
        return Applied(condition, groups, [])
    then, aggregates = _call(parts[1])
    if then != "aggregate":
        raise unsupported(f"{then} inside groupby")
    return Applied(condition, groups, _aggregates(catalog, table, aggregates))


def _call(text: str) -> tuple[str, str]:
    match = CALL.match(text)
    if match is None:
        raise bad_query(f"Syntax error in $apply: '{text}'.")
    return match.group(1), match.group(2)


def _group(catalog: Catalog, table: Table, text: str) -> Group:
    if "(" in text:
        raise unsupported(f"grouping by a part of a date ({text})")
    *way, name = text.split("/")
    behind = table
    for step in way:
        behind = navigation(catalog, behind, step)[1]
    column = _column(behind, name)
    if column.kind == "datetime":
        raise bad_query("Grouping by a date is not supported.")
    shown = f"{behind.name}_{name}" if way else name
    return Group(column, shown, Path((*way, name)))


def _column(table: Table, name: str) -> Column:
    if "/" in name:
        raise unsupported(f"aggregating over a navigation property ({name})")
    column = table.properties.get(name)
    if column is None:
        raise no_property(name, table.name)
    return column


def _aggregates(catalog: Catalog, table: Table, text: str) -> list[Aggregate]:
    found = [_aggregate(catalog, table, part) for part in split_outside_parentheses(text, ",")]
    if not found or len({one.name for one in found}) != len(found):
        raise bad_query(f"Syntax error in $apply: aggregate({text}).")
    return found


def _aggregate(catalog: Catalog, table: Table, text: str) -> Aggregate:
    match = AGGREGATE.match(text)
    if match is None:
        raise bad_query(f"Syntax error in $apply: '{text}'.")
    name, method, count, alias = match.groups()
    if count:
        return Aggregate(None, "$count", alias)
    column = _column(table, name)
    if method not in METHODS or (method == "countdistinct" and not catalog.queries.countdistinct):
        raise bad_query(f"The aggregation method '{method}' is not supported.")
    number = column.kind in DECIMALS | INTEGERS
    if method == "countdistinct":
        return Aggregate(column, method, alias)
    if not number and (method in ("sum", "average") or column.kind != "datetime"):
        raise bad_query(f"'{method}' cannot be worked out over '{name}' ({edm_type(column)}).")
    return Aggregate(column, method, alias)
