"""Answers ``$apply``: groups of rows, and what is worked out over each, to the last digit."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from sandbox.dataverse.catalog import Table
from sandbox.dataverse.http.exchange import Answer
from sandbox.dataverse.http.queries import Found, Reader, allow
from sandbox.dataverse.odata.apply import Aggregate, Applied, parse_apply
from sandbox.dataverse.refusals import bad_query
from sandbox.dataverse.unit_of_work import Cell, Link, Refused, Row

OPTIONS = {"$apply", "$orderby"}
MOST_ROWS = 50_000
"""Rows one aggregation may read (aggregate data)."""
PLACES = Decimal("0.0000000001")
"""An average's precision (not published; the platform's largest is used)."""


def aggregated(reader: Reader, table: Table) -> Answer:
    """The answer to a collection's ``$apply``."""
    query = reader.request.query
    allow(query, OPTIONS)
    applied = parse_apply(table, query["$apply"])
    rows = reader.rows(table, reader.where(reader.sql(table), applied.filter), f"ORDER BY rowid LIMIT {MOST_ROWS + 1}")
    if len(rows) > MOST_ROWS:
        raise Refused("The maximum record limit is exceeded. Reduce the number of records.", "0x8004e023")
    groups = _grouped(applied, rows)
    for name, descending in reversed(_order(applied, query.get("$orderby"))):
        groups.sort(key=lambda group, name=name: _sortable(group[0][name]), reverse=descending)  # type: ignore[misc]
    values = [_value(reader, applied, group) for group in groups]
    return Answer(200, json={"@odata.context": f"{reader.request.base}/$metadata#{table.set_name}", "value": values})


def _grouped(applied: Applied, rows: Sequence[Found]) -> list[list[Row]]:
    if applied.groups is None:
        return [[row for _, _, row in rows]]
    groups: dict[tuple[Cell, ...], list[Row]] = {}
    for _, _, row in rows:
        groups.setdefault(tuple(_alike(row[column.name]) for column in applied.groups), []).append(row)
    return list(groups.values())


def _alike(cell: Cell) -> Cell:
    """What makes two values the same: text whatever its case, numbers whatever their digits."""
    return cell.casefold() if isinstance(cell, str) else cell


def _sortable(cell: Cell) -> tuple[bool, Any]:
    return (cell is not None, str(cell.id) if isinstance(cell, Link) else _alike(cell))


def _order(applied: Applied, text: str | None) -> list[tuple[str, bool]]:
    names = {column.property_name: column.name for column in applied.groups or []}
    order = []
    for part in (text or "").split(","):
        words = part.split()
        if not words:
            continue
        if words[0] not in names:
            raise bad_query("The query node SingleValueOpenPropertyAccess is not supported.")
        if words[1:] not in ([], ["asc"], ["desc"]):
            raise bad_query(f"Syntax error in $orderby: '{part.strip()}'.")
        order.append((names[words[0]], words[1:] == ["desc"]))
    return order


def _value(reader: Reader, applied: Applied, rows: list[Row]) -> dict[str, Any]:
    answer: dict[str, Any] = {}
    for column in applied.groups or []:
        cell = rows[0][column.name]
        answer[column.property_name] = cell.id if isinstance(cell, Link) else cell
        if cell is not None:
            reader.represent.annotate(answer, column.property_name, column, cell, rows[0])
    for aggregate in applied.aggregates:
        answer[aggregate.name] = _worked_out(aggregate, rows)
    return answer


def _worked_out(aggregate: Aggregate, rows: list[Row]) -> Cell:
    """Empty values do not count; over no value at all there is no sum and no average."""
    if aggregate.column is None:
        return len(rows)
    cells: list[Any] = [row[aggregate.column.name] for row in rows if row[aggregate.column.name] is not None]
    if aggregate.method == "countdistinct":
        return len({_alike(cell) for cell in cells})
    if not cells:
        return None
    if aggregate.method == "average":
        return (sum(cells, Decimal(0)) / len(cells)).quantize(PLACES)
    if aggregate.method == "sum":
        total: Cell = sum(cells)
        return total
    edge: Cell = min(cells) if aggregate.method == "min" else max(cells)
    return edge
