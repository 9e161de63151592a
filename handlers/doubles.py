"""Finds sales that count the same work twice: by this service and somebody else, or twice by one. A few requests.

Nothing stops the product, or a person, from writing an entry's actuals after we have. Such rows are kept from being
marked ready until a person has reversed one side, because an invoice would bill both.
"""

from __future__ import annotations

from collections.abc import Iterable
from uuid import UUID

from connector.dataverse.access import Reader
from handlers.ledger_facts import id_of, ledgers, origins_from, origins_of, traces
from handlers.reading import ask
from mappings import tables
from mappings.choices import TransactionType
from mappings.comparison import alike
from mappings.ledger import Actual
from mappings.row import Row

_TELLING = {TransactionType.COST, TransactionType.UNBILLED_SALES}


def doubled(actuals: Iterable[UUID], dataverse: Reader) -> frozenset[UUID]:
    """Those of these unbilled sales whose entry has live sales of ours and of somebody else, or the same ones twice."""
    asked = set(actuals)
    (towards,) = ask(dataverse, origins_of(asked))
    # A row made by a correction may come from a journal line only; the line, in turn, comes from the entry.
    lines = {id for row in towards if row.text("msdyn_origintype") == tables.JOURNAL_LINE and (id := _source(row))}
    (towards_lines,) = ask(dataverse, origins_of(lines)) if lines else ([],)
    entries = {id for row in (*towards, *towards_lines) if _is_entry(row) and (id := _source(row))}
    (origins,) = ask(dataverse, origins_from(entries))
    found = traces(origins)
    # Only entries with more than one row can be doubled; rows alone on their entry need no look.
    several = {id: found[id] for id in entries if len(found[id].actuals) > 1 or found[id].journal_lines}
    both: set[UUID] = set()
    for ledger in ledgers(several, {}, dataverse).values() if several else ():
        ours, theirs = ledger.counting_twice
        # Once our sales were posted, only the costs still tell that theirs count the same work.
        if {actual.type for actual in ours} & {actual.type for actual in theirs} & _TELLING:
            both |= _sales(ours) | _sales(theirs)
        both |= alike(ledger)
    return frozenset(both & asked)


def _is_entry(row: Row) -> bool:
    """Invoices are origins too, and say nothing here."""
    return row.text("msdyn_origintype") in (tables.TIME_ENTRY, tables.EXPENSE)


def _source(row: Row) -> UUID | None:
    return id_of(row.text("msdyn_origin"))


def _sales(actuals: Iterable[Actual]) -> set[UUID]:
    return {actual.id for actual in actuals if actual.type == TransactionType.UNBILLED_SALES}
