"""Reads what decides about what is due: a few requests, however many schedule rows there are."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from connector.dataverse.access import Reader
from connector.dataverse.query import Compare, Query, all_of, any_of, equals
from connector.errors import Misconfigured
from handlers import command_record, due_milestones
from handlers.backlog_rows import of_contracts
from handlers.command_record import Kind, State
from handlers.due_milestones import Milestones
from handlers.due_record import Kept
from handlers.reading import ask
from mappings import keys, schedule, tables
from mappings.backlog import Backlog, BacklogRow
from mappings.ceiling import CURRENCY_COLUMNS
from mappings.choices import MilestoneStatus
from mappings.row import Row
from mappings.schedule import Due, DueRun, Scheduled, Unfit

ACTION = "msdyn_createinvoicefrominvoiceschedule"
"""The product's action that invoices schedule rows."""
NOTED = "due"
"""Where the record of an attempt holds the run it was made at."""
JOB_NAME = "create invoices"
"""What the name of the product's own batch job contains (PSA/invoicing)."""

_OPEN = (State.CALLING, State.CALLED, State.IN_DOUBT)
"""How far an attempt has come whose outcome is still to be found out."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """An attempt at a run, by the command it was made under.

    ``run``: ``None`` where the record does not tell. ``outcome``: ``None`` where it is still to be found out.
    """

    command: UUID
    run: DueRun | None
    outcome: Mapping[str, object] | None = None


@dataclass(frozen=True, slots=True)
class DueFacts:
    """What is due up to a day, what is ready on its contracts, and what forbids to invoice it.

    ``attempts``: those that are not through, and those that were asked for; what an open one was made for is not among
    what is due. ``generations``: per run, how many attempts have ended. ``jobs``: the product's own jobs that are
    active.
    """

    has_action: bool = False
    jobs: tuple[Row, ...] = ()
    due: Due = field(default_factory=Due)
    attempts: tuple[Attempt, ...] = ()
    ready: tuple[BacklogRow, ...] = ()
    generations: dict[DueRun, int] = field(default_factory=dict)
    contracts: tuple[Row, ...] = ()
    currencies: tuple[Row, ...] = ()


def gather(until: date, only: Sequence[UUID], zone: ZoneInfo, dataverse: Reader, kept: Sequence[Kept] = ()) -> DueFacts:
    """What is due up to a day, that day included; ``only``: these contracts, or where it is empty, all.

    ``kept``: runs whose attempts are asked for, however they ended.
    """
    (messages,) = ask(dataverse, Query(tables.MESSAGE, ("name",), equals("name", ACTION)))
    jobs = _jobs(dataverse)
    scheduled, milestones = _scheduled(until, zone, dataverse)
    unplanned, unfit = list(milestones.alone), list(milestones.unfit)
    if only:
        scheduled = [one for one in scheduled if one.contract is not None and one.contract.id in only]
        unplanned = [one for one in unplanned if one.contract in only]
        unfit = [one for one in unfit if one.contract in only]
    due_on = {one.contract.id for one in scheduled if one.contract} | {
        one.contract for one in unplanned if one.contract
    }
    # Attempts are read after the rows: what was invoiced in between is then known to have been tried.
    is_attempt = equals("psac_kind", Kind.ATTEMPT)
    asked = {keys.attempt_id(one.contract, one.command): one for one in kept}
    open_ones, wanted, ended = ask(
        dataverse,
        Query(tables.COMMAND, command_record.COLUMNS, all_of(is_attempt, any_of("psac_state", _OPEN))),
        Query(tables.COMMAND, command_record.COLUMNS, any_of(f"{tables.COMMAND}id", sorted(asked))),
        Query(
            tables.COMMAND,
            (),
            all_of(is_attempt, equals("psac_state", State.DONE), any_of("psac_subject", sorted(map(str, due_on)))),
        ),
    )
    attempts = [one for row in open_ones if (one := of_due(row)) is not None and _is_meant(one, until, only)]
    attempts += [
        _asked_for(row, asked[row.id]) for row in wanted if command_record.state_of(row) is not State.WITHDRAWN
    ]
    attempts = list({one.command: one for one in attempts}.values())
    due = _due(scheduled, unplanned, unfit, attempts, until, zone)
    on_contracts = sorted({run.contract for run in due.runs})
    named = {*on_contracts, *(one.contract for one in kept), *(one.run.contract for one in attempts if one.run)}
    if not named:
        return DueFacts(bool(messages), jobs, due)
    ready = of_contracts(
        [Backlog.TIME_AND_MATERIAL, Backlog.MILESTONES],
        on_contracts,
        lambda backlog: equals(backlog.status_column, backlog.ready),
        dataverse,
    )
    found, currencies = ask(
        dataverse,
        Query(tables.CONTRACT, ("name", "ordernumber"), any_of("salesorderid", sorted(named))),
        Query(tables.CURRENCY, CURRENCY_COLUMNS),
    )
    done = {attempt.id for attempt in ended}
    return DueFacts(
        bool(messages),
        jobs,
        due,
        tuple(attempts),
        tuple(ready),
        {run: _generation(run, done) for run in due.runs},
        tuple(found),
        tuple(currencies),
    )


def of_due(attempt: Row) -> Attempt | None:
    """The attempt with its run; ``None`` when it was made at a whole contract."""
    selection = command_record.selection_of(attempt)
    if not isinstance(selection, dict) or NOTED not in selection:
        return None
    noted: Mapping[str, Any] = selection[NOTED]
    run = schedule.run_in(UUID(attempt.text("psac_subject") or ""), noted)
    return Attempt(UUID(noted["command"]), run, _outcome(attempt))


def _asked_for(attempt: Row, kept: Kept) -> Attempt:
    """The attempt a record names; one that came to nothing without a call does not tell its run."""
    return of_due(attempt) or Attempt(kept.command, None, _outcome(attempt))


def _outcome(attempt: Row) -> Mapping[str, object] | None:
    return None if command_record.state_of(attempt) in _OPEN else command_record.outcome_of(attempt)


def _is_meant(attempt: Attempt, until: date, only: Sequence[UUID]) -> bool:
    run = attempt.run
    return run is not None and run.day <= until and (not only or run.contract in only)


def _due(
    scheduled: Sequence[Scheduled],
    unplanned: Sequence[BacklogRow],
    unfit: Sequence[Unfit],
    attempts: Iterable[Attempt],
    until: date,
    zone: ZoneInfo,
) -> Due:
    """What is due, of that for which no attempt was made whose outcome is still to be found out."""
    runs = [one.run for one in attempts if one.outcome is None and one.run is not None]
    rows = {id for run in runs for id in run.all_rows}
    milestones = {id for run in runs for id in run.milestones}
    due = schedule.due(
        [one for one in scheduled if one.row.id not in rows],
        [one for one in unplanned if one.row.id not in milestones],
        until,
        zone,
    )
    every = (*due.unfit, *(one for one in unfit if one.row.id not in milestones))
    return replace(due, unfit=tuple(sorted(every, key=lambda one: (one.day, str(one.row)))))


def of_run(run: DueRun, dataverse: Reader) -> dict[UUID, Row]:
    """The schedule rows of a run as they are now, those it is still to get left out."""
    (found,) = ask(dataverse, Query(tables.SCHEDULE, schedule.COLUMNS, any_of(f"{tables.SCHEDULE}id", run.all_rows)))
    return {row.id: row for row in found}


def _jobs(dataverse: Reader) -> tuple[Row, ...]:
    """The product's own create-invoices jobs that are active; an environment without such jobs has none."""
    try:
        (jobs,) = ask(
            dataverse,
            Query(tables.BATCH_JOB, ("msdyn_name",), all_of(equals("msdyn_isactive", True), equals("statecode", 0))),
        )
    except Misconfigured as error:
        if error.code != "unknown-table":
            raise
        return ()
    return tuple(job for job in jobs if JOB_NAME in (job.text("msdyn_name") or "").lower())


def _generation(run: DueRun, ended: set[UUID]) -> int:
    """How many attempts at this run have ended. That it is due all the same says that it may be tried again."""
    generation = 0
    while keys.attempt_id(run.contract, run.command(generation)) in ended:
        generation += 1
    return generation


def _scheduled(until: date, zone: ZoneInfo, dataverse: Reader) -> tuple[list[Scheduled], Milestones]:
    """The open rows up to a day with all they lead to, and the ready milestones up to it that no such row plans."""
    midnight = datetime.combine(until + timedelta(days=1), time(), zone).astimezone(UTC)
    rows, dated = ask(
        dataverse,
        Query(
            tables.SCHEDULE,
            schedule.COLUMNS,
            all_of(
                any_of("msdyn_invoicerunstatus", map(int, schedule.OPEN)),
                Compare("msdyn_invoicerundate", "lt", midnight),
            ),
        ),
        Query(
            tables.MILESTONE,
            Backlog.MILESTONES.columns,
            all_of(
                equals("msdyn_invoicestatus", MilestoneStatus.READY_TO_INVOICE),
                Compare("msdyn_invoicedate", "lt", midnight),
            ),
        ),
    )
    ids = _ids(row.link_id("msdyn_contractlinescheduleofvalue") for row in rows)
    planning, milestones = ask(
        dataverse,
        Query(
            tables.SCHEDULE,
            due_milestones.PLAN_COLUMNS,
            any_of("msdyn_contractlinescheduleofvalue", sorted(one.id for one in dated)),
        ),
        Query(tables.MILESTONE, Backlog.MILESTONES.columns, any_of(f"{tables.MILESTONE}id", ids)),
    )
    lines = _ids(row.link_id("msdyn_contractlineid") for row in (*rows, *dated))
    (found_lines,) = ask(
        dataverse, Query(tables.CONTRACT_LINE, schedule.LINE_COLUMNS, any_of("salesorderdetailid", lines))
    )
    wanted = _ids(line.link_id("salesorderid") for line in found_lines)
    (contracts,) = ask(dataverse, Query(tables.CONTRACT, schedule.CONTRACT_COLUMNS, any_of("salesorderid", wanted)))
    by_id = {row.id: row for row in (*found_lines, *contracts)}
    values = {row.id: BacklogRow(Backlog.MILESTONES, row) for row in milestones}

    def joined(row: Row) -> Scheduled:
        line = by_id.get(row.link_id("msdyn_contractlineid") or UUID(int=0))
        contract = None if line is None else by_id.get(line.link_id("salesorderid") or UUID(int=0))
        milestone = values.get(row.link_id("msdyn_contractlinescheduleofvalue") or UUID(int=0))
        return Scheduled(row, line, contract, milestone)

    due = {row.id for row in rows}
    return [joined(row) for row in rows], due_milestones.told_apart(dated, planning, due, by_id, zone)


def _ids(found: Iterable[UUID | None]) -> list[UUID]:
    return sorted({id for id in found if id is not None})
