"""Which tables take the bulk messages: said by rows of ``sdkmessagefilter``, where clients look for it too.

Every custom table takes them, and not every standard one; no page lists which. Here it is account and contact, which
Microsoft's samples use, until ``offer`` says otherwise. ``UpsertMultiple`` is there where both others are, and is not
listed. ``DeleteMultiple`` exists for elastic tables only, which there are none of.
(Microsoft Learn, "Use bulk operation messages".)
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final
from uuid import NAMESPACE_URL, UUID, uuid5

from sandbox.dataverse.refusals import unsupported
from sandbox.dataverse.transaction import Transaction
from sandbox.dataverse.unit_of_work import Cell, Link, Row

BULK: Final = ("CreateMultiple", "UpdateMultiple")
STANDARD: Final = frozenset({"account", "contact"})


def message_id(message: str) -> UUID:
    """A message's row."""
    return uuid5(NAMESPACE_URL, f"psa-connector/sandbox/sdkmessage/{message}")


def filter_id(message: str, table: str) -> UUID:
    """The row that says that a table knows a message."""
    return uuid5(NAMESPACE_URL, f"psa-connector/sandbox/sdkmessagefilter/{message}/{table}")


def begins_with_bulk(table: str) -> bool:
    """Whether a table takes bulk messages from its first day: a custom one does."""
    return "_" in table or table in STANDARD


def takes(uow: Transaction, message: str, table: str) -> bool:
    """Whether the table takes the bulk message."""
    filters = uow.catalog.table("sdkmessagefilter")
    needed = BULK if message == "UpsertMultiple" else (message,)
    return all(uow.store.exists(filters, filter_id(name, table)) for name in needed)


def no_step_on_bulk(_uow: Transaction, _id: UUID | None, values: Mapping[str, Cell]) -> None:
    """Refuse processing steps on bulk messages, which nothing would call; those on single rows hear of all."""
    message = values.get("sdkmessageid")
    if isinstance(message, Link) and message.id in {message_id(name) for name in BULK}:
        raise unsupported("processing steps on bulk messages; register them on Create and Update")


def offer(uow: Transaction, table: str, *, on: bool) -> None:
    """Let a table take the bulk messages from now on, or no more."""
    for message in BULK:
        id = filter_id(message, table)
        there = takes(uow, message, table)
        if on and not there:
            link = Link("sdkmessage", message_id(message))
            values: Row = {"sdkmessageid": link, "primaryobjecttypecode": table, "iscustomprocessingstepallowed": True}
            uow.create("sdkmessagefilter", values, id)
        elif there and not on:
            uow.delete("sdkmessagefilter", id)
