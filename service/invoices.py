"""Invoices as people name them: by id, by number, by name, or by the address that opens one."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit
from uuid import UUID

from connector.dataverse.access import Reader
from connector.dataverse.query import Query, any_of, either
from handlers.reading import ask
from mappings import tables
from mappings.invoice import INVOICE_COLUMNS
from mappings.row import Row


class NoSuchInvoice(Exception):
    """A name leads to no invoice, or to several; the message says what to do."""


def invoice_named(dataverse: Reader, name: str) -> Row:
    """The header of the invoice a name leads to. Raises ``NoSuchInvoice``."""
    text = _in_address(name.strip())
    id = _as_id(text)
    where = (
        any_of("invoiceid", [id]) if id is not None else either(any_of("invoicenumber", [text]), any_of("name", [text]))
    )
    (found,) = ask(dataverse, Query(tables.INVOICE, INVOICE_COLUMNS, where, order_by=("createdon desc",)))
    exact = [one for one in found if (one.text("invoicenumber") or "").casefold() == text.casefold()]
    fitting = exact or found
    if not fitting:
        raise NoSuchInvoice(
            f"There is no invoice {name!r}, or it is not shared with this service; "
            "`psa-connector invoice list` shows those that are."
        )
    if len(fitting) > 1:
        numbers = ", ".join(one.text("invoicenumber") or str(one.id) for one in fitting)
        raise NoSuchInvoice(f"{name!r} names several invoices ({numbers}); name one by its number or id.")
    return fitting[0]


def _in_address(name: str) -> str:
    """The id in an address, which older apps keep behind a second mark or a hash; else the name itself."""
    if "://" not in name and "main.aspx" not in name:
        return name
    address = urlsplit(name)
    asked = parse_qs(f"{address.query}&{address.fragment}".replace("?", "&").replace("#", "&"))
    table, id = asked.get("etn", [tables.INVOICE])[0], asked.get("id", [""])[0]
    if table != tables.INVOICE:
        raise NoSuchInvoice(f"{name!r} opens a row of {table}, and not an invoice.")
    if _as_id(id) is None:
        raise NoSuchInvoice(f"{name!r} is no address that opens an invoice.")
    return id


def _as_id(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None
