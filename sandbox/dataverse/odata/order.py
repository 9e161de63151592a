"""``$orderby``, and where the next page begins in that order.

A page begins after the last row of the page before, told by that row's own values: rows that join or leave the query
between two pages make none of the others appear twice or not at all.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sandbox.dataverse.catalog import Table
from sandbox.dataverse.odata.sql import Sql
from sandbox.dataverse.odata.tree import Path
from sandbox.dataverse.refusals import bad_query


@dataclass(frozen=True, slots=True)
class Order:
    """What rows are sorted by: SQL and whether descending; rows that are alike come in the order of creation."""

    table: Table
    parts: tuple[tuple[str, bool], ...] = ()

    @property
    def rowid(self) -> str:
        """The SQL of the order of creation."""
        return f'"{self.table.name}".rowid'

    @property
    def clause(self) -> str:
        """The ORDER BY clause."""
        sorted_by = [f"{text} {'DESC' if descending else 'ASC'}" for text, descending in self.parts]
        return f"ORDER BY {', '.join([*sorted_by, self.rowid])}"

    @property
    def place(self) -> str:
        """The SQL of what tells a row's place."""
        return ", ".join([*(text for text, _ in self.parts), self.rowid])

    def after(self, place: list[Any]) -> tuple[str, list[Any]]:
        """The condition that a row comes after this place. Empty values are the lowest."""
        ways: list[str] = []
        parameters: list[Any] = []
        same: list[str] = []
        for at, (text, descending) in enumerate(self.parts):
            value = place[at]
            if value is None:
                beyond = "0" if descending else f"{text} IS NOT NULL"
            else:
                beyond = f"({text} < ? OR {text} IS NULL)" if descending else f"{text} > ?"
            ways.append(" AND ".join([*same, beyond]))
            parameters += [*place[:at], *([] if value is None else [value])]
            same.append(f"{text} IS ?")
        ways.append(" AND ".join([*same, f"{self.rowid} > ?"]))
        return f"({' OR '.join(ways)})", [*parameters, *place]


def parse_order(sql: Sql, text: str | None, aliases: Mapping[str, str] | None = None) -> Order:
    """The order a ``$orderby`` asks for; ``aliases`` are the query's parameters that begin with ``@``."""
    parts: list[tuple[str, bool]] = []
    for part in (text or "").split(","):
        words = part.split()
        if not words:
            continue
        if words[1:] not in ([], ["asc"], ["desc"]):
            raise bad_query(f"Syntax error in $orderby: '{part.strip()}'.")
        name = (aliases or {}).get(words[0], words[0])
        parts.append((sql.value(Path(tuple(name.split("/"))))[1], words[1:] == ["desc"]))
    return Order(sql.table, tuple(parts))
