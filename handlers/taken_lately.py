"""Which invoices a contract got just now: what is told when nothing is ready on it any more."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from uuid import UUID

from connector.dataverse.access import Reader
from connector.dataverse.query import Compare, Query, all_of, any_of
from handlers.reading import ask
from mappings import tables
from mappings.row import Row

LATELY = timedelta(hours=1)
"""An invoice that is older was there before anybody asked for this one."""


def question(contracts: Iterable[UUID], now: datetime) -> Query:
    """The invoices of these contracts that were created within the last hour."""
    columns = ("invoicenumber", "salesorderid", "createdby", "createdon")
    young = Compare("createdon", "ge", now - LATELY)
    where = all_of(any_of("salesorderid", contracts), young)
    return Query(tables.INVOICE, columns, where, order_by=("createdon",))


def told(invoices: Sequence[Row], dataverse: Reader) -> Mapping[UUID, str]:
    """A sentence for each contract that has some: which, and who created them."""
    if not invoices:
        return {}
    who = sorted({id for one in invoices if (id := one.link_id("createdby")) is not None})
    (users,) = ask(dataverse, Query(tables.USER, ("fullname",), any_of("systemuserid", who)))
    names = {user.id: user.text("fullname") or "" for user in users}
    found: defaultdict[UUID, list[str]] = defaultdict(list)
    for one in invoices:
        name = names.get(one.link_id("createdby") or one.id, "")
        of = f" of {name}" if name else ""
        found[one.link_id("salesorderid") or one.id].append(f"invoice {one.text('invoicenumber') or one.id}{of}")
    return {contract: f"It was invoiced just now: {' and '.join(some)}." for contract, some in found.items()}
