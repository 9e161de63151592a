"""Invoices by schedule: the action that carries out due schedule rows, and the batch job that calls for it daily.

Lines of one contract with the same run date come together on one invoice, with one line each; ready items are taken up
to the row's cut-off, that day included. A milestone is due on its row's run date or, without a row, on its own date.
(PSA/invoicing; proforma-invoicing/configure-automated-invoice-creation)
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Final
from uuid import UUID

from sandbox.dataverse.product.business_dates import day_of
from sandbox.dataverse.product.cells import existing, instant, key, linked, text
from sandbox.dataverse.product.choices import MilestoneStatus, RunStatus
from sandbox.dataverse.product.invoice_creation import create_scheduled
from sandbox.dataverse.product.invoice_lines import MILESTONE
from sandbox.dataverse.product.schedule_generation import SCHEDULE
from sandbox.dataverse.product.switches import Switches
from sandbox.dataverse.seed import seed_id
from sandbox.dataverse.unit_of_work import Cell, Link, Refused, Row, UnitOfWork

Transactions = Callable[[], AbstractContextManager[UnitOfWork]]
BATCH_JOB: Final = "msdyn_batchjob"
JOB_NAME: Final = "create invoices"
ACTION: Final = "msdyn_createinvoicefrominvoiceschedule"
_PAUSE: Final = timedelta(hours=24)
"""From the end of one run to the beginning of the next, so that the run drifts through the day."""
_NO_JOB_TYPE: Final = 867380000


@dataclass(slots=True)
class _Run:
    """What one contract is invoiced for on one run date."""

    rows: list[UUID] = field(default_factory=list)
    cut_offs: dict[UUID, datetime] = field(default_factory=dict)
    milestones: set[UUID] = field(default_factory=set)


_Runs = dict[tuple[UUID, date], _Run]


def announce(work: UnitOfWork) -> None:
    """List the action's message among the others, as every action's is in life."""
    id = seed_id(f"sdkmessage/{ACTION}")
    if work.get("sdkmessage", id) is None:
        work.create("sdkmessage", {"name": ACTION}, id)


def carry_out(switches: Switches, work: UnitOfWork, contract: UUID, ids: Iterable[UUID]) -> None:
    """Invoice these schedule rows of a contract; rows that ran successfully before are passed over."""
    runs: _Runs = {}
    for id in ids:
        row = existing(work, SCHEDULE, id)
        if _contract_of(work, row) != contract:
            raise Refused("An invoice schedule belongs to a line of another contract.")
        if not _has_come(switches, work, row):
            raise Refused("An invoice schedule isn't due yet.")
        if row.get("msdyn_invoicerunstatus") != RunStatus.SUCCESSFUL or _just_ran(switches, work, row):
            _add(switches, runs, work, contract, row)
    for (of_contract, _), run in sorted(runs.items(), key=lambda item: item[0][1]):
        _carry_out(switches, work, of_contract, run)


def run_batch_jobs(switches: Switches, transaction: Transactions) -> None:
    """Run each active daily batch job called "create invoices" whose time has come, one contract at a time."""
    with transaction() as work:
        jobs = [key(row, BATCH_JOB) for row in work.find(BATCH_JOB, msdyn_isactive=True) if _is_due(work, row)]
    for job in jobs:
        with transaction() as work:
            runs = _due(switches, work)
        for (contract, _), run in sorted(runs.items(), key=lambda item: item[0][1]):
            try:
                with transaction() as work:
                    _carry_out(switches, work, contract, run)
            except Refused:
                with transaction() as work:
                    _settle(work, run, RunStatus.FAILED, None)
        with transaction() as work:
            work.update(BATCH_JOB, job, {"msdyn_lastrundate": work.now})


def _carry_out(switches: Switches, work: UnitOfWork, contract: UUID, run: _Run) -> None:
    invoice = create_scheduled(switches, work, contract, run.cut_offs, run.milestones)
    if invoice is not None:
        if switches.runs_written_back:
            _settle(work, run, RunStatus.SUCCESSFUL, invoice)
    elif switches.empty_run_succeeds:
        _settle(work, run, RunStatus.SUCCESSFUL, None)


def _settle(work: UnitOfWork, run: _Run, status: int, invoice: UUID | None) -> None:
    values: dict[str, Cell] = {"msdyn_invoicerunstatus": status}
    values["msdyn_invoice"] = None if invoice is None else Link("invoice", invoice)
    for row in run.rows:
        work.update(SCHEDULE, row, values)


def _due(switches: Switches, work: UnitOfWork) -> _Runs:
    runs: _Runs = {}
    for status in (RunStatus.NOT_RUN, RunStatus.FAILED):
        for row in work.find(SCHEDULE, msdyn_invoicerunstatus=status):
            contract = _contract_of(work, row)
            if contract is not None and row.get("msdyn_invoicerundate") is not None and _has_come(switches, work, row):
                _add(switches, runs, work, contract, row)
    for milestone in work.find(MILESTONE, msdyn_invoicestatus=MilestoneStatus.READY):
        contract, when = linked(milestone, "msdyn_contract"), instant(milestone, "msdyn_invoicedate")
        itself = Link(MILESTONE, key(milestone, MILESTONE))
        planned = work.find(SCHEDULE, msdyn_contractlinescheduleofvalue=itself)
        if contract is None or when is None or planned:
            continue
        day = day_of(when, switches.zone)
        if day <= day_of(work.now, switches.zone):
            runs.setdefault((contract, day), _Run()).milestones.add(itself.id)
    return runs


def _add(switches: Switches, runs: _Runs, work: UnitOfWork, contract: UUID, row: Row) -> None:
    when = _run_date(row)
    run = runs.setdefault((contract, day_of(when, switches.zone)), _Run())
    run.rows.append(key(row, SCHEDULE))
    milestone, line = linked(row, "msdyn_contractlinescheduleofvalue"), linked(row, "msdyn_contractlineid")
    if milestone is not None:
        run.milestones.add(milestone)
    elif line is not None:
        cut_off = instant(row, "msdyn_transactioncutoffdate") or when - timedelta(1)
        run.cut_offs[line] = max(cut_off, run.cut_offs.get(line, cut_off))


def _contract_of(work: UnitOfWork, row: Row) -> UUID | None:
    line = linked(row, "msdyn_contractlineid")
    found = None if line is None else work.get("salesorderdetail", line)
    return None if found is None else linked(found, "salesorderid")


def _has_come(switches: Switches, work: UnitOfWork, row: Row) -> bool:
    return day_of(_run_date(row), switches.zone) <= day_of(work.now, switches.zone)


def _run_date(row: Row) -> datetime:
    when = instant(row, "msdyn_invoicerundate")
    if when is None:
        raise Refused("An invoice schedule has no run date.")
    return when


def _just_ran(switches: Switches, work: UnitOfWork, row: Row) -> bool:
    moved, race = instant(row, "modifiedon"), switches.schedule_race
    return bool(race) and moved is not None and work.now - moved <= race


def _is_due(work: UnitOfWork, job: Row) -> bool:
    last = instant(job, "msdyn_lastrundate")
    named = JOB_NAME in text(job, "msdyn_name").lower() and job.get("msdyn_jobtype") in (None, _NO_JOB_TYPE)
    return named and (last is None or last + _PAUSE <= work.now)
