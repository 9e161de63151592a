"""Answers ``$apply``: groups of rows, and what is worked out over each, to the last digit."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from sandbox.dataverse.catalog import Column, Table
from sandbox.dataverse.http.exchange import Answer
from sandbox.dataverse.http.queries import Found, Reader, allow
from sandbox.dataverse.odata.apply import Aggregate, Applied, Group, parse_apply
from sandbox.dataverse.odata.sql import navigation
from sandbox.dataverse.refusals import bad_query
from sandbox.dataverse.unit_of_work import Cell, Link, Refused, Row

OPTIONS = {"$apply", "$orderby"}
MOST_ROWS = 50_000
"""Rows one aggregation may read (aggregate data)."""
COUNTED = Column("$count", "integer", "$count")
"""What a count is shown like."""
PLACES = Decimal("0.0000000001")
"""An average's precision (not published; the platform's largest is used)."""


def aggregated(reader: Reader, table: Table) -> Answer:
    """The answer to a collection's ``$apply``."""
    query = reader.request.query
    allow(query, OPTIONS)
    applied = parse_apply(reader.store.catalog, table, query["$apply"])
    rows = reader.rows(table, reader.where(reader.sql(table), applied.filter), f"ORDER BY rowid LIMIT {MOST_ROWS + 1}")
    if len(rows) > MOST_ROWS:
        raise Refused("The maximum record limit is exceeded. Reduce the number of records.", "0x8004e023")
    groups = _grouped(reader, table, applied, rows)
    for at, descending in reversed(_order(applied, query.get("$orderby"))):
        groups.sort(key=lambda group, at=at: _sortable(group[0][at]), reverse=descending)  # type: ignore[misc]
    values = [_value(reader, applied, *group) for group in groups]
    context = {"@odata.context": f"{reader.request.base}/$metadata#{table.set_name}"}
    return Answer(200, reader.applied(), context | {"value": values})


def _grouped(
    reader: Reader, table: Table, applied: Applied, rows: Sequence[Found]
) -> list[tuple[tuple[Cell, ...], list[Row]]]:
    """What each group has in common, and its rows."""
    if applied.groups is None:
        return [((), [row for _, _, row in rows])]
    groups: dict[tuple[Cell, ...], tuple[tuple[Cell, ...], list[Row]]] = {}
    known: dict[Link, Row | None] = {}
    for _, _, row in rows:
        common = tuple(_behind(reader, table, row, group, known) for group in applied.groups)
        groups.setdefault(tuple(_alike(cell) for cell in common), (common, []))[1].append(row)
    return list(groups.values())


def _behind(reader: Reader, table: Table, row: Row, group: Group, known: dict[Link, Row | None]) -> Cell:
    """The value a group's path leads to from a row; nothing where it leads nowhere."""
    found: Row | None = row
    for step in group.path.names[:-1]:
        lookup, target = navigation(reader.store.catalog, table, step)
        link = found[lookup.name] if found else None
        if not isinstance(link, Link):
            return None
        if link not in known:
            known[link] = reader.store.get(target, link.id)
        found, table = known[link], target
    return found[group.column.name] if found else None


def _alike(cell: Cell) -> Cell:
    """What makes two values the same: text whatever its case, numbers whatever their digits."""
    return cell.casefold() if isinstance(cell, str) else cell


def _sortable(cell: Cell) -> tuple[bool, Any]:
    return (cell is not None, str(cell.id) if isinstance(cell, Link) else _alike(cell))


def _order(applied: Applied, text: str | None) -> list[tuple[int, bool]]:
    """By which of the groups' values to sort, and whether descending."""
    names = [str(group.path) for group in applied.groups or []]
    order = []
    for part in (text or "").split(","):
        words = part.split()
        if not words:
            continue
        if words[0] not in names:
            raise bad_query("The query node SingleValueOpenPropertyAccess is not supported.")
        if words[1:] not in ([], ["asc"], ["desc"]):
            raise bad_query(f"Syntax error in $orderby: '{part.strip()}'.")
        order.append((names.index(words[0]), words[1:] == ["desc"]))
    return order


def _value(reader: Reader, applied: Applied, common: tuple[Cell, ...], rows: list[Row]) -> dict[str, Any]:
    """One group. What is empty in it is left out (aggregate data, "distinct column values")."""
    answer: dict[str, Any] = {}
    for group, cell in zip(applied.groups or [], common, strict=True):
        if cell is not None:
            answer[group.name] = cell.id if isinstance(cell, Link) else cell
            reader.represent.annotate(answer, group.name, group.column, cell, {})
    for aggregate in applied.aggregates:
        value = answer[aggregate.name] = _worked_out(aggregate, rows)
        if value is not None:
            column = COUNTED if aggregate.method == "countdistinct" else aggregate.column or COUNTED
            reader.represent.annotate(answer, aggregate.name, column, value, {})
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
