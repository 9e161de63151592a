"""Which invoice schedule rows are due, and what is invoiced for them together.

A contract line's rows each name a day on which it is to be invoiced, and a cut-off: the last day whose work is taken,
that day included. Rows of one contract with one run date come on one invoice; a milestone that no row plans is due on
its own date. (PSA/invoicing; proforma-invoicing/configure-automated-invoice-creation)
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from mappings import keys
from mappings.backlog import WORK_BASED, Backlog, BacklogRow
from mappings.business_date import business_date
from mappings.choices import BillingMethod, ContractReason, ContractState, RunStatus
from mappings.row import Row
from mappings.tables import CONTRACT, Ref

COLUMNS = (
    "msdyn_name",
    "msdyn_contractlineid",
    "msdyn_contractlinescheduleofvalue",
    "msdyn_invoice",
    "msdyn_invoicerundate",
    "msdyn_transactioncutoffdate",
    "msdyn_invoicerunstatus",
    "statecode",
)
"""What is read of a schedule row."""
LINE_COLUMNS = ("salesorderid", "salesorderdetailname", "msdyn_billingmethod")
CONTRACT_COLUMNS = ("name", "ordernumber", "msdyn_ordertype", "msdyn_psastatusreason", "statecode")

OPEN = (RunStatus.NOT_RUN, RunStatus.FAILED)
"""The run statuses of rows that are still to be invoiced."""


@dataclass(frozen=True, slots=True)
class Scheduled:
    """A schedule row with its contract line, contract and milestone, as far as there are any."""

    row: Row
    line: Row | None
    contract: Row | None
    milestone: BacklogRow | None = None

    @property
    def is_open(self) -> bool:
        """It has not run, or its run failed."""
        return self.row.choice("msdyn_invoicerunstatus") in OPEN

    def run_day(self, zone: ZoneInfo) -> date | None:
        """The day it is to be invoiced on; a row without one is never due."""
        when = self.row.instant("msdyn_invoicerundate")
        return None if when is None else business_date(when, zone)

    def cut_off(self, run_day: date, zone: ZoneInfo) -> date:
        """The last day whose work is taken; where it is not said, the day before the run."""
        told = self.row.instant("msdyn_transactioncutoffdate")
        return run_day - timedelta(days=1) if told is None else business_date(told, zone)

    def why_not(self) -> str | None:
        """Why it can't be invoiced by schedule, as a sentence; ``None`` when it can."""
        if self.line is None:
            return "Its contract line can't be read: it is gone, or not shared with this service."
        if self.contract is None:
            return "The contract of its line can't be read: it is gone, or not shared with this service."
        if self.row.choice("statecode"):
            return "It is inactive."
        if self.contract.choice("msdyn_ordertype") != WORK_BASED:
            return "Its contract is no project contract."
        ended = self.contract.choice("statecode") == ContractState.CANCELED
        if ended or self.contract.choice("msdyn_psastatusreason") in (ContractReason.LOST, ContractReason.ABANDONED):
            return "Its contract was lost, abandoned or canceled."
        return self._misplaced(self.line)

    def _misplaced(self, line: Row) -> str | None:
        """A fixed price is invoiced by milestones, and each of them with the line it is of."""
        if self.row.link_id("msdyn_contractlinescheduleofvalue") is None:
            if line.choice("msdyn_billingmethod") == BillingMethod.FIXED_PRICE:
                return "Its line has a fixed price, which is invoiced by milestones, but it names none."
            return None
        if self.milestone is None:
            return "Its milestone can't be read: it is gone, or not shared with this service."
        of = self.milestone.row.link_id("msdyn_contractlineid")
        return None if of in (None, line.id) else "Its milestone is of another contract line."


@dataclass(frozen=True, slots=True)
class DueRun:
    """What one contract is to be invoiced for on one run date.

    ``cut_offs``: by contract line, the last day whose work is taken. ``milestones``: those whose day it is;
    ``unplanned``: the ones among them that have no schedule row yet, by their lines.
    """

    contract: UUID
    day: date
    rows: tuple[UUID, ...]
    cut_offs: tuple[tuple[UUID, date], ...] = ()
    milestones: tuple[UUID, ...] = ()
    unplanned: tuple[tuple[UUID, UUID], ...] = ()

    @property
    def all_rows(self) -> tuple[UUID, ...]:
        """The rows, with those that unplanned milestones get."""
        return tuple(sorted((*self.rows, *(keys.schedule_row_id(milestone) for milestone, _ in self.unplanned))))

    def command(self, generation: int) -> UUID:
        """The id under which it is carried out: the same for everybody who finds it due.

        ``generation`` counts the attempts that ended without an invoice.
        """
        return keys.due_command_id(self.contract, self.day, self.all_rows, generation)

    def takes(self, row: BacklogRow, today: date, zone: ZoneInfo) -> bool:
        """Whether its invoice takes this row: ready, on one of its lines, and dated up to that line's cut-off."""
        if row.contract != self.contract:
            return False
        match row.backlog:
            case Backlog.TIME_AND_MATERIAL:
                cut_off = dict(self.cut_offs).get(row.row.link_id("msdyn_salescontractlineid") or UUID(int=0))
                billed = row.row.link("msdyn_accountcustomer") or row.row.link("msdyn_contactcustomer")
                fits = cut_off is not None and billed is not None and not row.is_adjusted
                return fits and row.is_due(min(cut_off or today, today), zone)
            case Backlog.MILESTONES:
                return row.row.id in self.milestones and row.is_due(today, zone)
            case Backlog.PRODUCTS:
                return False

    def as_data(self) -> dict[str, object]:
        """It as the record of an attempt at it keeps it; ``run_in`` reads it."""
        return {
            "day": self.day.isoformat(),
            "rows": [str(id) for id in self.rows],
            "cut_offs": [[str(line), day.isoformat()] for line, day in self.cut_offs],
            "milestones": [str(id) for id in self.milestones],
            "unplanned": [[str(milestone), str(line)] for milestone, line in self.unplanned],
        }

    def __str__(self) -> str:
        return f"{Ref(CONTRACT, self.contract)} due {self.day}"


def run_in(contract: UUID, data: Mapping[str, Any]) -> DueRun:
    """The run that an attempt was made at, whatever has become of its rows since."""
    return DueRun(
        contract,
        date.fromisoformat(data["day"]),
        tuple(UUID(id) for id in data["rows"]),
        tuple((UUID(line), date.fromisoformat(day)) for line, day in data["cut_offs"]),
        tuple(UUID(id) for id in data["milestones"]),
        tuple((UUID(milestone), UUID(line)) for milestone, line in data["unplanned"]),
    )


@dataclass(frozen=True, slots=True)
class Unfit:
    """A schedule row, or a milestone, that is due and can't be invoiced, and why."""

    row: Ref
    day: date
    contract: UUID | None
    why: str


@dataclass(frozen=True, slots=True)
class Due:
    """What is due: by contract and run date, the oldest first; and the rows that are and can't be invoiced."""

    runs: tuple[DueRun, ...] = ()
    unfit: tuple[Unfit, ...] = ()


@dataclass(slots=True)
class _Gathered:
    rows: list[UUID] = field(default_factory=list)
    cut_offs: dict[UUID, date] = field(default_factory=dict)
    milestones: list[UUID] = field(default_factory=list)
    unplanned: list[tuple[UUID, UUID]] = field(default_factory=list)


def due(scheduled: Iterable[Scheduled], milestones: Iterable[BacklogRow], until: date, zone: ZoneInfo) -> Due:
    """What is due up to a day, that day included.

    ``milestones``: ready ones that no schedule row plans, with their contracts; those of ``scheduled`` are with them.
    """
    runs: defaultdict[tuple[date, UUID], _Gathered] = defaultdict(_Gathered)
    unfit = []
    for one in scheduled:
        day = one.run_day(zone)
        if day is None or day > until or not one.is_open:
            continue
        contract = one.contract.id if one.contract else None
        why = one.why_not()
        if why is not None or contract is None or one.line is None:
            unfit.append(Unfit(one.row.ref, day, contract, why or ""))
            continue
        run = runs[day, contract]
        run.rows.append(one.row.id)
        if one.milestone is not None:
            run.milestones.append(one.milestone.row.id)
        else:
            cut_off = one.cut_off(day, zone)
            run.cut_offs[one.line.id] = max(cut_off, run.cut_offs.get(one.line.id, cut_off))
    for milestone in milestones:
        line, contract = milestone.row.link_id("msdyn_contractlineid"), milestone.contract
        if line is None or contract is None or milestone.starts is None or not milestone.is_ready:
            continue
        if (day := business_date(milestone.starts, zone)) <= until:
            runs[day, contract].milestones.append(milestone.row.id)
            runs[day, contract].unplanned.append((milestone.row.id, line))
    found = (
        DueRun(
            contract,
            day,
            tuple(sorted(run.rows)),
            tuple(sorted(run.cut_offs.items())),
            tuple(sorted(run.milestones)),
            tuple(sorted(run.unplanned)),
        )
        for (day, contract), run in runs.items()
    )
    return Due(
        tuple(sorted(found, key=lambda run: (run.day, run.contract))),
        tuple(sorted(unfit, key=lambda one: (one.day, str(one.row)))),
    )


def shared_out(
    runs: Sequence[DueRun], ready: Iterable[BacklogRow], today: date, zone: ZoneInfo
) -> dict[DueRun, tuple[BacklogRow, ...]]:
    """What each run's invoice takes when they are made in this order: what one took is gone for the next."""
    left: defaultdict[UUID | None, list[BacklogRow]] = defaultdict(list)
    for row in sorted(ready, key=lambda row: (row.backlog, str(row.row.id))):
        left[row.contract].append(row)
    taken: dict[DueRun, tuple[BacklogRow, ...]] = {}
    for run in runs:
        mine: list[BacklogRow] = []
        rest: list[BacklogRow] = []
        for row in left[run.contract]:
            (mine if run.takes(row, today, zone) else rest).append(row)
        taken[run], left[run.contract] = tuple(mine), rest
    return taken
