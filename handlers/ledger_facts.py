"""Finds every actual of an entry, whoever wrote it, however it is tied: a constant number of requests, any number.

By origin from the entry, by origin from one of its journal lines, by a connection to an actual already found (a
reversal, a replacement, what was billed), and by the ids that only we could have derived, which are there even where
no origin is.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from uuid import UUID

from connector.dataverse.access import Reader
from connector.dataverse.query import Query, any_of
from handlers.reading import ask
from mappings import keys, tables
from mappings.ledger import ACTUAL_COLUMNS, Actual, Ledger, own_roles
from mappings.links import CONNECTION_COLUMNS, ORIGIN_COLUMNS
from mappings.row import Row

_HOPS = 8
"""How many connections in a row are followed: a row replaced, replaced again, billed, credited."""


@dataclass
class Trace:
    """Where an entry's origins lead; ``signed`` are the actuals whose origin bears an id of ours."""

    actuals: set[UUID] = field(default_factory=set)
    journal_lines: set[UUID] = field(default_factory=set)
    signed: set[UUID] = field(default_factory=set)


def origins_from(sources: Iterable[UUID]) -> Query:
    """The origins that lead from these rows."""
    return _naming(tables.ORIGIN, "msdyn_origin", ORIGIN_COLUMNS, sources)


def origins_of(transactions: Iterable[UUID]) -> Query:
    """The origins that lead to these transactions."""
    return _naming(tables.ORIGIN, "msdyn_transaction", ORIGIN_COLUMNS, transactions)


def traces(origins: Iterable[Row]) -> defaultdict[UUID, Trace]:
    """Where origins lead, by the row they lead from."""
    found: defaultdict[UUID, Trace] = defaultdict(Trace)
    for row in origins:
        source, transaction = id_of(row.text("msdyn_origin")), id_of(row.text("msdyn_transaction"))
        if source is None or transaction is None:
            continue
        trace = found[source]
        # The stored spelling of a type is not documented everywhere; the id decides, so anything unknown is looked up.
        journal = row.text("msdyn_transactiontype") == tables.JOURNAL_LINE
        (trace.journal_lines if journal else trace.actuals).add(transaction)
        if row.id == keys.origin_id(source, transaction):
            trace.signed.add(transaction)
    return found


def questions(
    actuals: Iterable[UUID],
    near: Iterable[UUID],
    journal_lines: Iterable[UUID],
    columns: tuple[str, ...] = ACTUAL_COLUMNS,
) -> tuple[Query, ...]:
    """These actuals, the connections of those ``near``, and the origins that lead from journal lines; in this order."""
    near = list(near)
    return (
        Query(tables.ACTUAL, columns, any_of("msdyn_actualid", sorted(actuals))),
        _naming(tables.CONNECTION, "msdyn_transaction1", CONNECTION_COLUMNS, near),
        _naming(tables.CONNECTION, "msdyn_transaction2", CONNECTION_COLUMNS, near),
        origins_from(journal_lines),
    )


def derived_ids(entry: UUID, tied: int, customers: Iterable[UUID], *, between_units: bool) -> set[UUID]:
    """The ids that rows of ours may have, for an entry that ``tied`` actuals are tied to by origins of its own."""
    roles = own_roles(customers, between_units=between_units)
    # Every withdrawn generation has left at least two rows behind, so this many generations can't miss the next one.
    generations = range(tied // 2 + 2)
    return {keys.row_id(entry, generation, role) for generation in generations for role in roles}


def ledgers(
    entries: Mapping[UUID, Trace],
    derived: Mapping[UUID, Iterable[UUID]],
    dataverse: Reader,
    columns: tuple[str, ...] = ACTUAL_COLUMNS,
) -> dict[UUID, Ledger]:
    """The ledger of each entry, by the entry's id. ``derived``: ids that may be there without any tie."""
    tied = {entry: set(trace.actuals) for entry, trace in entries.items()}
    asked = {entry: ids | set(derived.get(entry, ())) for entry, ids in tied.items()}
    rows: dict[UUID, Row] = {}
    came_from: defaultdict[UUID, set[UUID]] = defaultdict(set)
    details: dict[UUID, set[UUID]] = {}
    of_journal = {line: entry for entry, trace in entries.items() for line in trace.journal_lines}
    for hop in range(_HOPS):
        missing = set().union(*asked.values()) - rows.keys()
        if hop and not missing:
            break
        near = set().union(*tied.values()) & missing
        found, forth, back, journal_origins = ask(
            dataverse, *questions(missing, near, () if hop else of_journal, columns)
        )
        rows |= {row.id: row for row in found}
        pairs = _pairs((*forth, *back), tables.ACTUAL)
        details |= _pairs((*forth, *back), tables.INVOICE_LINE_DETAIL)
        for line, trace in traces(journal_origins).items():
            if line in of_journal:
                tied[of_journal[line]] |= trace.actuals
                for actual in trace.actuals:
                    came_from[actual].add(line)
        for entry, ids in tied.items():
            ids |= {other for id in ids for other in pairs.get(id, ())}
            asked[entry] |= ids
        if not set().union(*asked.values()) - rows.keys() - missing:
            break
    drafts = _drafts({id: details.get(id, set()) for id, row in rows.items() if Actual(row).is_on_draft}, dataverse)
    return {
        entry: Ledger(
            entry,
            tuple(Actual(rows[id]) for id in sorted(ids) if id in rows),
            frozenset(entries[entry].signed),
            {id: frozenset(came_from[id]) for id in ids if id in came_from},
            {id: drafts[id] for id in ids if id in drafts},
        )
        for entry, ids in asked.items()
    }


def id_of(text: str | None) -> UUID | None:
    """An id kept as text, in any spelling; text that is none leads nowhere."""
    try:
        return UUID(text or "")
    except ValueError:
        return None


def spelled(id: UUID) -> tuple[str, str]:
    """The spellings of an id kept as text; letter case makes no difference to Dataverse."""
    return str(id), f"{{{id}}}"


def _naming(table: str, column: str, columns: tuple[str, ...], ids: Iterable[UUID]) -> Query:
    return Query(table, columns, any_of(column, [text for id in sorted(ids) for text in spelled(id)]))


def _drafts(details: Mapping[UUID, set[UUID]], dataverse: Reader) -> dict[UUID, frozenset[UUID]]:
    """The invoices on which actuals stand, by way of their ``details``; one request, and none where there are none."""
    wanted = sorted(set[UUID]().union(*details.values()))
    if not wanted:
        return {}
    question = Query(tables.INVOICE_LINE_DETAIL, ("msdyn_invoice",), any_of("msdyn_invoicelinetransactionid", wanted))
    invoices = {row.id: id for row in ask(dataverse, question)[0] if (id := row.link_id("msdyn_invoice")) is not None}
    return {actual: frozenset(invoices[one] for one in ids if one in invoices) for actual, ids in details.items()}


def _pairs(connections: Iterable[Row], other: str) -> dict[UUID, set[UUID]]:
    """What actuals are tied to of the table ``other``, by id, both ways."""
    found: defaultdict[UUID, set[UUID]] = defaultdict(set)
    for row in connections:
        if {row.text("msdyn_transaction1type"), row.text("msdyn_transaction2type")} != {tables.ACTUAL, other}:
            continue
        first, second = id_of(row.text("msdyn_transaction1")), id_of(row.text("msdyn_transaction2"))
        if first is not None and second is not None:
            found[first].add(second)
            found[second].add(first)
    return found
