"""Puts together again what was asked in parts: no row twice, in the order asked for."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal
from uuid import UUID

from connector.dataverse.changes import Record, Reference, Value
from connector.dataverse.query import Query


def merged(question: Query, parts: Sequence[Sequence[Record]]) -> list[Record]:
    """The answer to the question from the answers to its parts.

    One part comes back as it was. Several are ordered here: empty before the rest, text without regard to case, ids by
    their digits; that is near to, but not guaranteed to be, the order the server's collation would give.
    """
    if len(parts) == 1:
        return list(parts[0][: question.top])
    rows = {record.row.id: record for part in parts for record in part}
    ordered = list(rows.values())
    for entry in reversed(question.order_by):
        column, _, direction = entry.partition(" ")
        ordered.sort(key=lambda record, column=column: _rank(record[column]), reverse=direction == "desc")  # type: ignore[misc]
    return ordered[: question.top]


def _rank(value: Value) -> tuple[int, object]:
    match value:
        case None:
            return 0, 0
        case bool() | int() | Decimal():
            return 1, value
        case datetime():
            return 2, value
        case date():
            return 3, value
        case UUID():
            return 4, value.int
        case Reference():
            return 4, value.id.int
        case str():
            return 5, value.casefold()
