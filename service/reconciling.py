"""Reconciling: one look at everything since the last one, its report, and sending what can be repaired to the queue."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from itertools import chain
from typing import Protocol
from uuid import UUID
from zoneinfo import ZoneInfo

from connector.dataverse.access import Dataverse, Scanner
from connector.dataverse.query import Query
from connector.inbox import Outgoing
from handlers import watermarks
from handlers.actuals import ActualsHandler
from handlers.reading import ask
from handlers.reconcile import Drift, Survey, moved
from handlers.suspects import Slice, changed_between, dated_between, told_since
from handlers.verification import VerificationHandler
from handlers.watermarks import Kept
from mappings import tables
from mappings.messages import LookAtEntry
from mappings.tables import Ref
from mappings.watermark import MOST_OPEN, Watermark, look_id

MARK = "reconcile"
FIRST_WINDOW = timedelta(days=30)
"""How far back the first run looks where no go-live date says."""


class Everything(Dataverse, Scanner, Protocol):
    """What a run needs of Dataverse: to read, to scan, to be told of changes, and to move the mark."""


@dataclass(frozen=True, slots=True)
class Window:
    """What a run looks at: the days of a month, or everything changed since a moment."""

    since: datetime | None = None
    month: tuple[date, date] | None = None

    def __str__(self) -> str:
        if self.month is not None:
            return f"work dated {self.month[0]} to {self.month[1]}"
        return f"what was changed since {self.since:%Y-%m-%d %H:%M} UTC"


@dataclass(frozen=True, slots=True)
class Money:
    """A currency as amounts are shown in it."""

    code: str
    precision: int


@dataclass(frozen=True, slots=True)
class Report:
    """What a run found. ``unmarked``: why the mark was not moved to ``began``, where it should have been."""

    window: Window
    began: datetime
    looked_at: int
    in_flight: int
    drifts: tuple[Drift, ...]
    currencies: Mapping[UUID, Money]
    unmarked: str | None = None

    @property
    def repairable(self) -> tuple[Drift, ...]:
        """What this service would write by itself."""
        return tuple(drift for drift in self.drifts if drift.repairable)

    @property
    def moves(self) -> dict[Money, Decimal]:
        """How much a repair would move, by currency, every amount counted whichever way it goes."""
        unknown = Money("?", 2)
        return {self.currencies.get(id, unknown): amount for id, amount in moved(self.repairable).items()}

    def above(self, rows: int, amount_in: Callable[[str], Decimal]) -> list[str]:
        """The ceilings a repair exceeds, each as a sentence; a currency's ceiling is asked for by its code."""
        count = len(self.repairable)
        over = [f"The number of entries, {count}, is more than the ceiling of {rows}."] if count > rows else []
        for currency, amount in self.moves.items():
            ceiling = amount_in(currency.code)
            if amount > ceiling:
                over.append(
                    f"{amount:,.{currency.precision}f} {currency.code} is more than the ceiling of {ceiling:,f}."
                )
        return over

    def looks(self) -> list[Outgoing]:
        """The messages by which what is repairable is looked at, down the path every event takes."""
        return [_look(drift.entry, self.began) for drift in self.repairable]


@dataclass
class Reconciler:
    """One environment to be reconciled. ``zone`` is the one business dates are meant in."""

    dataverse: Everything
    handler: ActualsHandler | VerificationHandler
    zone: ZoneInfo
    start_from: date | None
    overlap: timedelta
    in_flight: timedelta
    requested_by: str
    _tokens: dict[str, str] = field(default_factory=dict)

    def month(self, first: date, last: date, now: datetime) -> Report:
        """The work dated on these days. The mark stays where it is."""
        window = Window(month=(first, last))
        return self._report(window, dated_between(first, last, self.zone, self.dataverse), now)[0]

    def since(self, day: date, now: datetime) -> Report:
        """Everything changed since that day began. The mark stays where it is."""
        since = self._midnight(day)
        return self._report(Window(since), changed_between(since, now, self.dataverse), now)[0]

    def onward(self, now: datetime) -> Report:
        """Everything since the last run, reaching back into it; then the mark is moved here."""
        kept = watermarks.read(MARK, self.dataverse)
        since = kept.mark.until - self.overlap if kept.mark else self._beginning(now)
        self._tokens = dict(kept.mark.tokens) if kept.mark else {}
        left_open: Slice = dict.fromkeys(kept.mark.open, None) if kept.mark else {}
        slices = chain(
            told_since(dict(self._tokens), since, self.dataverse, self._tokens.__setitem__),
            changed_between(since, now, self.dataverse),
            # At the end: what the window shows too is known to be in flight or not.
            [left_open],
        )
        report, survey = self._report(Window(since), slices, now, frozenset(left_open))
        return replace(report, unmarked=self._move(kept, survey, since, now))

    def _report(
        self, window: Window, slices: Iterable[Slice], now: datetime, left_open: frozenset[Ref] = frozenset()
    ) -> tuple[Report, Survey]:
        survey = Survey(self.handler, self.dataverse, now - self.in_flight, window.month, left_open)
        drifts = tuple(survey.drifts(slices))
        found = Report(window, now, survey.looked_at, len(survey.in_flight), drifts, _currencies(self.dataverse))
        return found, survey

    def _move(self, kept: Kept, survey: Survey, since: datetime, now: datetime) -> str | None:
        left = survey.open | survey.in_flight
        to = Watermark(now, self._tokens, tuple(left))
        too_much = None
        if len(left) > MOST_OPEN:
            too_much = f"More than {MOST_OPEN} entries are left: the next run looks at the same window again."
            # The window shows them again, except what was left open by earlier ones: that comes first. Who reads the
            # mark alone sees that there is much to do.
            before = frozenset(kept.mark.open if kept.mark else ())
            ordered = sorted(left, key=lambda one: (one not in before, str(one)))
            tokens = kept.mark.tokens if kept.mark else {}
            to = Watermark(since + self.overlap, tokens, tuple(ordered[:MOST_OPEN]))
        if not watermarks.move(MARK, kept, to, self.requested_by, self.dataverse):
            return "Another run moved the mark meanwhile; its mark stays."
        return too_much

    def _beginning(self, now: datetime) -> datetime:
        return now - FIRST_WINDOW if self.start_from is None else self._midnight(self.start_from)

    def _midnight(self, day: date) -> datetime:
        return datetime.combine(day, time(), self.zone).astimezone(UTC)


def _look(entry: Ref, run: datetime) -> Outgoing:
    asked = LookAtEntry.model_validate({"table": entry.table, "id": entry.id})
    return Outgoing(asked.model_dump_json().encode(), str(look_id(run, entry)))


def _currencies(dataverse: Scanner) -> dict[UUID, Money]:
    (rows,) = ask(dataverse, Query(tables.CURRENCY, ("isocurrencycode", "currencyprecision")))
    return {
        row.id: Money(row.text("isocurrencycode") or str(row.id), row.choice("currencyprecision") or 0) for row in rows
    }
