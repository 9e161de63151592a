"""Approved entries of a month without the actuals they call for: every one of them, whenever it was approved."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from connector.dataverse.access import Scanner
from connector.dataverse.query import Query, all_of, any_of
from handlers.actuals import ActualsHandler
from handlers.reconcile import Survey
from handlers.rows import row
from handlers.verification import VerificationHandler
from mappings import tables
from mappings.choices import ExpenseStatus, TimeStatus
from mappings.entry import DATED
from mappings.tables import Ref
from service.closing.month import Month
from service.status.approvals import CHUNK, UNSERVED, lacking, named
from service.status.conditions import within
from service.status.part import FEW, Named, Part, State, number

DAY = timedelta(days=1)
APPROVED = {
    tables.TIME_ENTRY: ("msdyn_entrystatus", (int(TimeStatus.APPROVED),)),
    tables.EXPENSE: (
        "msdyn_expensestatus",
        (int(ExpenseStatus.APPROVED), int(ExpenseStatus.POSTED), int(ExpenseStatus.PAID)),
    ),
}
"""Where an entry says that it is approved; an expense may have gone further since."""


@dataclass(frozen=True, slots=True)
class Entries:
    """The entries of one environment. ``zone``: the one business days are meant in."""

    handler: ActualsHandler | VerificationHandler
    dataverse: Scanner
    zone: ZoneInfo
    now: datetime

    def without_actuals(self, month: Month) -> Iterator[Part]:
        """How many there are; a few requests for every 200 entries. Raises ``ConnectorError``."""
        survey = Survey(self.handler, self.dataverse, self.now, (month.first, month.last))
        looked_at, count, repairable = 0, 0, 0
        rows: list[Named] = []
        for chunk in self._chunks(month):
            looked_at += len(chunk)
            # Without a moment of change none counts as still in flight: it lacks its actuals now.
            for drift in lacking(survey, dict.fromkeys(chunk), self.dataverse):
                count += 1
                repairable += drift.repairable
                rows += [named(drift)] if len(rows) < FEW else []
        todo = f"psa-connector reconcile --month {month}" if count else ""
        if repairable:
            todo += f", then psa-connector reconcile --since {month.first} --repair"
        yield Part(
            UNSERVED,
            State.ATTENTION if count else State.OK,
            f"{number(count, 'approved entry has', 'approved entries have')} no actuals "
            f"({number(looked_at, 'entry', 'entries')} looked at).",
            todo,
            count,
            rows=tuple(rows),
            figures={"looked_at": looked_at, "repairable": repairable},
        )

    def _chunks(self, month: Month) -> Iterator[list[Ref]]:
        """Entries dated in the month, give or take a day for those of units in other zones; their day is told later."""
        for table, (column, approved) in APPROVED.items():
            of_month = within(DATED[table], month.first - DAY, month.last + DAY, self.zone)
            where = all_of(any_of(column, approved), of_month)
            for page in self.dataverse.scan(Query(table, ("msdyn_project",), where)):
                refs = [one.ref for one in map(row, page) if one.link("msdyn_project") is not None]
                yield from (refs[begin : begin + CHUNK] for begin in range(0, len(refs), CHUNK))
