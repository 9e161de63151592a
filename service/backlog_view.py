"""The three backlogs as a person sees them: rows that are open or ready, and why a row may not be marked."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from uuid import UUID
from zoneinfo import ZoneInfo

from connector.dataverse.access import Reader
from connector.dataverse.query import Condition, either, equals
from handlers.backlog_rows import of_contracts
from handlers.readiness import open_condition
from mappings.backlog import Backlog, BacklogRow
from mappings.business_date import business_date
from service.contracts import Contract
from service.work_in_words import works

_WHAT = {
    Backlog.TIME_AND_MATERIAL: "msdyn_description",
    Backlog.PRODUCTS: "salesorderdetailname",
    Backlog.MILESTONES: "msdyn_name",
}


@dataclass(frozen=True, slots=True)
class BacklogLine:
    """One row of a backlog with its contract; ``why_not`` is empty when it may be marked."""

    row: BacklogRow
    contract: Contract
    dated: date | None
    work: str = ""
    """For an actual: whose work it stands for."""

    @property
    def id(self) -> UUID:
        """The row's id."""
        return self.row.row.id

    @property
    def what(self) -> str:
        """What it is about: its own words and whose work it is, as far as there are any."""
        return ": ".join(said for said in (self.row.row.text(_WHAT[self.row.backlog]), self.work) if said)

    @property
    def status(self) -> str:
        """Whether it is ready."""
        return "ready" if self.row.is_ready else "open"

    @property
    def why_not(self) -> str:
        """Why it may not be marked ready."""
        return self.row.why_not() or ""


def backlog_lines(
    dataverse: Reader, backlogs: Sequence[Backlog], contracts: Iterable[Contract], zone: ZoneInfo
) -> list[BacklogLine]:
    """The open and ready rows of these backlogs on these contracts, by contract and date."""
    by_id = {contract.id: contract for contract in contracts}
    rows = of_contracts(backlogs, by_id, _open_or_ready, dataverse)
    work = works(dataverse, (row.row.id for row in rows if row.backlog is Backlog.TIME_AND_MATERIAL))
    lines = (
        BacklogLine(
            row,
            by_id[row.contract],
            None if row.starts is None else business_date(row.starts, zone),
            work.get(row.row.id, ""),
        )
        for row in rows
        if row.contract is not None
    )
    return sorted(lines, key=lambda line: (line.row.backlog, line.contract.number, line.dated or date.min, line.what))


def _open_or_ready(backlog: Backlog) -> Condition:
    """What marking would look at, and what the next invoice would take."""
    return either(open_condition(backlog), equals(backlog.status_column, backlog.ready))
