"""Who made the actuals of what was approved lately: this service, or the product; told by the rows themselves.

Ours are told by ids that only this service derives, so that it makes no difference who is signed in.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from connector.dataverse.access import Reader
from connector.dataverse.query import Compare, Query, all_of, equals
from handlers.ledger_facts import ledgers, origins_from, traces
from handlers.reading import ask
from mappings import keys, tables
from mappings.choices import RecordStage
from service.checks.finding import Finding, Verdict
from service.settings import Settings

LATELY = timedelta(days=30)
MOST = 200
"""Approvals that are looked at, the youngest first."""
SETTLED = timedelta(minutes=30)
"""Approved more recently, an entry may wait for actuals that are still to come."""


@dataclass(frozen=True, slots=True)
class Creators:
    """Approved entries of projects by who made the actuals that count for them; ``settled`` of ``neither`` are old
    enough to have had theirs."""

    ours: int
    others: int
    both: int
    neither: int
    settled: int

    @property
    def looked_at(self) -> int:
        """All of them."""
        return self.ours + self.others + self.both + self.neither

    def __str__(self) -> str:
        if not self.looked_at:
            return f"No entry of a project was approved within {LATELY.days} days."
        return (
            f"Of {self.looked_at} entries approved within {LATELY.days} days, {self.ours} have actuals by this "
            f"service, {self.others} by the product or somebody else, {self.both} by both, {self.neither} none."
        )


def creators(dataverse: Reader, now: datetime, go_live: datetime | None = None) -> Creators:
    """Look at the youngest approvals; what was approved before ``go_live`` never had to settle.

    Raises ``ConnectorError``.
    """
    where = all_of(equals("msdyn_recordstage", int(RecordStage.APPROVED)), Compare("modifiedon", "ge", now - LATELY))
    columns = ("msdyn_timeentry", "msdyn_expenseentry", "msdyn_project", "msdyn_approvedon", "modifiedon")
    (approvals,) = ask(dataverse, Query(tables.APPROVAL, columns, where, ("modifiedon desc",), MOST))
    moments: dict[UUID, datetime] = {}
    early: set[UUID] = set()
    for row in approvals:
        entry = row.link_id("msdyn_timeentry") or row.link_id("msdyn_expenseentry")
        changed = row.cells.get("modifiedon")
        if entry is not None and row.link_id("msdyn_project") is not None and isinstance(changed, datetime):
            moments[entry] = changed
            if go_live is not None and (row.instant("msdyn_approvedon") or changed) < go_live:
                early.add(entry)
    (origins,) = ask(dataverse, origins_from(moments))
    found = traces(origins)
    derived = {entry: [keys.row_id(entry, 0, keys.COST)] for entry in moments}
    books = ledgers({entry: found[entry] for entry in moments}, derived, dataverse)
    ours = {entry for entry, book in books.items() if book.live}
    others = {entry for entry, book in books.items() if book.foreign}
    neither = moments.keys() - ours - others
    return Creators(
        ours=len(ours - others),
        others=len(others - ours),
        both=len(ours & others),
        neither=len(neither),
        settled=sum(now - moments[entry] > SETTLED for entry in neither - early),
    )


def suits(found: Creators, settings: Settings) -> Iterator[Finding]:
    """Whether what was found goes with the creator of the settings."""
    area, creator = "creator", settings.actuals.creator
    said = f"PSA_CONNECTOR_ACTUALS__CREATOR is `{creator}`."
    if not found.looked_at:
        yield Finding(
            area,
            Verdict.NOT_SEEN,
            f"{said} {found}",
            "Approve a test entry, wait some minutes, and check again.",
        )
    elif creator == "service" and (found.others or found.both):
        yield Finding(
            area,
            Verdict.WRONG,
            f"{said} {found}",
            "If approval makes the product create actuals, set it to `product`, or switch that off there, before "
            "`run`: both at once would count the same work twice. See docs/environment.md.",
        )
    elif creator == "product" and (found.ours or found.both):
        yield Finding(
            area,
            Verdict.DRIFT,
            f"{said} {found}",
            "This service wrote there before. If the product creates none, set it to `service`.",
        )
    elif found.settled:
        late = int(SETTLED.total_seconds() // 60)
        which = "All" if found.settled == found.looked_at else f"{found.settled}"
        remedy = (
            "Is `psa-connector run` at work, and was it when they were approved?"
            if creator == "service"
            else "Is the product's own creation switched off? Then set it to `service`."
        )
        yield Finding(
            area,
            Verdict.DRIFT,
            f"{said} {found} {which} of them wait for more than {late} minutes.",
            f"{remedy} `psa-connector reconcile` names those entries.",
        )
    else:
        yield Finding(area, Verdict.OK, f"{said} {found}")
