"""What was due by schedule and keeps a month open: its own runs, and later ones that take what is dated in it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from zoneinfo import ZoneInfo

from connector.dataverse.client import DataverseClient
from handlers.due_invoices import DueInvoices
from handlers.fixed_point import FixedPoint
from mappings import tables
from mappings.backlog import BacklogRow
from mappings.business_date import business_date
from mappings.row import Row
from mappings.schedule import Unfit
from service.closing.month import Month
from service.status.part import Part, State, number
from service.status.schedules import (
    OTHERS,
    OVERDUE,
    PREVIEW,
    elsewhere,
    looked_at,
    missed,
    more,
    rows,
    run_failed,
    waited_for,
)

DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class MonthsRuns:
    """The runs of one month: those due in it and on the first of the next, which takes what is dated up to its last.

    A later one belongs to it by what it takes, once its turn is over: ``before``, as ``day_before`` tells it. One that
    is still to come may never have been meant for this month's close, and is not asked for.
    """

    client: DataverseClient
    due: DueInvoices
    fixed_point: FixedPoint
    month: Month
    before: date
    today: date

    def not_run(self) -> Iterator[Part]:
        """Those with something ready, whoever should have invoiced them. Raises ``ConnectorError``."""
        until = self._until()
        sweep = looked_at(self.due, self.fixed_point, until)
        runs = [one for one in missed(sweep) if self._is_own(one.run.day) or any(map(self._is_dated, one.ready))]
        unfit = self._unfit(sweep.facts.due.unfit)
        to_come = [one for one in runs if one.run.day >= self.before]
        late = len(runs) - len(to_come)
        ran_by = number(late, "run of the month was", "runs of the month were")
        said = f"{ran_by} due up to {min(until, self.before - DAY)} with something ready, and did not run.{more(sweep)}"
        if to_come:
            said += f" {number(len(to_come), 'other is', 'others are')} due by {until}, and had no turn yet."
        if unfit:
            said += f" {number(len(unfit), 'row', 'rows')} can't be invoiced as they are."
        if unknown := sum(one.contract is None and one.day > self.month.following for one in sweep.facts.due.unfit):
            said += f" What waits for {number(unknown, 'later row', 'later rows')} can't be seen."
        todo = PREVIEW if late or unfit else "Ask again when its turn is over, or psa-connector invoice create --due"
        failed: Sequence[Row] = ()
        if sweep.refusal is not None:
            failed = run_failed(self.client, self._zone, min(until, self.month.following) + DAY, runs, self.month.first)
            said += elsewhere(sweep.refusal, failed)
            if late or failed:
                todo = OTHERS
        count = len(runs) + len(failed)
        is_open = bool(count or unfit or sweep.left)
        yield Part(
            OVERDUE,
            State.ATTENTION if is_open else State.OK,
            said,
            todo if is_open else "",
            count,
            bool(sweep.left),
            rows=rows(runs, failed, unfit),
            figures={"left_out": len(unfit), "failed": len(failed), "to_come": len(to_come)},
        )

    @property
    def _zone(self) -> ZoneInfo:
        return self.due.invoicing.zone

    def _until(self) -> date:
        """Up to when runs are asked for. Of a month that is over, the first of the next is one of its own, had it its
        turn or not: nothing of the month may be left for later on that day.
        """
        over = self.before - DAY
        return over if self.today <= self.month.last else max(over, self.month.following)

    def _is_own(self, day: date) -> bool:
        return self.month.first <= day <= self.month.following

    def _is_dated(self, row: BacklogRow) -> bool:
        return row.starts is not None and self.month.first <= business_date(row.starts, self._zone) <= self.month.last

    def _unfit(self, every: Sequence[Unfit]) -> list[Unfit]:
        """Its own, all of them; of the others those on which work waits that is dated in it."""
        own = [one for one in every if self._is_own(one.day)]
        others = [one for one in every if not self._is_own(one.day) and one.row.table == tables.SCHEDULE]
        others = [one for one in others if one.contract is not None]
        return own + waited_for(others, self.client, self._zone, self._is_dated)
