"""Approved entries whose actuals are long in coming: the silence that nobody else tells of.

The latest approvals are judged by the service's own rules, as ``reconcile`` does it: what is missing is told, whether
it is all or a part, and whoever should have written it. What nobody looked at, here or by ``reconcile``, is told.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from connector.dataverse.access import Reader
from connector.dataverse.query import Compare, Query, all_of, equals
from handlers.actuals import ActualsHandler
from handlers.ledger_facts import ledgers, origins_from, traces
from handlers.reading import ask
from handlers.reconcile import Drift, Survey
from handlers.suspects import Slice
from handlers.verification import VerificationHandler
from mappings import keys, tables
from mappings.choices import RecordStage
from mappings.comparison import Kind
from mappings.tables import Ref
from service.status.conditions import midnight
from service.status.part import FEW, Named, Part, State, ago, number

UNSERVED, UNSEEN = "approved-without-actuals", "approvals-unseen"
LATELY, LONGEST = timedelta(days=7), timedelta(days=30)
"""How far back is looked at the least, and at the most where ``reconcile`` has not looked since."""
MOST = 1000
"""Approvals that are looked at, the youngest first."""
CHUNK = 200
_LACKING = frozenset({Kind.MISSING, Kind.DOUBLED, Kind.NOT_WITHDRAWN})


@dataclass(frozen=True, slots=True)
class Unserved:
    """Approved entries without the actuals they call for, each with when its approval was changed last.

    ``looked_at``: approvals changed from ``begin`` on that were looked at; ``is_more``: there are earlier ones.
    ``unseen``: approvals changed from then up to ``begin`` were looked at by nobody; ``None`` where there are none.
    """

    drifts: tuple[Drift, ...]
    since: Mapping[Ref, datetime]
    begin: datetime
    looked_at: int
    is_more: bool
    unseen: datetime | None = None

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
    go_live: datetime | None = None,
) -> Unserved:
    """Those approved longer ago than ``after``; ``reconciled``: what was changed before was looked at by ``reconcile``,
    which tells itself what that left open; ``go_live``: what was approved before owes nothing.

    Raises ``ConnectorError``.
    """
    begin = max(now - LONGEST, min(now - LATELY, reconciled or now - LONGEST))
    is_approved = equals("msdyn_recordstage", int(RecordStage.APPROVED))
    where = all_of(is_approved, Compare("modifiedon", "ge", begin), Compare("modifiedon", "lt", now - after))
    columns = ("msdyn_timeentry", "msdyn_expenseentry", "msdyn_project", "modifiedon")
    (approvals,) = ask(dataverse, Query(tables.APPROVAL, columns, where, ("modifiedon desc",), MOST))
    is_more = len(approvals) >= MOST
    since: dict[Ref, datetime] = {}
    for row in approvals:
        entry, changed = row.link("msdyn_timeentry") or row.link("msdyn_expenseentry"), row.instant("modifiedon")
        if entry is not None and changed is not None and row.link("msdyn_project") is not None:
            since.setdefault(entry, changed)
    if is_more:
        begin = approvals[-1].instant("modifiedon") or now
    entries = sorted(since, key=str)
    survey = Survey(handler, dataverse, now - after)
    drifts: list[Drift] = []
    for first in range(0, len(entries), CHUNK):
        some: Slice = {entry: since[entry] for entry in entries[first : first + CHUNK]}
        drifts += lacking(survey, some, dataverse)
    known = max(filter(None, (reconciled, go_live)), default=None)
    unseen = None
    if is_more:
        # Of those changed at the very moment of the last one some may have been cut off.
        unseen = (known or now - LONGEST) if known is None or known <= begin else None
    elif known is not None and known < begin:
        earlier = all_of(is_approved, Compare("modifiedon", "ge", known), Compare("modifiedon", "lt", begin))
        (rest,) = ask(dataverse, Query(tables.APPROVAL, ("modifiedon",), earlier, ("modifiedon",), 1))
        unseen = rest[0].instant("modifiedon") if rest else None
    return Unserved(tuple(drifts), since, begin, len(approvals), is_more, unseen)


def went_live(start_from: date | None, zone: ZoneInfo) -> datetime | None:
    """When the go-live date began, in whichever zone a unit keeps its days."""
    return None if start_from is None else midnight(start_from, zone) - timedelta(days=1)


def lacking(survey: Survey, found: Slice, dataverse: Reader) -> Iterator[Drift]:
    """Of these entries those whose actuals are missing, in part or all, stand twice, or were not taken back.

    One that can't be judged, or was edited since, counts where no actual does. Raises ``ConnectorError``.
    """
    drifts = [*survey.drifts([found])]
    unclear = [drift.entry for drift in drifts if not _lacks(drift)]
    bare = set(without_actuals(unclear, dataverse)) if unclear else set()
    yield from (drift for drift in drifts if _lacks(drift) or drift.entry in bare)


def _lacks(drift: Drift) -> bool:
    return drift.repairable or any(finding.kind in _LACKING for finding in drift.findings)


def without_actuals(entries: Sequence[Ref], dataverse: Reader) -> Iterator[Ref]:
    """Those of these entries of which no actual counts, whoever made it. Raises ``ConnectorError``."""
    ids: list[UUID] = [entry.id for entry in entries]
    (origins,) = ask(dataverse, origins_from(ids))
    found = traces(origins)
    derived = {id: [keys.row_id(id, 0, keys.COST)] for id in ids}
    books = ledgers({id: found[id] for id in ids}, derived, dataverse)
    yield from (entry for entry in entries if not books[entry.id].live and not books[entry.id].foreign)


def told(found: Unserved, now: datetime, after: timedelta) -> Iterator[Part]:
    """It as two parts of what is shown: what was looked at, and what was not."""
    count = len(found.drifts)
    minutes = int(after.total_seconds() // 60)
    oldest = found.oldest
    since = "" if oldest is None else f", the first for {ago(now, oldest)}"
    todo = ""
    if found.drifts:
        todo = f"psa-connector entry explain {found.drifts[0].entry.id}"
        if any(drift.repairable for drift in found.drifts):
            todo = "Is psa-connector run at work? Then: psa-connector reconcile --repair"
    looked = number(found.looked_at, "approval", "approvals")
    said = number(count, "entry has", "entries have", is_more=found.is_more and count > 0)
    yield Part(
        UNSERVED,
        State.ATTENTION if count else State.OK,
        f"{said} been approved for more than {minutes} minutes without the actuals they call for{since} "
        f"({looked} of the last {ago(now, found.begin)}).",
        todo,
        count,
        found.is_more and count > 0,
        oldest,
        tuple(named(drift) for drift in found.drifts[:FEW]),
        {"looked_at": found.looked_at, "repairable": sum(drift.repairable for drift in found.drifts)},
    )
    if found.unseen is None:
        said = f"None was passed by since the go-live date, or in {LONGEST.days} days where none is set."
        yield Part(UNSEEN, State.OK, said)
        return
    yield Part(
        UNSEEN,
        State.ATTENTION,
        f"What was approved from {found.unseen:%Y-%m-%d %H:%M} to {found.begin:%Y-%m-%d %H:%M} UTC was looked at by "
        "nobody: reconcile was not run since.",
        "psa-connector reconcile, best once a night",
        oldest=found.unseen,
    )


def named(drift: Drift) -> Named:
    """An entry with what is said of it, what is lacking first."""
    day = f" of {drift.day}" if drift.day else ""
    first = next((one for one in drift.findings if one.kind in _LACKING), drift.findings[0])
    return Named(drift.entry, f"{drift.entry.table}{day}", first.sentence)
