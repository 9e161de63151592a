"""What was due by schedule and has not run, although something on it is ready: told by a dry run of what is due."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, cast
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

from connector.dataverse.client import DataverseClient
from connector.dataverse.query import Compare, Query, all_of, equals
from handlers.backlog_rows import of_contracts
from handlers.due_invoices import DueInvoices
from handlers.due_look import Look, Sweep
from handlers.fixed_point import FixedPoint, Unsettled
from handlers.reading import ask
from mappings import tables
from mappings.backlog import Backlog, BacklogRow
from mappings.business_date import business_date
from mappings.choices import RunStatus
from mappings.messages import CreateDueInvoices
from mappings.row import Row
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


def day_before(now: datetime, at: time | None, zone: ZoneInfo) -> date:
    """What was due before this day is overdue: a daily sweep has had its turn, or else the day is over."""
    return business_date(now, zone) if at is None else business_date(last_sweep(now - TAKES, at, zone), zone)


def overdue(
    client: DataverseClient, due: DueInvoices, fixed_point: FixedPoint, before: date, *, first: date | None = None
) -> Iterator[Part]:
    """The runs that were due before a day, and from ``first`` on, whoever should have invoiced them.

    What can't be invoiced as it is counts where work waits for it; who asks for a time is told of all of it. Raises
    ``ConnectorError``.
    """
    # A day earlier, as what is due on a day is due up to its end.
    until = before - timedelta(days=1)
    command = CreateDueInvoices(command=uuid4(), requested_by=ASKED_BY, due=until, dry_run=True)
    looked = fixed_point.settle(Look(due.invoicing, due.ceiling, regardless=True), [command])[command]
    if isinstance(looked, Unsettled):
        raise looked.failure
    sweep = cast(Sweep, looked.outcome["sweep"])
    outcome = sweep.plain()
    zone = due.invoicing.zone
    runs, unfit = _within(outcome, "runs", first), _within(outcome, "unfit", first)
    due_runs = [run for run in runs if int(run["ready"])]
    waiting = unfit if first is not None else _waited_for(unfit, client, zone)
    said = number(len(due_runs), "run was", "runs were")
    more = f" There are {sweep.left:,} later ones that were not looked at." if sweep.left else ""
    out = f" {number(len(unfit), 'row', 'rows')} can't be invoiced as they are." if unfit else ""
    if unfit and first is None:
        out += f" Work waits for {len(waiting):,} of them."
    todo = "psa-connector invoice create --due --dry-run, then without --dry-run" if due_runs or waiting else ""
    failed: Sequence[Row] = ()
    if sweep.refusal is not None:
        failed = _failed(client, before, first, zone)
        mine = {row for run in due_runs for row in run["rows"]}
        failed = [one for one in failed if str(one.id) not in mine]
        out += f" {number(len(failed), 'other row says', 'other rows say')} Run Failed."
        out += f" This service invoices nothing that is due here ({sweep.refusal.code})."
        if due_runs or failed:
            todo = "Whoever invoices here did not: is the product's job at work? Then look at the schedule rows."
    # Whoever watches the number alone is to hear of each.
    count = len(due_runs) + len(failed) + (len(waiting) if first is None else 0)
    moments = [_begin(run) for run in due_runs]
    moments += [moment for one in failed if (moment := one.instant("msdyn_invoicerundate"))]
    yield Part(
        OVERDUE,
        State.ATTENTION if count or waiting or sweep.left else State.OK,
        f"{said} due up to {until} with something ready, and did not run.{more}{out}",
        todo,
        count,
        bool(sweep.left),
        min(moments, default=None),
        (
            *(_named(run) for run in due_runs),
            *(Named(one.ref, one.text("msdyn_name") or str(one.id), "Run Failed.") for one in failed),
            *(_unfit(one) for one in waiting),
        )[:FEW],
        {"left_out": len(unfit), "failed": len(failed)},
    )


def _failed(client: DataverseClient, before: date, first: date | None, zone: ZoneInfo) -> Sequence[Row]:
    """The rows that somebody ran in vain."""
    day = "msdyn_invoicerundate"
    past = [equals("msdyn_invoicerunstatus", int(RunStatus.FAILED)), Compare(day, "lt", midnight(before, zone))]
    if first is not None:
        past.append(Compare(day, "ge", midnight(first, zone)))
    (rows,) = ask(client, Query(tables.SCHEDULE, ("msdyn_name", day), all_of(*past), (day,), MOST_FAILED))
    return rows


def _waited_for(unfit: Sequence[Mapping[str, Any]], client: DataverseClient, zone: ZoneInfo) -> list[Mapping[str, Any]]:
    """Those that keep something from being invoiced, or that may: what is on a contract that can't be read is unknown.

    A row that was set aside for good, with no work up to its day, keeps nothing.
    """
    contracts = {UUID(one["contract"]) for one in unfit if one["contract"] and one["table"] == tables.SCHEDULE}
    backlogs = (Backlog.TIME_AND_MATERIAL, Backlog.MILESTONES)
    ready: Sequence[BacklogRow] = ()
    if contracts:
        ready = of_contracts(backlogs, contracts, lambda one: equals(one.status_column, one.ready), client)

    def waits(one: Mapping[str, Any]) -> bool:
        if one["table"] != tables.SCHEDULE or not one["contract"]:
            return True
        day = date.fromisoformat(one["day"])
        mine = (row for row in ready if row.contract == UUID(one["contract"]) and not row.is_adjusted)
        return any(row.is_due(day, zone) for row in mine)

    return [one for one in unfit if waits(one)]


def _within(outcome: Mapping[str, object], which: str, first: date | None) -> list[Mapping[str, Any]]:
    found = cast(Sequence[Mapping[str, Any]], outcome[which])
    return [one for one in found if first is None or date.fromisoformat(one["day"]) >= first]


def _unfit(one: Mapping[str, Any]) -> Named:
    return Named(Ref(one["table"], UUID(one["row"])), f"{one['table']}, due {one['day']}", one["why"])


def _begin(run: Mapping[str, Any]) -> datetime:
    return datetime.combine(date.fromisoformat(run["day"]), time(), UTC)


def _named(run: Mapping[str, Any]) -> Named:
    name = run["number"] or run["contract"]
    return Named(
        Ref(tables.CONTRACT, UUID(run["contract"])), f"{name}, due {run['day']}", f"{run['ready']} rows ready."
    )
