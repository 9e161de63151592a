"""Approved entries of a month whose actuals are not what they should be: every one, whenever it was approved."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from connector.dataverse.access import Scanner
from connector.dataverse.query import Query, all_of, any_of
from handlers.actuals import ActualsHandler
from handlers.entry_facts import EntryFacts
from handlers.reconcile import Drift, Survey
from handlers.rows import row
from handlers.verification import VerificationHandler
from mappings import tables
from mappings.choices import ExpenseStatus, TimeStatus
from mappings.comparison import Finding, Kind
from mappings.entry import DATED
from mappings.refusal import Refusal
from mappings.tables import Ref
from service.closing.month import Month
from service.status.approvals import CHUNK, UNSERVED, lacking, named, without_actuals
from service.status.conditions import within
from service.status.part import FEW, Named, Part, State, number

APPROVED = {
    tables.TIME_ENTRY: ("msdyn_entrystatus", (int(TimeStatus.APPROVED), int(TimeStatus.RECALL_REQUESTED))),
    tables.EXPENSE: (
        "msdyn_expensestatus",
        (
            int(ExpenseStatus.APPROVED),
            int(ExpenseStatus.POSTED),
            int(ExpenseStatus.PAID),
            int(ExpenseStatus.RECALL_REQUESTED),
        ),
    ),
}
"""Where an entry says that it is approved; an expense may have gone further since. One that waits for the answer to a
recall was approved, and stays so where that is refused."""
RECALLED = {tables.TIME_ENTRY: TimeStatus.RECALL_REQUESTED, tables.EXPENSE: ExpenseStatus.RECALL_REQUESTED}
MISSING = "It waits for the answer to a recall and has no actuals: accept the recall, or refuse it and repair."


@dataclass(frozen=True, slots=True)
class Entries:
    """The entries of one environment. ``zone``: the one business days are meant in, whichever unit an entry is of, as
    the ledger's are: what an entry's month asks for is what that month bills.
    """

    handler: ActualsHandler | VerificationHandler
    dataverse: Scanner
    zone: ZoneInfo
    now: datetime

    def without_actuals(self, month: Month) -> Iterator[Part]:
        """How many there are; a few requests for every 200 entries. Raises ``ConnectorError``."""
        survey = Survey(self.handler, self.dataverse, self.now)
        looked_at, count, repairable = 0, 0, 0
        rows: list[Named] = []
        months: set[str] = set()
        for chunk in self._chunks(month):
            looked_at += len(chunk)
            for drift in self._open(survey, chunk):
                count += 1
                repairable += drift.repairable
                rows += [named(drift)] if len(rows) < FEW else []
                # `reconcile` tells days by the zone of the entry's unit, where one is set for it.
                months.add(str(month) if drift.day is None else f"{drift.day:%Y-%m}")
        todo = "; ".join(f"psa-connector reconcile --month {one}" for one in sorted(months))
        if repairable:
            todo += f", then psa-connector reconcile --since {month.first} --repair"
        yield Part(
            UNSERVED,
            State.ATTENTION if count else State.OK,
            f"{number(count, 'approved entry has', 'approved entries have')} not the actuals called for "
            f"({number(looked_at, 'entry', 'entries')} looked at).",
            todo,
            count,
            rows=tuple(rows),
            figures={"looked_at": looked_at, "repairable": repairable},
        )

    def _open(self, survey: Survey, chunk: Mapping[Ref, bool]) -> Iterator[Drift]:
        """Without a moment of change none counts as still in flight: it lacks its actuals now."""
        yield from lacking(survey, dict.fromkeys(chunk), self.dataverse)
        recalled = [ref for ref, is_recalled in chunk.items() if is_recalled]
        for ref in without_actuals(recalled, self.dataverse) if recalled else ():
            if not self._owes_none(ref):
                yield Drift(ref, None, (Finding(Kind.MISSING, MISSING),), repairable=False)

    def _owes_none(self, ref: Ref) -> bool:
        rules = self.handler.rules if isinstance(self.handler, VerificationHandler) else self.handler
        facts = self.handler.gather([ref], self.dataverse).get(ref)
        try:
            return isinstance(facts, EntryFacts) and rules.is_before_go_live(facts)
        except Refusal:
            return False

    def _chunks(self, month: Month) -> Iterator[dict[Ref, bool]]:
        """Entries of projects dated in the month, each with whether it waits for the answer to a recall."""
        for table, (column, approved) in APPROVED.items():
            where = all_of(any_of(column, approved), within(DATED[table], month.first, month.last, self.zone))
            for page in self.dataverse.scan(Query(table, ("msdyn_project", column), where)):
                of_projects = [one for one in map(row, page) if one.link("msdyn_project") is not None]
                for begin in range(0, len(of_projects), CHUNK):
                    chunk = of_projects[begin : begin + CHUNK]
                    yield {one.ref: one.choice(column) == RECALLED[table] for one in chunk}
