"""The three backlogs as a person sees them, page by page.

Each row comes with its contract, whose work it is, and whether it may be marked.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date
from uuid import UUID
from zoneinfo import ZoneInfo

from connector.dataverse.access import Scanner
from connector.dataverse.query import Query
from handlers.backlog_rows import pages
from handlers.reading import ask
from handlers.selecting import condition
from mappings import tables
from mappings.backlog import Backlog, BacklogRow
from mappings.backlog_judgement import Judgement, judgement
from mappings.business_date import business_date
from mappings.not_to_exceed import NotToExceed
from mappings.selection import Selection, Status, columns, stage
from service.contracts import Contract, contracts_of
from service.work_in_words import Works

TO_REVIEW = (Status.OPEN, Status.READY)
"""What is shown when no status is asked for: what can be marked or unmarked."""
SORTED_BY = {
    "contract": "contracts",
    "date": "dated",
    "amount": "amount",
    "project": "projects",
    "resource": "resources",
    "role": "roles",
}
"""What rows can be sorted by → what they would be filtered by."""
_WHAT = {
    Backlog.TIME_AND_MATERIAL: "msdyn_description",
    Backlog.PRODUCTS: "salesorderdetailname",
    Backlog.MILESTONES: "msdyn_name",
}


@dataclass(frozen=True, slots=True)
class BacklogLine:
    """One row of a backlog with its contract and what is to be said of it; amounts are in ``currency``."""

    row: BacklogRow
    contract: Contract | None
    dated: date | None
    judgement: Judgement
    currency: str = ""
    precision: int = 2
    names: dict[str, str] = field(default_factory=dict)
    """For an actual: resource, role, category and project by name, each by its column."""

    @property
    def id(self) -> UUID:
        """The row's id."""
        return self.row.row.id

    @property
    def what(self) -> str:
        """What it is about: its own words and whose work it is, as far as there are any."""
        work = ", ".join(self.names.values())
        return ": ".join(said for said in (self.row.row.text(_WHAT[self.row.backlog]), work) if said)

    @property
    def status(self) -> str:
        """Where it stands, in the words of the status filter; empty for a status of other products."""
        return stage(self.row) or ""


def order(backlog: Backlog, sort: Sequence[str]) -> tuple[str, ...]:
    """The columns to sort by, the row's id last, so that no page depends on chance.

    ``sort`` holds names of ``SORTED_BY`` or ``status``, each with ``:desc`` behind it for the other way round. Raises
    ``ValueError`` naming what rows of this backlog can't be sorted by.
    """
    known = {name: found[0] for name, part in SORTED_BY.items() if (found := columns(backlog).get(part))}
    known["status"] = backlog.status_column
    entries = []
    for one in sort or [name for name in ("contract", "date") if name in known]:
        name, _, way = one.partition(":")
        if name not in known or way not in ("", "asc", "desc"):
            raise ValueError(f"Rows of {backlog} can't be sorted by {one}, but by {', '.join(known)}.")
        entries.append(known[name] + (" desc" if way == "desc" else ""))
    return (*entries, f"{backlog.table}id")


class Review:
    """Reads backlogs on one business day; what many rows share is read once."""

    def __init__(self, dataverse: Scanner, zone: ZoneInfo, today: date, check: NotToExceed | None = None) -> None:
        self._dataverse = dataverse
        self._zone = zone
        self._today = today
        self._check = check
        self._contracts: dict[UUID, Contract | None] = {}
        self._works = Works(dataverse)
        self._currencies: dict[UUID, tuple[str, int]] | None = None

    def pages(self, backlog: Backlog, selection: Selection, sort: Sequence[str] = ()) -> Iterator[list[BacklogLine]]:
        """The selected rows, a page at a time, in the server's order."""
        wanted = condition(backlog, selection, TO_REVIEW, self._zone, self._dataverse)
        for page in pages(backlog, wanted, order(backlog, sort), self._dataverse, self._check):
            self._learn(backlog, page)
            yield [self._line(row) for row in page]

    def _learn(self, backlog: Backlog, page: Sequence[BacklogRow]) -> None:
        new = {row.contract for row in page if row.contract is not None} - self._contracts.keys()
        found = {one.id: one for one in contracts_of(self._dataverse, new)}
        self._contracts |= {id: found.get(id) for id in new}
        if backlog is Backlog.TIME_AND_MATERIAL:
            self._works.learn(row.row for row in page)

    def _line(self, row: BacklogRow) -> BacklogLine:
        contract = None if row.contract is None else self._contracts[row.contract]
        code, precision = self._money(row.currency, contract)
        return BacklogLine(
            row,
            contract,
            None if row.starts is None else business_date(row.starts, self._zone),
            judgement(row, self._today, self._zone),
            code,
            precision,
            self._works.of(row.row) if row.backlog is Backlog.TIME_AND_MATERIAL else {},
        )

    def _money(self, currency: UUID | None, contract: Contract | None) -> tuple[str, int]:
        """What a row's amounts are written in: its own currency, or else its contract's."""
        of_contract = ("", 2) if contract is None else (contract.currency, contract.precision)
        if currency is None:
            return of_contract
        if self._currencies is None:
            (found,) = ask(self._dataverse, Query(tables.CURRENCY, ("isocurrencycode", "currencyprecision")))
            self._currencies = {
                one.id: (one.text("isocurrencycode") or "", 2 if (p := one.choice("currencyprecision")) is None else p)
                for one in found
            }
        return self._currencies.get(currency, of_contract)
