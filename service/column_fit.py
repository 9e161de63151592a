"""Whether a column can take over what another holds, or a constant; a reason where it can't."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import date, datetime
from decimal import Decimal
from uuid import UUID

from mappings import tables
from mappings.choices import TransactionClass
from mappings.profile import Constant, OwnColumn, Source
from mappings.tables import Ref
from service.column_facts import Column, Columns
from service.own_columns import Wish

ENTRY_TABLES = {TransactionClass.TIME: tables.TIME_ENTRY, TransactionClass.EXPENSE: tables.EXPENSE}
TEXT, LOOKUPS = ("String", "Memo"), ("Lookup", "Customer")
WIDER = {
    ("Integer", "Decimal"),
    ("Integer", "BigInt"),
    ("String", "Memo"),
    ("Memo", "String"),
    *((a, b) for a in LOOKUPS for b in LOOKUPS),
}
"""Types that hold everything another one does, facts like length and targets aside."""
MONEY = (
    "money stands in the currency of its row, and an actual's may be another one than the entry's; use a column of "
    "type decimal"
)
_ROW = re.compile(r"(?:(?P<table>[a-z][a-z0-9_]*)\((?P<inner>[0-9a-fA-F-]{36})\)|(?P<alone>[0-9a-fA-F-]{36}))")
_Read = Callable[[object, Column], "Constant | None"]


def fitted(wish: Wish, columns: Columns, faults: list[str]) -> OwnColumn | None:
    """The column as it can be written; else ``None``, and the reasons are added to ``faults``.

    Raises ``ConnectorError``.
    """
    place = wish.place
    target = columns.closely(tables.ACTUAL, wish.actual)
    if target is None:
        faults.append(f"{place.of('actual')}: `{tables.ACTUAL}` has no column `{wish.actual}` in this environment.")
    elif not target.writable:
        faults.append(f"{place.of('actual')}: `{tables.ACTUAL}.{wish.actual}` can't be written.")
        target = None
    elif not _is_offered(target):
        faults.append(f"{place.of('actual')}: `{tables.ACTUAL}.{wish.actual}`: {_refused(target)}.")
        target = None
    if wish.source is not Source.CONSTANT:
        wrong = [f"{place.of(wish.key)}: {fault}" for fault in _sources(wish, target, columns)]
        faults += wrong
        return None if wrong or target is None else _own(wish, column=wish.value)
    if target is None:
        return None
    constant = _READ[target.type](wish.value, target)
    if constant is None:
        faults.append(f"{place.of(wish.key)}: {wish.value!r} is no value for `{wish.actual}`, {_described(target)}.")
        return None
    return _own(wish, constant=constant)


def _own(wish: Wish, column: str | None = None, constant: Constant | None = None) -> OwnColumn:
    return OwnColumn(wish.actual, wish.source, column, constant, wish.on, wish.entries)


def _sources(wish: Wish, target: Column | None, columns: Columns) -> Iterator[str]:
    entries = [table for kind, table in ENTRY_TABLES.items() if kind in wish.entries]
    for table in entries if wish.source is Source.ENTRY else [tables.APPROVAL]:
        source = columns.closely(table, wish.value)
        if source is None:
            only = ' Name the entries that have it, as `entries = ["time"]`.' if len(entries) > 1 else ""
            only = only if wish.source is Source.ENTRY else ""
            yield f"`{table}` has no column `{wish.value}` in this environment.{only}"
        elif not source.readable:
            yield f"`{table}.{wish.value}` can't be read."
        elif target is not None and (reason := _mismatch(source, target)):
            yield f"`{wish.actual}` can't take over `{table}.{wish.value}`: {reason}."


def _mismatch(source: Column, target: Column) -> str | None:
    """Why the target can't hold whatever the source may hold."""
    if not _is_offered(source):
        return _refused(source)
    if source.type != target.type and (source.type, target.type) not in WIDER:
        return f"the one is {_described(target)}, the other {_described(source)}"
    if target.type in TEXT and (source.length or 0) > (target.length or 0):
        return f"it has room for {target.length} characters, and the other for {source.length}"
    if target.type == "Decimal" and (source.precision or 0) > (target.precision or 0):
        return f"it keeps {target.precision} decimal places, and the other {source.precision}"
    if target.type == "DateTime" and source.behavior != target.behavior:
        return f"the one is {_described(target)}, the other {_described(source)}"
    if missing := sorted(source.options - target.options):
        return f"it has no choice {', '.join(map(str, missing))}"
    if missing_tables := sorted(source.targets - target.targets):
        return f"it can't point at {', '.join(missing_tables)}"
    return None


def _is_offered(column: Column) -> bool:
    return column.type in _READ


def _refused(column: Column) -> str:
    return MONEY if column.type == "Money" else f"columns of type {column.type} are not supported"


def _described(column: Column) -> str:
    """The type of a column in words, with what limits it."""
    if column.type in TEXT:
        return f"text of at most {column.length} characters"
    if column.type == "Decimal":
        return f"a number with at most {column.precision} decimal places"
    if column.type == "Picklist":
        return f"a choice of {', '.join(map(str, sorted(column.options)))}"
    if column.type == "DateTime":
        return "a day" if column.behavior == "DateOnly" else f"a moment ({column.behavior})"
    if column.type in LOOKUPS:
        return f"a lookup to {' or '.join(sorted(column.targets))}"
    return _WORDS[column.type]


def _text(value: object, column: Column) -> str | None:
    return value if isinstance(value, str) and value and len(value) <= (column.length or 0) else None


def _integer(value: object, column: Column) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _yes_or_no(value: object, column: Column) -> bool | None:
    return value if isinstance(value, bool) else None


def _choice(value: object, column: Column) -> int | None:
    number = _integer(value, column)
    return number if number in column.options else None


def _number(value: object, column: Column) -> Decimal | None:
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        return None
    number = Decimal(value)
    places = -int(exponent) if isinstance(exponent := number.normalize().as_tuple().exponent, int) else None
    too_fine = places is None or (column.precision is not None and places > column.precision)
    return None if too_fine else number


def _moment(value: object, column: Column) -> datetime | date | None:
    if isinstance(value, datetime):
        return value if value.tzinfo is not None and column.behavior != "DateOnly" else None
    return value if isinstance(value, date) and column.behavior == "DateOnly" else None


def _row(value: object, column: Column) -> Ref | None:
    """``table(id)``, or an id alone where only one table can be meant."""
    match = _ROW.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        return None
    table = match["table"] or (next(iter(column.targets)) if len(column.targets) == 1 else None)
    if table not in column.targets:
        return None
    try:
        return Ref(table, UUID(match["inner"] or match["alone"]))
    except ValueError:
        return None


_READ: dict[str, _Read] = {
    "String": _text,
    "Memo": _text,
    "Integer": _integer,
    "BigInt": _integer,
    "Boolean": _yes_or_no,
    "Picklist": _choice,
    "Decimal": _number,
    "Double": _number,
    "DateTime": _moment,
    "Lookup": _row,
    "Customer": _row,
}
"""The types that are offered, and how a constant of each is read."""
_WORDS = {"Integer": "a whole number", "BigInt": "a whole number", "Boolean": "yes or no", "Double": "a number"}
