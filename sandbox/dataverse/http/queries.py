"""Reading: one row by id, or a page of rows that meet a query."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any
from uuid import UUID

from sandbox.dataverse.catalog import Column, Table
from sandbox.dataverse.http.exchange import Answer, Request
from sandbox.dataverse.http.paging import LARGEST_PAGE, Page, link, next_link, page_asked, whole
from sandbox.dataverse.http.represent import Annotations, Representer, etag
from sandbox.dataverse.odata.asked import Asked
from sandbox.dataverse.odata.expand import Expansion, parse_expand
from sandbox.dataverse.odata.order import parse_order
from sandbox.dataverse.odata.parse import parse_filter
from sandbox.dataverse.odata.sql import Sql
from sandbox.dataverse.refusals import bad_query, missing, no_property, no_segment, unsupported
from sandbox.dataverse.store import pointing
from sandbox.dataverse.time_zones import zone_of
from sandbox.dataverse.transaction import Transaction
from sandbox.dataverse.unit_of_work import Link

OPTIONS = {"$select", "$filter", "$orderby", "$top", "$count", "$expand", "$skiptoken"}
TOTAL, EXCEEDED = "Microsoft.Dynamics.CRM.totalrecordcount", "Microsoft.Dynamics.CRM.totalrecordcountlimitexceeded"
Found = tuple[int, int, dict[str, Any]]
"""Position in the order of creation, version, row."""
Where = tuple[str, list[Any]]
EVERYTHING: Where = ("", [])


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
        if name in ("fetchXml", "savedQuery", "userQuery", "sql"):
            raise unsupported(f"{name} queries")


def both(one: Where, other: Where) -> Where:
    """Both conditions."""
    parts = [text for text, _ in (one, other) if text]
    return " AND ".join(f"({text})" for text in parts), [*one[1], *other[1]]


class Reader:
    """Reads inside one transaction and represents what it finds."""

    def __init__(self, uow: Transaction, request: Request) -> None:
        self.store = uow.store
        self.request = request
        self.now = uow.now
        zone = zone_of(uow.store, uow.user)
        plain = uow.store.dates.zone_of_plain_dates(zone)
        self._asked = Asked(uow.user, uow.business_unit, uow.now, zone, plain, partial(self._teams_of, uow.user))
        self.represent = Representer(uow.store, Annotations.of(request.preferences), zone)

    def one(self, table: Table, id: UUID, *, select: str | None = None, expand: str | None = None) -> dict[str, Any]:
        """One row as JSON, with its context; refused with 404 when it is not there."""
        rows = self.rows(table, (f'"{table.id_column}" = ?', [str(id)]))
        if not rows:
            raise missing(table.name, id)
        shape = f"({select})" if select else ""
        context = {"@odata.context": f"{self.request.base}/$metadata#{table.set_name}{shape}/$entity"}
        return context | self._record(table, rows[0], selected(table, select), self._expansions(table, expand))

    def behind(self, table: Table, id: UUID, name: str) -> Answer:
        """What a row's navigation property leads to: ``GET set(id)/name``."""
        collection = self.store.catalog.collections(table).get(name)
        if collection:
            return self.page(collection.table, pointing(collection.lookup, table.name, id))
        lookup, _ = table.navigations.get(name, (None, None))
        if lookup is None:
            raise no_segment(name)
        row = self.store.get(table, id)
        to = row[lookup.name] if row else None
        if not isinstance(to, Link):
            return Answer(204)
        query = self.request.query
        allow(query, {"$select", "$expand"})
        target = self.store.catalog.table(to.table)
        return Answer(200, json=self.one(target, to.id, select=query.get("$select"), expand=query.get("$expand")))

    def _teams_of(self, user: UUID) -> list[UUID]:
        """The user's teams, whoever may read memberships."""
        sql = 'SELECT teamid FROM main."teammembership" WHERE systemuserid = ?'
        return [UUID(id) for (id,) in self.store.execute(sql, (str(user),))]

    def page(self, table: Table, within: Where = EVERYTHING) -> Answer:
        """One page of a collection; ``within`` narrows it to what lies behind a row."""
        query = self.request.query
        allow(query, OPTIONS)
        page = page_asked(self.request)
        sql = self.sql(table)
        order = parse_order(sql, query.get("$orderby"), self._aliases())
        where = both(within, self.where(sql, query.get("$filter")))
        columns = selected(table, query.get("$select"))
        expansions = self._expansions(table, query.get("$expand"))
        shape = f"({query['$select']})" if "$select" in query else ""
        answer: dict[str, Any] = {"@odata.context": f"{self.request.base}/$metadata#{table.set_name}{shape}"}
        answer |= self._counted(table, where, wanted=self._wants_count(query))
        if page.place and len(page.place) != len(order.parts) + 1:
            raise bad_query("The $skiptoken belongs to another query.")
        narrowed = both(where, order.after(page.place)) if page.place else where
        rows = self.rows(table, narrowed, f"{order.clause} LIMIT {page.size + 1}")
        answer["value"] = [self._record(table, row, columns, expansions) for row in rows[: page.size]]
        if len(rows) > page.size and page.goes_on:
            place = f'SELECT {order.place} FROM "{table.name}" WHERE rowid = ?'  # noqa: S608
            last = self.store.execute(place, (rows[page.size - 1][0],)).fetchone()
            answer["@odata.nextLink"] = next_link(self.request, page, list(last))
        return Answer(200, self.applied(), answer)

    def applied(self) -> dict[str, str]:
        """The header that says which page size was kept to, and which annotations were added."""
        kept = {name: self.request.preferences.get(name) for name in ("odata.maxpagesize", "odata.include-annotations")}
        if kept["odata.maxpagesize"]:
            kept["odata.maxpagesize"] = str(page_asked(self.request).size)
        quoted = {
            name: f'"{value}"' if name.endswith("annotations") else value for name, value in kept.items() if value
        }
        return {"Preference-Applied": ",".join(f"{name}={value}" for name, value in quoted.items())} if quoted else {}

    def count(self, table: Table) -> Answer:
        """``set/$count``: how many rows, 5000 at most."""
        allow(self.request.query, {"$filter"})
        where = self.where(self.sql(table), self.request.query.get("$filter"))
        return Answer(200, text=str(min(self._count(table, where), LARGEST_PAGE)))

    def sql(self, table: Table) -> Sql:
        """What builds conditions on the table for this caller."""
        return Sql(self.store.catalog, table, self._asked)

    def where(self, sql: Sql, text: str | None) -> Where:
        """The condition of a ``$filter``."""
        if text is None:
            return EVERYTHING
        return sql.condition(parse_filter(text, self._aliases())), sql.parameters

    def _aliases(self) -> dict[str, str]:
        return {name: value for name, value in self.request.query.items() if name.startswith("@")}

    def rows(self, table: Table, where: Where, rest: str = "") -> list[Found]:
        """Rows that meet a condition."""
        clause = f"WHERE {where[0]}" if where[0] else ""
        sql = f'SELECT rowid, versionnumber, * FROM "{table.name}" {clause} {rest}'  # noqa: S608
        return self.store.raw(table, sql, where[1])

    def records(self, table: Table, rows: Sequence[Found], select: str | None) -> list[dict[str, Any]]:
        """Rows as JSON, without anything behind them."""
        columns = selected(table, select)
        return [self._record(table, row, columns, []) for row in rows]

    def _counted(self, table: Table, where: Where, *, wanted: bool) -> dict[str, Any]:
        """How many rows there are, 5,000 at most, and whether there are more: each where it was asked for."""
        total = self._count(table, where) if wanted else -1
        shown = min(total, LARGEST_PAGE)
        known: dict[str, Any] = {TOTAL: shown, EXCEEDED: total > LARGEST_PAGE}
        notes = {f"@{name}": value for name, value in known.items() if self.represent.annotations.want(name)}
        return ({"@odata.count": shown} if wanted else {}) | notes

    def _wants_count(self, query: Mapping[str, str]) -> bool:
        wish = query.get("$count", "false")
        if wish not in ("true", "false"):
            raise bad_query(f"Invalid value '{wish}' for $count: true or false.")
        return wish == "true"

    def _count(self, table: Table, where: Where) -> int:
        clause = f"WHERE {where[0]}" if where[0] else ""
        found = self.store.execute(f'SELECT count(*) FROM "{table.name}" {clause}', where[1]).fetchone()  # noqa: S608
        return int(found[0])

    def _record(self, table: Table, found: Found, columns: list[Column], expansions: list[Expansion]) -> dict[str, Any]:
        _, version, row = found
        record = self.represent.record(table, row, version, columns)
        for expansion in expansions:
            if expansion.many:
                self._many(record, table, row[table.id_column], expansion)
                continue
            to = row[expansion.lookup.name]
            if expansion.shape != "row":
                record[expansion.navigation] = self._pointed(expansion, to)
                continue
            target = expansion.target
            rows = self.rows(target, (f'"{target.id_column}" = ?', [str(to.id)])) if to else []
            shape = selected(target, expansion.options.get("$select"))
            record[expansion.navigation] = self._record(target, rows[0], shape, expansion.inner) if rows else None
        return record

    def _many(self, record: dict[str, Any], table: Table, id: UUID, expansion: Expansion) -> None:
        target, options = expansion.target, expansion.options
        sql = self.sql(target)
        order = parse_order(sql, options.get("$orderby"))
        where = both(pointing(expansion.lookup, table.name, id), self.where(sql, options.get("$filter")))
        limit = page_asked(self.request, options).size if expansion.paged else LARGEST_PAGE
        top = whole(options.get("$top"), "$top")
        rows = self.rows(target, where, f"{order.clause} LIMIT {limit if top is None else min(top, limit)}")
        shape = selected(target, options.get("$select"))
        record[expansion.navigation] = [self._record(target, row, shape, expansion.inner) for row in rows]
        address = replace(self.request, path=f"{table.set_name}({id})/{expansion.navigation}")
        last = [rows[-1][0]] if expansion.paged and len(rows) == limit else None
        following = (
            link(address, options, {}) if last is None else next_link(address, Page(1, [], limit, True), last, options)
        )
        if last is not None or not expansion.paged:
            record[f"{expansion.navigation}@odata.nextLink"] = following

    def _pointed(self, expansion: Expansion, to: Link | None) -> dict[str, Any] | None:
        """Only the address of what a lookup points to, or only the id of an owner."""
        target = self.store.catalog.find(to.table) if to else None
        if to is None or target is None:
            return None
        if expansion.shape == "owner":
            return {"@odata.type": f"#Microsoft.Dynamics.CRM.{to.table}", expansion.navigation: to.id}
        return {"@odata.id": f"{self.request.base}/{target.set_name}({to.id})"}

    def _expansions(self, table: Table, text: str | None) -> list[Expansion]:
        return parse_expand(self.store.catalog, table, text) if text else []


def not_modified(request: Request, version: int) -> bool:
    """Whether the caller holds this version already (``If-None-Match`` with an ETag)."""
    return request.header("if-none-match") == etag(version)
