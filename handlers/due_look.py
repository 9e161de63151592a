"""Finds what is due, what each invoice would take, and whether it may be made at all; nothing is written here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from connector.dataverse.access import Reader
from connector.dataverse.query import Query, any_of
from handlers import command_record, due_facts, people
from handlers.due_facts import DueFacts
from handlers.invoicing import InvoicingHandler
from handlers.plan import Decision, NothingToDo, Refusals, Refuse
from handlers.reading import ask
from mappings import keys, tables
from mappings.acting import Person
from mappings.backlog import BacklogRow
from mappings.business_date import business_date
from mappings.ceiling import Ceiling, sums
from mappings.messages import CreateDueInvoices
from mappings.refusal import Refusal
from mappings.row import Row
from mappings.schedule import DueRun, shared_out


@dataclass(frozen=True, slots=True)
class Sweep:
    """What is due, with what each run's invoice takes if they are made in order, the oldest of a contract first.

    ``over``: what of it is above a ceiling, as sentences.
    """

    until: date
    facts: DueFacts
    taken: Mapping[DueRun, tuple[BacklogRow, ...]]
    over: tuple[str, ...] = ()

    def plain(self) -> dict[str, object]:
        """It as a dry run answers it."""
        return {
            "dry_run": True,
            "until": self.until.isoformat(),
            "runs": [
                named(run, self) | {"ready": len(self.taken[run]), "total": str(total(self.taken[run]))}
                for run in self.facts.due.runs
            ],
            "unfit": self.unfit(),
            "above_ceiling": list(self.over),
        }

    def unfit(self) -> list[dict[str, object]]:
        """The rows that are due and can't be invoiced."""
        return [
            {
                "row": str(one.row.id),
                "day": one.day.isoformat(),
                "contract": None if one.contract is None else str(one.contract),
                "why": one.why,
            }
            for one in self.facts.due.unfit
        ]


@dataclass(frozen=True, slots=True)
class Known:
    """What decides about a command. ``record``: what came of the command when it was carried out before."""

    record: Row | None
    people: tuple[Person, ...]
    today: date
    facts: DueFacts | None = None


@dataclass(frozen=True, slots=True)
class Look:
    """Finds what a command is about; its decisions write nothing."""

    invoicing: InvoicingHandler
    ceiling: Ceiling | None

    def gather(self, subjects: Sequence[CreateDueInvoices], dataverse: Reader) -> Mapping[CreateDueInvoices, Known]:
        ids = [keys.command_row_id(one.command) for one in subjects]
        records, *users = ask(
            dataverse,
            Query(tables.COMMAND, command_record.COLUMNS, any_of(f"{tables.COMMAND}id", ids)),
            *people.questions(self.invoicing.acting, (one.requested_by for one in subjects)),
        )
        by_id, who = {record.id: record for record in records}, people.people(users)
        today = business_date(self.invoicing.now(), self.invoicing.zone)
        known = {}
        for one, id in zip(subjects, ids, strict=True):
            record = None if one.dry_run else by_id.get(id)
            facts = None
            if record is None:
                facts = due_facts.gather(one.due or today, one.contracts, self.invoicing.zone, dataverse)
            known[one] = Known(record, who, today, facts)
        return known

    def decide(self, subject: CreateDueInvoices, facts: Known, refusals: Refusals) -> Decision:
        if facts.record is not None:
            if facts.record.text("psac_subject") != subject_of(subject):
                return Refuse("command-id-reused", f"{subject}: another command was given under this id before.")
            return NothingToDo("The command has been carried out.", command_record.outcome_of(facts.record))
        try:
            self.invoicing.acting.who(subject.requested_by, facts.people)
        except Refusal as refusal:
            return Refuse(refusal.code, refusal.sentence)
        found, until = facts.facts or DueFacts(False, ()), subject.due or facts.today
        if (refusal_ := _forbidden(found)) is not None:
            return refusal_
        if until > facts.today and not subject.dry_run:
            return Refuse("not-due-yet", f"{until} is still to come; what is due then can be looked at, not invoiced.")
        taken = shared_out(found.due.runs, found.ready, facts.today, self.invoicing.zone)
        rows = [row for several in taken.values() for row in several]
        over = [] if self.ceiling is None else self.ceiling.above(len(rows), sums(rows, found.currencies))
        if over and not (subject.confirmed or subject.dry_run):
            return Refuse("over-ceiling", f'{" ".join(over)} If that is meant, say so with "confirmed": true.')
        return NothingToDo("It was looked at.", {"sweep": Sweep(until, found, taken, tuple(over))})


def total(rows: Sequence[BacklogRow]) -> Decimal:
    """What they come to, charged work only, before tax."""
    return sum((row.billable for row in rows), Decimal(0))


def _forbidden(found: DueFacts) -> Refuse | None:
    if not found.has_action:
        return Refuse(
            "no-schedule-action",
            f"This environment has no action {due_facts.ACTION}, and without it due invoices can't be made: another "
            "action would take more than what is due. Create them contract by contract.",
        )
    if found.jobs:
        names = ", ".join(f"{job.text('msdyn_name')} ({job.ref})" for job in found.jobs)
        return Refuse(
            "product-invoices-itself",
            f"The product's own job that creates invoices is active: {names}. Both would invoice the same rows. "
            "Deactivate it, or leave due invoices to it.",
        )
    return None


def subject_of(command: CreateDueInvoices) -> str:
    """What the record of a command says that it is about."""
    until = "today" if command.due is None else command.due.isoformat()
    return f"{command.kind} {until} {len(command.contracts) or 'all'}"


def named(run: DueRun, sweep: Sweep) -> dict[str, object]:
    """A run as it is written down and answered."""
    contract = next((one for one in sweep.facts.contracts if one.id == run.contract), None)
    return {
        "contract": str(run.contract),
        "number": None if contract is None else contract.text("ordernumber"),
        "day": run.day.isoformat(),
        "rows": [str(id) for id in run.all_rows],
    }
