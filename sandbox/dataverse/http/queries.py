"""Reading: one row by id, or a page of rows that meet a query."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, unquote
from uuid import UUID

from sandbox.dataverse.catalog import Column, Table
from sandbox.dataverse.http.exchange import Answer, Request
from sandbox.dataverse.http.represent import Annotations, Representer, etag
from sandbox.dataverse.odata.expand import Expansion, parse_expand
from sandbox.dataverse.odata.parse import parse_filter
from sandbox.dataverse.odata.sql import Sql
from sandbox.dataverse.refusals import bad_query, missing, no_property, unsupported
from sandbox.dataverse.store import Store
from sandbox.dataverse.transaction import Transaction

LARGEST_PAGE = 5000
OPTIONS = {"$select", "$filter", "$orderby", "$top", "$count", "$expand", "$skiptoken"}
COOKIE = re.compile(r'<cookie pagenumber="(\d+)" after="(\d+)" />')


def selected(table: Table, text: str | None) -> list[Column]:
    """The columns of a ``$select``; all of them when there is none. The primary key always comes along."""
    if text is None:
        return list(table.columns.values())
    names = [name.strip() for name in text.split(",") if name.strip()]
    columns = {name: table.properties.get(name) for name in names}
    for name, column in columns.items():
        if column is None:
            raise no_property(name, table.name)
    columns.setdefault(table.id_column, table.columns[table.id_column])
    return [column for column in columns.values() if column is not None]


def allow(query: Mapping[str, str], names: set[str]) -> None:
    """Refuse query options that are not understood; custom ones (no ``$``) pass."""
    for name in query:
        if name.startswith("$") and name not in names:
            raise bad_query(f"The query parameter {name} is not supported.")
        if name in ("fetchXml", "savedQuery", "userQuery"):
            raise unsupported(f"{name} queries")


class Reader:
    """Reads inside one transaction and represents what it finds."""

    def __init__(self, uow: Transaction, request: Request) -> None:
        self._store: Store = uow.store
        self._request = request
        self._represent = Representer(uow.store, Annotations.of(request.preferences))

    def one(self, table: Table, id: UUID, *, select: str | None = None, expand: str | None = None) -> dict[str, Any]:
        """One row as JSON, with its context; refused with 404 when it is not there."""
        rows = self._rows(table, f'"{table.id_column}" = ?', [str(id)], "", "")
        if not rows:
            raise missing(table.name, id)
        shape = f"({select})" if select else ""
        context = {"@odata.context": f"{self._request.base}/$metadata#{table.set_name}{shape}/$entity"}
        return context | self._record(table, rows[0], selected(table, select), self._expansions(table, expand))

    def page(self, table: Table) -> Answer:
        """One page of a collection."""
        query = self._request.query
        allow(query, OPTIONS)
        plan = self._plan(table)
        where, parameters = self._where(table)
        columns = selected(table, query.get("$select"))
        expansions = self._expansions(table, query.get("$expand"))
        shape = f"({query['$select']})" if "$select" in query else ""
        answer: dict[str, Any] = {"@odata.context": f"{self._request.base}/$metadata#{table.set_name}{shape}"}
        if query.get("$count") == "true":
            answer["@odata.count"] = min(self._count(table, where, parameters), LARGEST_PAGE)
        elif query.get("$count", "false") != "false":
            raise bad_query(f"Invalid value '{query['$count']}' for $count: true or false.")
        rows = self._rows(table, *plan.narrowed(where, parameters), plan.order, f"LIMIT {plan.size + 1} {plan.offset}")
        answer["value"] = [self._record(table, row, columns, expansions) for row in rows[: plan.size]]
        if len(rows) > plan.size and plan.pages:
            answer["@odata.nextLink"] = self._next(plan, rows[plan.size - 1][0])
        size = self._request.preferences.get("odata.maxpagesize")
        applied = {"Preference-Applied": f"odata.maxpagesize={size}"} if size else {}
        return Answer(200, applied, answer)

    def count(self, table: Table) -> Answer:
        """``set/$count``: how many rows, 5000 at most."""
        allow(self._request.query, {"$filter"})
        where, parameters = self._where(table)
        return Answer(200, text=str(min(self._count(table, where, parameters), LARGEST_PAGE)))

    def _where(self, table: Table) -> tuple[str, list[Any]]:
        text = self._request.query.get("$filter")
        if text is None:
            return "", []
        aliases = {name: value for name, value in self._request.query.items() if name.startswith("@")}
        sql = Sql(self._store.catalog, table)
        return sql.condition(parse_filter(text, aliases)), sql.parameters

    def _count(self, table: Table, where: str, parameters: list[Any]) -> int:
        clause = f"WHERE {where}" if where else ""
        found = self._store.execute(f'SELECT count(*) FROM "{table.name}" {clause}', parameters).fetchone()  # noqa: S608
        return int(found[0])

    def _rows(self, table: Table, where: str, parameters: list[Any], order: str, limit: str) -> list[Any]:
        clause = f"WHERE {where}" if where else ""
        sql = f'SELECT rowid, versionnumber, * FROM "{table.name}" {clause} {order} {limit}'  # noqa: S608
        return self._store.raw(table, sql, parameters)

    def _record(self, table: Table, found: Any, columns: list[Column], expansions: list[Expansion]) -> dict[str, Any]:
        _, version, row = found
        record = self._represent.record(table, row, version, columns)
        for expansion in expansions:
            link = row[expansion.lookup.name]
            rows = (
                self._rows(expansion.target, f'"{expansion.target.id_column}" = ?', [str(link.id)], "", "")
                if link
                else []
            )
            shape = selected(expansion.target, expansion.select)
            record[expansion.navigation] = (
                self._record(expansion.target, rows[0], shape, expansion.inner) if rows else None
            )
        return record

    def _expansions(self, table: Table, text: str | None) -> list[Expansion]:
        return parse_expand(self._store.catalog, table, text) if text else []

    def _plan(self, table: Table) -> Paging:
        query = self._request.query
        number, after = _position(query.get("$skiptoken"))
        order = _order(table, query.get("$orderby"))
        size = _whole(self._request.preferences.get("odata.maxpagesize"), "odata.maxpagesize") or LARGEST_PAGE
        top = _whole(query.get("$top"), "$top")
        if top is not None:
            size = min(top, LARGEST_PAGE)
        return Paging(number, after, order, min(size, LARGEST_PAGE), pages=top is None)

    def _next(self, plan: Paging, rowid: int) -> str:
        after = rowid if plan.by_row else plan.after + plan.size
        token = quote(f'<cookie pagenumber="{plan.number + 1}" after="{after}" />', safe="")
        options = [
            f"{name}={quote(value, safe='$,()=/@')}"
            for name, value in self._request.query.items()
            if name != "$skiptoken"
        ]
        return f"{self._request.base}/{quote(self._request.path)}?{'&'.join([*options, f'$skiptoken={token}'])}"


@dataclass(frozen=True, slots=True)
class Paging:
    """Where a page begins. In the order of creation a page begins after a row, so that rows that leave the query
    between two pages make none of the others skip; in an order of the caller's it begins after a number of rows."""

    number: int
    after: int
    ordered_by: str
    size: int
    pages: bool

    @property
    def by_row(self) -> bool:
        """Whether pages follow the order of creation."""
        return not self.ordered_by

    @property
    def order(self) -> str:
        """The ORDER BY clause."""
        return f"ORDER BY {self.ordered_by}{', ' if self.ordered_by else ''}rowid"

    @property
    def offset(self) -> str:
        """The OFFSET clause."""
        return "" if self.by_row else f"OFFSET {self.after}"

    def narrowed(self, where: str, parameters: list[Any]) -> tuple[str, list[Any]]:
        """The condition, narrowed to what lies after the page before."""
        if not self.by_row or not self.after:
            return where, parameters
        return (f"({where}) AND rowid > ?" if where else "rowid > ?"), [*parameters, self.after]


def _position(token: str | None) -> tuple[int, int]:
    if token is None:
        return 1, 0
    match = COOKIE.fullmatch(unquote(token))
    if match is None:
        raise bad_query("The $skiptoken is not one this service gave out.")
    return int(match.group(1)), int(match.group(2))


def _whole(text: str | None, name: str) -> int | None:
    if text is None:
        return None
    if not text.isdigit() or (name == "odata.maxpagesize" and int(text) == 0):
        raise bad_query(f"Invalid value '{text}' for {name} option found: a positive whole number was expected.")
    return int(text)


def _order(table: Table, text: str | None) -> str:
    parts: list[str] = []
    for part in (text or "").split(","):
        words = part.split()
        if not words:
            continue
        column = table.properties.get(words[0])
        if column is None:
            raise no_property(words[0], table.name)
        if words[1:] not in ([], ["asc"], ["desc"]):
            raise bad_query(f"Syntax error in $orderby: '{part.strip()}'.")
        parts.append(f'"{column.name}" {"DESC" if words[1:] == ["desc"] else "ASC"}')
    return ", ".join(parts)


def not_modified(request: Request, version: int) -> bool:
    """Whether the caller holds this version already (``If-None-Match`` with an ETag)."""
    return request.header("if-none-match") == etag(version)
