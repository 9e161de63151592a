"""Conditions → the text of ``$filter`` and of the whole request path, and the splitting of paths that grew too long."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, datetime
from decimal import Decimal
from urllib.parse import quote
from uuid import UUID

from connector.dataverse.changes import Reference, Value
from connector.dataverse.exact_json import exact_number, instant
from connector.dataverse.metadata import Table
from connector.dataverse.query import All, AnyOf, Compare, Condition, Either, Query

MAX_PATH = 30_000
"""Longest path sent, in encoded characters; Dataverse takes 32 KB in a single request."""

MAX_TOP = 5000
OPERATORS = frozenset({"eq", "ne", "gt", "ge", "lt", "le"})


def path_of(query: Query, table: Table) -> str:
    """The request path below the service root, percent-encoded, options in a fixed order."""
    options = [f"$select={','.join(dict.fromkeys(table.wire_name(column) for column in query.select))}"]
    if query.where is not None:
        options.append(f"$filter={_encode(filter_text(query.where, table))}")
    if query.order_by:
        options.append(f"$orderby={','.join(_ordering(entry, table) for entry in query.order_by)}")
    if query.top is not None and query.top <= MAX_TOP:
        options.append(f"$top={query.top}")
    return f"{table.set_name}?{'&'.join(options)}"


def filter_text(condition: Condition, table: Table) -> str:
    """The condition in OData's words. Raises ``TypeError`` for a value that has no exact literal."""
    match condition:
        case Compare(column, operator, value):
            if operator not in OPERATORS:
                raise ValueError(f"{operator!r} is not one of {', '.join(sorted(OPERATORS))}.")
            return f"{_compared(column, table)} {operator} {literal(value)}"
        case AnyOf(column, values):
            return _any_of(column, values, table)
        case All(parts):
            return " and ".join(_grouped(part, table) for part in parts)
        case Either(parts):
            return " or ".join(_grouped(part, table) for part in parts)


def literal(value: Value) -> str:
    """A value as an OData literal: text in quotes, ids bare, instants in UTC."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, Reference):
        return str(value.id)
    if isinstance(value, UUID):
        return str(value)
    if isinstance(value, Decimal):
        return exact_number(value)
    if isinstance(value, datetime):
        return instant(value)
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, str):
        return "'" + value.replace("'", "''") + "'"
    raise TypeError(f"A value of type {type(value).__name__} cannot be compared with in a filter.")


def simplified(condition: Condition) -> Condition | bool:
    """The same condition without parts that always or never hold: an empty ``AnyOf`` never, an empty ``All`` always."""
    match condition:
        case Compare():
            return condition
        case AnyOf(column, values):
            distinct = tuple(dict.fromkeys(values))
            if len(distinct) == 1:
                return Compare(column, "eq", distinct[0])
            return AnyOf(column, distinct) if distinct else False
        case All(parts):
            return _joined([simplified(part) for part in parts], All, neutral=True)
        case Either(parts):
            return _joined([simplified(part) for part in parts], Either, neutral=False)


def split(query: Query, table: Table, longest: int = MAX_PATH) -> list[Query]:
    """Queries whose paths are short enough and whose answers together are the answer; none when nothing can match.

    The longest list of values is halved until it fits. A row may meet several parts (inside an ``Either``), so
    answers have to be merged by row.
    """
    if query.where is not None:
        condition = simplified(query.where)
        if condition is False:
            return []
        query = replace(query, where=None if condition is True else condition)
    if len(path_of(query, table)) <= longest:
        return [query]
    lists = sorted(_lists(query.where), key=lambda found: len(found.values))
    if not lists:
        raise ValueError(f"The filter on {query.table} is too long to send, and no list of values in it can be split.")
    widest = lists[-1]
    middle = len(widest.values) // 2
    halves = (replace(widest, values=widest.values[:middle]), replace(widest, values=widest.values[middle:]))
    return [
        part
        for half in halves
        for part in split(replace(query, where=_exchange(query.where, widest, half)), table, longest)
    ]


def _compared(column: str, table: Table) -> str:
    lookup, _, further = column.partition("/")
    return f"{table.only_binding(lookup)}/{further}" if further else table.wire_name(column)


def _any_of(column: str, values: tuple[Value, ...], table: Table) -> str:
    """``In`` names the column by its logical name, lookups too, and takes every value as text."""
    given = [_text(value) for value in values if value is not None]
    parts = []
    if given:
        if any("'" in text for text in given):
            array = ",".join(json.dumps(text, ensure_ascii=False) for text in given)
        else:
            array = ",".join(f"'{text}'" for text in given)
        table.wire_name(column)
        parts.append(f"Microsoft.Dynamics.CRM.In(PropertyName='{column}',PropertyValues=[{array}])")
    if None in values:
        parts.append(f"{table.wire_name(column)} eq null")
    if not parts:
        raise ValueError("An empty list of values matches nothing and is not sent.")
    return parts[0] if len(parts) == 1 else f"({' or '.join(parts)})"


def _text(value: Value) -> str:
    return value if isinstance(value, str) else literal(value)


def _grouped(condition: Condition, table: Table) -> str:
    text = filter_text(condition, table)
    return f"({text})" if isinstance(condition, All | Either) and len(condition.parts) > 1 else text


def _joined(parts: list[Condition | bool], kind: type[All] | type[Either], neutral: bool) -> Condition | bool:
    """Parts that equal ``neutral`` say nothing; one that is its opposite decides alone."""
    if any(part is (not neutral) for part in parts):
        return not neutral
    left = tuple(part for part in parts if not isinstance(part, bool))
    if not left:
        return neutral
    return left[0] if len(left) == 1 else kind(left)


def _ordering(entry: str, table: Table) -> str:
    column, _, direction = entry.partition(" ")
    if direction not in ("", "asc", "desc"):
        raise ValueError(f"{entry!r} is not a column name with an optional ' desc' behind it.")
    return table.wire_name(column) + (f"%20{direction}" if direction else "")


def _encode(text: str) -> str:
    return quote(text, safe="()',=:@$*!~/;-._")


def _lists(condition: Condition | None) -> Iterator[AnyOf]:
    match condition:
        case AnyOf():
            yield condition
        case All(parts) | Either(parts):
            for part in parts:
                yield from _lists(part)
        case _:
            return


def _exchange(condition: Condition | None, old: AnyOf, new: AnyOf) -> Condition | None:
    """The same tree with the one list (by identity) exchanged."""
    if condition is old:
        return new
    if isinstance(condition, All):
        return All(tuple(part for part in (_exchange(p, old, new) for p in condition.parts) if part is not None))
    if isinstance(condition, Either):
        return Either(tuple(part for part in (_exchange(p, old, new) for p in condition.parts) if part is not None))
    return condition
