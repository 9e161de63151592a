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


def entry_named(dataverse: Reader, name: str, url: str) -> Ref:
    """The time entry or expense a name leads to in the environment at ``url``. Raises ``NoSuchEntry``."""
    table, id, host = _named(name.strip())
    if table not in (None, *_TABLES):
        raise NoSuchEntry(f"{name!r} opens a row of {table}; name a time entry, an expense or an approval.")
    if host is not None and host != (here := _host(url)):
        # A copy of an environment has the same ids: the other one would be explained in this one's place.
        raise NoSuchEntry(f"{name!r} opens a row of {host}, but the settings name {here}; name the id, or change them.")
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


def _named(name: str) -> tuple[str | None, UUID, str | None]:
    """The id a name holds; the table and the host where an address says them."""
    table: str | None = None
    host: str | None = None
    text = name
    if "://" in name or "main.aspx" in name:
        address = urlsplit(name)
        # Older addresses keep their parameters behind a second mark, or behind a hash.
        asked = parse_qs(f"{address.query}&{address.fragment}".replace("?", "&").replace("#", "&"))
        table, text = asked.get("etn", [None])[0], asked.get("id", [""])[0]
        host = _host(name)
    try:
        return table, UUID(text), host
    except ValueError as error:
        raise NoSuchEntry(
            f"{name!r} is no id of an entry, and no address that opens one; copy the address from the browser."
        ) from error


def _host(address: str) -> str | None:
    """The environment's host; the one its Web API is called at may bear ``api`` behind the environment's name."""
    host = urlsplit(address).hostname
    return host.replace(".api.crm", ".crm", 1) if host else None
