"""Finds sales that count the same work twice, once by this service and once by somebody else: two requests, any number.

Nothing stops the product, or a person, from writing an entry's actuals after we have. Such rows are kept from being
marked ready until a person has reversed one side, because an invoice would bill both.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from uuid import UUID

from connector.dataverse.access import Reader
from connector.dataverse.query import Query, any_of
from handlers.entry_facts import id_of, spelled
from handlers.reading import ask
from mappings import keys, tables
from mappings.choices import TransactionType
from mappings.ledger import ACTUAL_COLUMNS, Actual, Ledger
from mappings.links import ORIGIN_COLUMNS
from mappings.row import Row


def doubled(actuals: Iterable[UUID], dataverse: Reader) -> frozenset[UUID]:
    """Those of these unbilled sales actuals whose entry has live sales of ours and of somebody else."""
    asked = set(actuals)
    (towards,) = ask(dataverse, _origins("msdyn_transaction", asked))
    entries = {entry for row in towards if (entry := _entry(row))}
    (origins,) = ask(dataverse, _origins("msdyn_origin", entries))
    found: defaultdict[UUID, set[UUID]] = defaultdict(set)
    signed: set[UUID] = set()
    for row in origins:
        entry, actual = _entry(row), id_of(row.text("msdyn_transaction"))
        if entry is not None and actual is not None:
            found[entry].add(actual)
            signed |= {actual} if row.id == keys.origin_id(entry, actual) else set()
    # Only entries with more sales than were asked about can be doubled unseen; rows alone on their entry are not.
    wanted = {actual for ids in found.values() if len(ids) > 1 for actual in ids}
    (rows,) = ask(dataverse, Query(tables.ACTUAL, ACTUAL_COLUMNS, any_of("msdyn_actualid", sorted(wanted))))
    by_id = {row.id: Actual(row) for row in rows}
    both: set[UUID] = set()
    for entry, ids in found.items():
        ledger = Ledger(entry, tuple(by_id[id] for id in sorted(ids) if id in by_id), frozenset(signed & ids))
        ours, theirs = map(_sales, ledger.counting_twice)
        if ours and theirs:
            both |= ours | theirs
    return frozenset(both & asked)


def _origins(column: str, ids: Iterable[UUID]) -> Query:
    return Query(tables.ORIGIN, ORIGIN_COLUMNS, any_of(column, [text for id in sorted(ids) for text in spelled(id)]))


def _entry(row: Row) -> UUID | None:
    """The entry an origin leads from; journal lines and invoices are origins too, and say nothing here."""
    of_entry = row.text("msdyn_origintype") in (tables.TIME_ENTRY, tables.EXPENSE)
    return id_of(row.text("msdyn_origin")) if of_entry else None


def _sales(actuals: Iterable[Actual]) -> set[UUID]:
    return {actual.id for actual in actuals if actual.type == TransactionType.UNBILLED_SALES}
