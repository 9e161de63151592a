"""What was due by schedule and has not run, although something on it is ready: told by a dry run of what is due."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, cast
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

from connector.dataverse.client import DataverseClient
from connector.dataverse.query import Compare, Query, all_of, equals
from handlers.due_invoices import DueInvoices
from handlers.fixed_point import AgainstTheRules, FixedPoint, Unsettled
from mappings import tables
from mappings.business_date import business_date
from mappings.choices import RunStatus
from mappings.messages import CreateDueInvoices
from mappings.sweep_times import last_sweep
from mappings.tables import Ref
from service.status.conditions import midnight
from service.status.counting import counted
from service.status.part import FEW, Named, Part, State, number

OVERDUE = "schedules-overdue"
ASKED_BY = "status"
TAKES = timedelta(hours=1)
"""How long a sweep may be at work before what it has not come to counts as left."""


def day_before(now: datetime, at: time | None, zone: ZoneInfo) -> date:
    """What was due before this day is overdue: a daily sweep has had its turn, or else the day is over."""
    return business_date(now, zone) if at is None else business_date(last_sweep(now - TAKES, at, zone), zone)


def overdue(
    client: DataverseClient, due: DueInvoices, fixed_point: FixedPoint, before: date, *, first: date | None = None
) -> Iterator[Part]:
    """The runs that were due before a day, and from ``first`` on; who asks for a time is also told of what can't be
    invoiced as it is. Raises ``ConnectorError``.
    """
    # A day earlier, as what is due on a day is due up to its end.
    until = before - timedelta(days=1)
    command = CreateDueInvoices(command=uuid4(), requested_by=ASKED_BY, due=until, dry_run=True)
    looked = due.settle([command], fixed_point)[command]
    if isinstance(looked, Unsettled):
        if not isinstance(looked.failure, AgainstTheRules):
            raise looked.failure
        yield _by_others(client, looked.failure, before, due.invoicing.zone)
        return
    runs, unfit = _within(looked.outcome, "runs", first), _within(looked.outcome, "unfit", first)
    due_runs = [run for run in runs if int(run["ready"])]
    left = int(cast(Any, looked.outcome["left"]))
    said = number(len(due_runs), "run was", "runs were", is_more=bool(left))
    out = f" {number(len(unfit), 'row', 'rows')} can't be invoiced as they are." if unfit else ""
    yield Part(
        OVERDUE,
        State.ATTENTION if due_runs or (first is not None and unfit) else State.OK,
        f"{said} due up to {until} with something ready, and did not run.{out}",
        "psa-connector invoice create --due --dry-run, then without --dry-run" if due_runs or unfit else "",
        len(due_runs),
        bool(left),
        min((_begin(run) for run in due_runs), default=None),
        (*(_named(run) for run in due_runs), *(_unfit(one) for one in unfit))[:FEW],
        {"left_out": len(unfit)},
    )


def _by_others(client: DataverseClient, refused: AgainstTheRules, before: date, zone: ZoneInfo) -> Part:
    """What can be said where this service may not invoice what is due: which runs failed, and which did not come."""
    columns, by_day = ("msdyn_name", "msdyn_invoicerundate"), ("msdyn_invoicerundate",)
    past = Compare("msdyn_invoicerundate", "lt", midnight(before, zone))
    failed, left = (
        counted(client, Query(tables.SCHEDULE, columns, all_of(is_so, past), by_day))
        for is_so in (
            equals("msdyn_invoicerunstatus", int(RunStatus.FAILED)),
            equals("msdyn_invoicerunstatus", int(RunStatus.NOT_RUN)),
        )
    )
    return Part(
        OVERDUE,
        State.ATTENTION if failed.count else State.OK,
        f"This service invoices nothing that is due here ({refused.code}). "
        f"{number(failed.count, 'run', 'runs', is_more=failed.is_more)} of others failed; "
        f"{number(left.count, 'has', 'have', is_more=left.is_more)} not run, ready or not.",
        "Open the schedule rows: create those invoices in the product, or set them back to Not Run."
        if failed.count
        else "",
        failed.count,
        failed.is_more,
        failed.rows[0].instant("msdyn_invoicerundate") if failed.rows else None,
        tuple(Named(one.ref, one.text("msdyn_name") or str(one.id), "Run Failed.") for one in failed.rows),
        {"not_run": left.count},
    )


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
