"""Approved entries whose actuals are long in coming: the silence that nobody else tells of.

Two looks: which of the latest approvals have no actual at all, whoever would have made it; and, for those few, what the
service's own rules say, which leave out what owes none, such as work approved before the go-live date.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from connector.dataverse.access import Reader
from connector.dataverse.query import Compare, Query, all_of, equals
from handlers.actuals import ActualsHandler
from handlers.ledger_facts import ledgers, origins_from, traces
from handlers.reading import ask
from handlers.reconcile import Drift, Survey
from handlers.verification import VerificationHandler
from mappings import keys, tables
from mappings.choices import RecordStage
from mappings.tables import Ref
from service.status.part import FEW, Named, Part, State, ago, number

UNSERVED = "approved-without-actuals"
LATELY, LONGEST = timedelta(days=7), timedelta(days=30)
"""How far back is looked at the least, and at the most where ``reconcile`` has not looked since."""
MOST = 1000
"""Approvals that are looked at, the youngest first."""
CHUNK = 200


@dataclass(frozen=True, slots=True)
class Unserved:
    """Approved entries without actuals, each with when its approval was changed last.

    ``looked_at``: approvals changed from ``begin`` on that were looked at; ``is_more``: there are earlier ones.
    """

    drifts: tuple[Drift, ...]
    since: Mapping[Ref, datetime]
    begin: datetime
    looked_at: int
    is_more: bool

    @property
    def oldest(self) -> datetime | None:
        """Since when the first of them waits."""
        return min((self.since[drift.entry] for drift in self.drifts), default=None)


def unserved(
    handler: ActualsHandler | VerificationHandler,
    dataverse: Reader,
    now: datetime,
    after: timedelta,
    reconciled: datetime | None = None,
) -> Unserved:
    """Those approved longer ago than ``after``; ``reconciled``: what was changed before was looked at by ``reconcile``,
    which tells itself what that left open. Raises ``ConnectorError``.
    """
    begin = max(now - LONGEST, min(now - LATELY, reconciled or now - LONGEST))
    where = all_of(
        equals("msdyn_recordstage", int(RecordStage.APPROVED)),
        Compare("modifiedon", "ge", begin),
        Compare("modifiedon", "lt", now - after),
    )
    columns = ("msdyn_timeentry", "msdyn_expenseentry", "msdyn_project", "modifiedon")
    (approvals,) = ask(dataverse, Query(tables.APPROVAL, columns, where, ("modifiedon desc",), MOST))
    since: dict[Ref, datetime] = {}
    for row in approvals:
        entry, changed = row.link("msdyn_timeentry") or row.link("msdyn_expenseentry"), row.instant("modifiedon")
        if entry is not None and changed is not None and row.link("msdyn_project") is not None:
            since.setdefault(entry, changed)
    entries = sorted(since, key=str)
    bare: list[Ref] = []
    for first in range(0, len(entries), CHUNK):
        bare += without_actuals(entries[first : first + CHUNK], dataverse)
    survey = Survey(handler, dataverse, now - after)
    drifts = tuple(survey.drifts([{entry: since[entry] for entry in bare}])) if bare else ()
    return Unserved(drifts, since, begin, len(approvals), len(approvals) >= MOST)


def without_actuals(entries: list[Ref], dataverse: Reader) -> Iterator[Ref]:
    """Those of these entries of which no actual counts, whoever made it. Raises ``ConnectorError``."""
    ids: list[UUID] = [entry.id for entry in entries]
    (origins,) = ask(dataverse, origins_from(ids))
    found = traces(origins)
    derived = {id: [keys.row_id(id, 0, keys.COST)] for id in ids}
    books = ledgers({id: found[id] for id in ids}, derived, dataverse)
    yield from (entry for entry in entries if not books[entry.id].live and not books[entry.id].foreign)


def told(found: Unserved, now: datetime, after: timedelta) -> Part:
    """It as a part of what is shown."""
    count = len(found.drifts)
    minutes = int(after.total_seconds() // 60)
    oldest = found.oldest
    since = "" if oldest is None else f", the first for {ago(now, oldest)}"
    todo = ""
    if found.drifts:
        todo = f"psa-connector entry explain {found.drifts[0].entry.id}"
        if any(drift.repairable for drift in found.drifts):
            todo = "Is psa-connector run at work? Then: psa-connector reconcile --repair"
    looked = number(found.looked_at, "approval", "approvals", is_more=found.is_more)
    said = number(count, "entry has", "entries have")
    return Part(
        UNSERVED,
        State.ATTENTION if count else State.OK,
        f"{said} been approved for more than {minutes} minutes without actuals{since} "
        f"({looked} of the last {(now - found.begin).days} days).",
        todo,
        count,
        found.is_more and count > 0,
        oldest,
        tuple(named(drift) for drift in found.drifts[:FEW]),
        {"looked_at": found.looked_at, "repairable": sum(drift.repairable for drift in found.drifts)},
    )


def named(drift: Drift) -> Named:
    """An entry with the first thing that is said of it."""
    day = f" of {drift.day}" if drift.day else ""
    return Named(drift.entry, f"{drift.entry.table}{day}", drift.findings[0].sentence)
