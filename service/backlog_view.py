"""The three backlogs as a person sees them: rows that are open or ready, and why a row may not be marked."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from uuid import UUID
from zoneinfo import ZoneInfo

from connector.dataverse.access import Reader
from connector.dataverse.query import Compare, Condition, Query, all_of, any_of, either, equals
from handlers.rows import row
from mappings.backlog import Backlog, BacklogRow
from mappings.business_date import business_date
from mappings.choices import ProductType, TransactionType
from service.contracts import Contract

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

    @property
    def id(self) -> UUID:
        """The row's id."""
        return self.row.row.id

    @property
    def what(self) -> str:
        """What it is about."""
        return self.row.row.text(_WHAT[self.row.backlog]) or ""

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
    answers = dataverse.query([_query(backlog, list(by_id)) for backlog in backlogs])
    lines = []
    for backlog, answer in zip(backlogs, answers, strict=True):
        for record in answer:
            found = BacklogRow(backlog, row(record))
            dated = None if found.starts is None else business_date(found.starts, zone)
            if found.contract is not None:
                lines.append(BacklogLine(found, by_id[found.contract], dated))
    return sorted(lines, key=lambda line: (line.row.backlog, line.contract.number, line.dated or date.min, line.what))


def _query(backlog: Backlog, contracts: list[UUID]) -> Query:
    seen = (*backlog.open_statuses, backlog.ready)
    conditions: list[Condition] = [
        any_of(backlog.contract_column, contracts),
        either(*(equals(backlog.status_column, status) for status in seen)),
    ]
    if backlog is Backlog.TIME_AND_MATERIAL:
        conditions += [
            equals("msdyn_transactiontypecode", TransactionType.UNBILLED_SALES),
            equals("msdyn_adjustmentstatus", None),
        ]
    if backlog is Backlog.PRODUCTS:
        conditions.append(Compare("producttypecode", "ne", ProductType.PROJECT_BASED_SERVICE))
    return Query(backlog.table, backlog.columns, all_of(*conditions))
