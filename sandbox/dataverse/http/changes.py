"""Change tracking: all rows and a link to what changes after (``Prefer: odata.track-changes``), then the changes.

Changed rows come first, in the order of their versions, then the deleted ones. A row made and deleted since is told as
deleted only. How a token that is too old is answered is inferred from the list of error codes.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any

from sandbox.dataverse.catalog import Table
from sandbox.dataverse.http.exchange import Answer, Request
from sandbox.dataverse.http.paging import link, next_link, page_asked
from sandbox.dataverse.http.queries import Reader, Where
from sandbox.dataverse.refusals import bad_query
from sandbox.dataverse.unit_of_work import Refused

OPTIONS = {"$select", "$deltatoken", "$skiptoken"}
TOKEN = re.compile(r"(\d+)!(\d\d/\d\d/\d{4} \d\d:\d\d:\d\d)")
FORMAT = "%m/%d/%Y %H:%M:%S"
KEPT = timedelta(days=7)
"""How long the platform answers to a token (``ExpireChangeTrackingInDays``)."""


def asked_for_changes(request: Request) -> bool:
    """Whether a request asks for change tracking."""
    return "odata.track-changes" in request.preferences or "$deltatoken" in request.query


def changes(reader: Reader, table: Table) -> Answer:
    """A page of all rows, or of what changed since the token."""
    request = reader.request
    query = request.query
    if not table.change_tracking:
        raise Refused(f"Entity {table.name} is not enabled for change tracking.", "0x80040203")
    for name in query:
        if name.startswith("$") and name not in OPTIONS:
            raise bad_query(f"The query parameter {name} is not supported with change tracking.")
    token = query.get("$deltatoken")
    since = 0 if token is None else _version(token, reader.now)
    page = page_asked(request)
    after, until = page.place if len(page.place) == 2 else (since, reader.store.version_reached)
    where: Where = ("versionnumber > ? AND versionnumber <= ?", [after, until])
    rows = reader.rows(table, where, f"ORDER BY versionnumber LIMIT {page.size + 1}")
    shape = f"({query['$select']})" if "$select" in query else ""
    root = f"{request.base}/$metadata#{table.set_name}"
    answer: dict[str, Any] = {"@odata.context": f"{root}{shape}/$delta"}
    shown = reader.records(table, rows[: page.size], query.get("$select"))
    if len(rows) > page.size:
        answer["@odata.nextLink"] = next_link(request, page, [rows[page.size - 1][1], until])
    else:
        kept = {name: value for name, value in query.items() if name != "$skiptoken"}
        stamp = f"{until}!{reader.now.astimezone(UTC).strftime(FORMAT)}"
        answer["@odata.deltaLink"] = link(request, kept, {"$deltatoken": stamp})
        gone = [] if token is None else reader.store.deleted_since(table, since)
        still = (id for id in dict.fromkeys(gone) if not reader.store.exists(table, id))
        shown += [{"@odata.context": f"{root}/$deletedEntity", "id": id, "reason": "deleted"} for id in still]
    answer["value"] = shown
    return Answer(200, {"Preference-Applied": "odata.track-changes"} | reader.applied(), answer)


def count_of_changes(reader: Reader, table: Table) -> Answer:
    """``set/$count?$deltatoken=…``: how many rows changed or went."""
    since = _version(reader.request.query["$deltatoken"], reader.now)
    rows = reader.rows(table, ("versionnumber > ?", [since]))
    gone = [id for id in set(reader.store.deleted_since(table, since)) if not reader.store.exists(table, id)]
    return Answer(200, text=str(len(rows) + len(gone)))


def _version(token: str, now: datetime) -> int:
    match = TOKEN.fullmatch(token)
    if match is None:
        raise bad_query("The $deltatoken is not one this service gave out.")
    given = datetime.strptime(match.group(2), FORMAT).replace(tzinfo=UTC)
    if now - given > KEPT:
        raise Refused("Version stamp associated with the client has expired. Please perform a full sync.", "0x80044352")
    return int(match.group(1))
