"""Which entries are worth a look: found in slices by when rows changed, by the day of the work, or by their changes.

A slice holds the entries of a week at the most, so that a year is looked through in the memory of a week. An approval's
or an actual's change is its entry's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, date, datetime, time, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from connector.dataverse.access import Scanner
from connector.dataverse.change_tracking import is_expired
from connector.dataverse.query import Compare, Condition, Query, all_of, any_of
from connector.errors import Rejected
from handlers.ledger_facts import id_of, spelled
from handlers.reading import ask
from handlers.rows import row
from mappings import tables
from mappings.entry import DATED
from mappings.links import ORIGIN_COLUMNS
from mappings.row import Row
from mappings.tables import Ref

SLICE = timedelta(days=7)
CHANGED = "modifiedon"
AT_ONCE = 200
"""Ids in one question."""

Slice = dict[Ref, datetime | None]
"""Entries, and when what led to them was changed, where that is known."""

TRACKED: Mapping[str, tuple[str, ...]] = {
    tables.TIME_ENTRY: (CHANGED,),
    tables.EXPENSE: (CHANGED,),
    tables.APPROVAL: ("msdyn_timeentry", "msdyn_expenseentry", CHANGED),
}
"""The tables whose changes decide about an entry, and what is read of them."""


def changed_between(since: datetime, until: datetime, dataverse: Scanner) -> Iterator[Slice]:
    """The entries of everything that was changed from ``since`` on; what changes after ``until`` belongs to it too."""
    begin = since
    while begin <= until:
        end = begin + SLICE
        bounds = [Compare(CHANGED, "ge", begin)] + ([Compare(CHANGED, "lt", end)] if end <= until else [])
        found: Slice = {}
        for table, columns in TRACKED.items():
            _add(found, _scanned(table, columns, all_of(*bounds), dataverse))
        _add_of_actuals(found, all_of(*bounds), dataverse)
        yield found
        begin = end


def dated_between(first: date, last: date, zone: ZoneInfo, dataverse: Scanner) -> Iterator[Slice]:
    """The entries and actuals dated on these days in ``zone``, give or take a day for those of other zones."""
    begin, end = (_midnight(day, zone) for day in (first - timedelta(days=1), last + timedelta(days=2)))
    while begin < end:
        until = min(begin + SLICE, end)
        found: Slice = {}
        for table, column in DATED.items():
            _add(found, _scanned(table, TRACKED[table], _within(column, begin, until), dataverse))
        _add_of_actuals(found, _within("msdyn_documentdate", begin, until), dataverse)
        yield found
        begin = until


def told_since(
    tokens: Mapping[str, str], before: datetime, dataverse: Scanner, keep: Callable[[str, str], None]
) -> Iterator[Slice]:
    """What tables tell of their changes, as far as a window that begins at ``before`` does not show it.

    That is what was deleted, and what bears an older time than the one it appeared at. ``keep`` is given each table's
    new token. A table that tells nothing yet, or not any more, is asked for a token only: the window has the rest.
    """
    for table in sorted(dataverse.tracking.enabled(TRACKED)):
        token = tokens.get(table)
        try:
            yield from _told(table, token, before, dataverse, keep)
        except Rejected as refused:
            if not is_expired(refused):
                raise
            yield from _told(table, None, before, dataverse, keep)


def _told(
    table: str, token: str | None, before: datetime, dataverse: Scanner, keep: Callable[[str, str], None]
) -> Iterator[Slice]:
    for page in dataverse.tracking.since(table, TRACKED[table], token):
        if page.token is not None:
            keep(table, page.token)
        if token is None:
            continue
        found: Slice = {}
        _add(found, (one for record in page.records if _older(one := row(record), before)))
        if table != tables.APPROVAL:
            found |= dict.fromkeys((Ref(table, id) for id in page.deleted), None)
        yield found


def _older(found: Row, before: datetime) -> bool:
    changed = found.instant(CHANGED)
    return changed is not None and changed < before


def _scanned(table: str, columns: Iterable[str], where: Condition, dataverse: Scanner) -> Iterator[Row]:
    for page in dataverse.scan(Query(table, tuple(columns), where)):
        yield from map(row, page)


def _add(found: Slice, rows: Iterable[Row]) -> None:
    for one in rows:
        if one.ref.table != tables.APPROVAL:
            _remember(found, one.ref, one.instant(CHANGED))
        elif (entry := one.link("msdyn_timeentry") or one.link("msdyn_expenseentry")) is not None:
            _remember(found, entry, one.instant(CHANGED))


def _add_of_actuals(found: Slice, where: Condition, dataverse: Scanner) -> None:
    """The entries that these actuals come from; one that leads to no entry is nobody's here."""
    for page in dataverse.scan(Query(tables.ACTUAL, (CHANGED,), where)):
        changed = {record.row.id: row(record).instant(CHANGED) for record in page}
        ids = sorted(changed)
        for begin in range(0, len(ids), AT_ONCE):
            for entry, actual in _origins(ids[begin : begin + AT_ONCE], dataverse):
                _remember(found, entry, changed.get(actual))


def _origins(actuals: Iterable[UUID], dataverse: Scanner) -> Iterator[tuple[Ref, UUID]]:
    wanted = any_of("msdyn_transaction", [text for id in actuals for text in spelled(id)])
    (origins,) = ask(dataverse, Query(tables.ORIGIN, ORIGIN_COLUMNS, wanted))
    for one in origins:
        table, entry, actual = (
            one.text("msdyn_origintype"),
            id_of(one.text("msdyn_origin")),
            id_of(one.text("msdyn_transaction")),
        )
        if table in (tables.TIME_ENTRY, tables.EXPENSE) and entry is not None and actual is not None:
            yield Ref(table, entry), actual


def _remember(found: Slice, entry: Ref, changed: datetime | None) -> None:
    known = found.get(entry)
    found[entry] = changed if known is None else max(known, changed or known)


def _within(column: str, begin: datetime, end: datetime) -> Condition:
    return all_of(Compare(column, "ge", begin), Compare(column, "lt", end))


def _midnight(day: date, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, time(), zone).astimezone(UTC)
