"""What was due by schedule and has not run, although something on it is ready: told by a dry run of what is due."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import cast
from uuid import uuid4
from zoneinfo import ZoneInfo

from connector.dataverse.client import DataverseClient
from connector.dataverse.query import Compare, Query, all_of, equals
from handlers.backlog_rows import of_contracts
from handlers.due_invoices import DueInvoices
from handlers.due_look import Look, Sweep
from handlers.fixed_point import FixedPoint, Unsettled
from handlers.plan import Refuse
from handlers.reading import ask
from mappings import tables
from mappings.backlog import Backlog, BacklogRow
from mappings.business_date import business_date
from mappings.choices import RunStatus
from mappings.messages import CreateDueInvoices
from mappings.row import Row
from mappings.schedule import DueRun, Unfit
from mappings.sweep_times import last_sweep
from mappings.tables import Ref
from service.status.conditions import midnight
from service.status.part import FEW, Named, Part, State, number

OVERDUE = "schedules-overdue"
ASKED_BY = "status"
MOST_FAILED = 1000
"""Rows that failed under somebody else's hand that are counted."""
TAKES = timedelta(hours=1)
"""How long a sweep may be at work before what it has not come to counts as left."""
RUN_DATE = "msdyn_invoicerundate"
PREVIEW = "psa-connector invoice create --due --dry-run, then without --dry-run"
OTHERS = "Whoever invoices here did not: is the product's job at work? Then look at the schedule rows."


def day_before(now: datetime, at: time | None, zone: ZoneInfo) -> date:
    """What was due before this day is overdue: the daily sweep of the day before has had its turn, which takes what is
    due on its own day too; where there is none, that day is over.
    """
    if at is None:
        return business_date(now, zone)
    return business_date(last_sweep(now - TAKES, at, zone), zone) + timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Missed:
    """A run that was due and did not run, with what is ready on it; ``number``: its contract's."""

    run: DueRun
    number: str | None
    ready: tuple[BacklogRow, ...]

    @property
    def named(self) -> Named:
        """It as it is told."""
        ref = Ref(tables.CONTRACT, self.run.contract)
        return Named(ref, f"{self.number or self.run.contract}, due {self.run.day}", f"{len(self.ready)} rows ready.")


def looked_at(due: DueInvoices, fixed_point: FixedPoint, until: date) -> Sweep:
    """What is due up to a day, that day included, whoever should invoice it. Raises ``ConnectorError``."""
    command = CreateDueInvoices(command=uuid4(), requested_by=ASKED_BY, due=until, dry_run=True)
    found = fixed_point.settle(Look(due.invoicing, due.ceiling, regardless=True), [command])[command]
    if isinstance(found, Unsettled):
        raise found.failure
    return cast(Sweep, found.outcome["sweep"])


def missed(sweep: Sweep) -> list[Missed]:
    """The runs with something ready; what was called for before is looked up, and told elsewhere."""
    numbers = {one.id: one.text("ordernumber") for one in sweep.facts.contracts}
    new = (piece.run for piece in sweep.pieces if not piece.called)
    return [Missed(run, numbers.get(run.contract), rows) for run in new if (rows := sweep.taken[run])]


def overdue(client: DataverseClient, due: DueInvoices, fixed_point: FixedPoint, before: date) -> Iterator[Part]:
    """The runs that were due before a day, whoever should have invoiced them.

    What can't be invoiced as it is counts where work waits for it. Raises ``ConnectorError``.
    """
    # A day earlier, as what is due on a day is due up to its end.
    until = before - timedelta(days=1)
    sweep = looked_at(due, fixed_point, until)
    zone = due.invoicing.zone
    runs, unfit = missed(sweep), sweep.facts.due.unfit
    waiting = waited_for(unfit, client, zone)
    said = number(len(runs), "run was", "runs were")
    out = f" {number(len(unfit), 'row', 'rows')} can't be invoiced as they are." if unfit else ""
    if unfit:
        out += f" Work waits for {len(waiting):,} of them."
    todo = PREVIEW if runs or waiting else ""
    failed: Sequence[Row] = ()
    if sweep.refusal is not None:
        failed = run_failed(client, zone, before, runs)
        out += elsewhere(sweep.refusal, failed)
        if runs or failed:
            todo = OTHERS
    # Whoever watches the number alone is to hear of each.
    count = len(runs) + len(failed) + len(waiting)
    moments = [datetime.combine(one.run.day, time(), UTC) for one in runs]
    moments += [moment for one in failed if (moment := one.instant(RUN_DATE))]
    yield Part(
        OVERDUE,
        State.ATTENTION if count or sweep.left else State.OK,
        f"{said} due up to {until} with something ready, and did not run.{more(sweep)}{out}",
        todo,
        count,
        bool(sweep.left),
        min(moments, default=None),
        rows(runs, failed, waiting),
        {"left_out": len(unfit), "failed": len(failed)},
    )


def more(sweep: Sweep) -> str:
    """What was too much to be looked at, as a sentence."""
    return f" There are {sweep.left:,} later ones that were not looked at." if sweep.left else ""


def elsewhere(refusal: Refuse, failed: Sequence[Row]) -> str:
    """That somebody else invoices here, and what went wrong there."""
    out = f" {number(len(failed), 'other row says', 'other rows say')} Run Failed."
    return f"{out} This service invoices nothing that is due here ({refusal.code})."


def rows(runs: Iterable[Missed], failed: Iterable[Row], unfit: Iterable[Unfit]) -> tuple[Named, ...]:
    """The first few of them all."""
    return (
        *(one.named for one in runs),
        *(Named(one.ref, one.text("msdyn_name") or str(one.id), "Run Failed.") for one in failed),
        *(Named(one.row, f"{one.row.table}, due {one.day}", one.why) for one in unfit),
    )[:FEW]


def run_failed(
    client: DataverseClient, zone: ZoneInfo, before: date, runs: Iterable[Missed], first: date | None = None
) -> Sequence[Row]:
    """The rows, due before a day, that somebody ran in vain; those of these runs are told with them."""
    past = [equals("msdyn_invoicerunstatus", int(RunStatus.FAILED)), Compare(RUN_DATE, "lt", midnight(before, zone))]
    if first is not None:
        past.append(Compare(RUN_DATE, "ge", midnight(first, zone)))
    (found,) = ask(client, Query(tables.SCHEDULE, ("msdyn_name", RUN_DATE), all_of(*past), (RUN_DATE,), MOST_FAILED))
    mine = {id for one in runs for id in one.run.all_rows}
    return [one for one in found if one.id not in mine]


def waited_for(
    unfit: Sequence[Unfit],
    client: DataverseClient,
    zone: ZoneInfo,
    is_meant: Callable[[BacklogRow], bool] = lambda row: True,
) -> list[Unfit]:
    """Those that keep something from being invoiced, or that may: what is on a contract that can't be read is unknown.

    A row that was set aside for good, with no work up to its day, keeps nothing.
    """
    contracts = {one.contract for one in unfit if one.contract is not None and one.row.table == tables.SCHEDULE}
    backlogs = (Backlog.TIME_AND_MATERIAL, Backlog.MILESTONES)
    ready: Sequence[BacklogRow] = ()
    if contracts:
        ready = of_contracts(backlogs, contracts, lambda one: equals(one.status_column, one.ready), client)

    def waits(one: Unfit) -> bool:
        if one.row.table != tables.SCHEDULE or one.contract is None:
            return True
        mine = (row for row in ready if row.contract == one.contract and not row.is_adjusted and is_meant(row))
        return any(row.is_due(one.day, zone) for row in mine)

    return [one for one in unfit if waits(one)]
