"""Questions to Dataverse, as plain values: a table, a filter, the columns wanted."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from connector.dataverse.changes import Value


@dataclass(frozen=True, slots=True)
class Compare:
    """``column operator value``; operator is one of eq, ne, gt, ge, lt, le. Comparing with ``None`` asks for empty.

    ``lookup/column`` compares a column of the row a lookup leads to, provided it leads to rows of one table only.
    """

    column: str
    operator: str
    value: Value


@dataclass(frozen=True, slots=True)
class AnyOf:
    """The column's value is one of these; an empty list matches nothing."""

    column: str
    values: tuple[Value, ...]


@dataclass(frozen=True, slots=True)
class All:
    """Every part holds."""

    parts: tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class Either:
    """At least one part holds."""

    parts: tuple[Condition, ...]


Condition = Compare | AnyOf | All | Either


@dataclass(frozen=True, slots=True)
class Query:
    """All rows of ``table`` (logical name) that meet ``where``, with these columns, in this order.

    ``order_by`` entries are column names, with `` desc`` behind them for descending. Every page is followed.
    """

    table: str
    select: Sequence[str]
    where: Condition | None = None
    order_by: Sequence[str] = ()
    top: int | None = None


def equals(column: str, value: Value) -> Compare:
    """The column holds this value (a lookup: this ``Reference``'s id, or a bare ``UUID``)."""
    return Compare(column, "eq", value)


def any_of(column: str, values: Iterable[Value]) -> AnyOf:
    """The column holds one of these values."""
    return AnyOf(column, tuple(values))


def all_of(*parts: Condition) -> All:
    """Every part holds."""
    return All(parts)


def either(*parts: Condition) -> Either:
    """At least one part holds."""
    return Either(parts)
