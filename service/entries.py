"""Entries as people name them: by id, by the address of a record, or by the approval that releases them."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit
from uuid import UUID

from connector.dataverse.access import Reader
from connector.dataverse.query import Query, equals
from handlers.reading import ask
from mappings import tables
from mappings.tables import Ref

_TABLES = (tables.TIME_ENTRY, tables.EXPENSE, tables.APPROVAL)


class NoSuchEntry(Exception):
    """A name leads to no entry; the message says so in one sentence."""


def entry_named(dataverse: Reader, name: str) -> Ref:
    """The time entry or expense a name leads to. Raises ``NoSuchEntry``."""
    table, id = _named(name.strip())
    if table not in (None, *_TABLES):
        raise NoSuchEntry(f"{name!r} opens a row of {table}; name a time entry, an expense or an approval.")
    times, expenses, approvals = ask(
        dataverse,
        Query(tables.TIME_ENTRY, ("msdyn_timeentryid",), equals("msdyn_timeentryid", id)),
        Query(tables.EXPENSE, ("msdyn_expenseid",), equals("msdyn_expenseid", id)),
        Query(tables.APPROVAL, ("msdyn_timeentry", "msdyn_expenseentry"), equals("msdyn_projectapprovalid", id)),
    )
    entries = [row.ref for row in (*times, *expenses)]
    entries += [
        link for row in approvals if (link := row.link("msdyn_timeentry") or row.link("msdyn_expenseentry")) is not None
    ]
    if entries:
        return entries[0]
    if approvals:
        raise NoSuchEntry(f"Approval {id} leads to neither a time entry nor an expense.")
    raise NoSuchEntry(f"There is no time entry, expense or approval {id}, or it is not shared with this service.")


def _named(name: str) -> tuple[str | None, UUID]:
    """The id a name holds, and the table where an address says it."""
    table: str | None = None
    text = name
    if "://" in name or "main.aspx" in name:
        address = urlsplit(name)
        # Older addresses keep their parameters behind a second mark, or behind a hash.
        asked = parse_qs(f"{address.query}&{address.fragment}".replace("?", "&").replace("#", "&"))
        table, text = asked.get("etn", [None])[0], asked.get("id", [""])[0]
    try:
        return table, UUID(text)
    except ValueError as error:
        raise NoSuchEntry(f"{name!r} is no id of an entry, and no address that opens one.") from error
