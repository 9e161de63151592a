"""Invoices one contract for one run date by the product's schedule action, behind the same fence as any invoice.

What the product leaves open is written back to the schedule rows: that the run failed, or which invoice it made.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, time, timedelta
from functools import partial
from uuid import UUID
from zoneinfo import ZoneInfo

from connector.dataverse.access import Reader
from connector.dataverse.changes import Call, Change, ChangeSet, Create, Reference, Update, Value
from connector.errors import Conflict
from handlers import command_record, due_facts
from handlers.bounded_invoicing import ALONE, Beside, BoundedFacts, BoundedInvoicing
from handlers.command_record import State
from handlers.invoice_facts import InvoiceFacts
from handlers.invoicing import InvoicingHandler
from handlers.plan import Decision, NothingToDo, NotYet, Plan, Refusals
from handlers.rows import reference
from mappings import keys, tables
from mappings.business_date import business_date
from mappings.ceiling import Ceiling
from mappings.choices import RunStatus
from mappings.invoice import Invoice, found_nothing
from mappings.messages import CreateInvoices
from mappings.row import Row
from mappings.schedule import OPEN, DueRun
from mappings.tables import Ref

ALREADY, NOTHING, FAILED = "already-run", "nothing-to-invoice", "failed"


@dataclass(frozen=True, slots=True)
class RunFacts:
    """What decides about the invoice, and the run's schedule rows as they are now."""

    invoice: InvoiceFacts
    rows: Mapping[UUID, Row]


@dataclass(frozen=True, slots=True)
class DueRunHandler:
    """The handler of one run, whose command's id everybody derives alike.

    A call that takes it and what is ``beside`` it above the ``ceiling`` is refused; ``currencies``: of these amounts.
    """

    run: DueRun
    invoicing: InvoicingHandler
    ceiling: Ceiling | None = None
    beside: Beside = ALONE
    currencies: tuple[Row, ...] = ()

    def gather(self, subjects: Sequence[CreateInvoices], dataverse: Reader) -> Mapping[CreateInvoices, RunFacts]:
        """What any invoice takes, and the schedule rows."""
        found = due_facts.of_run(self.run, dataverse)
        return {one: RunFacts(facts, found) for one, facts in self.invoicing.gather(subjects, dataverse).items()}

    def decide(self, subject: CreateInvoices, facts: RunFacts, refusals: Refusals) -> Decision:
        """Invoice what is ready up to the cut-offs; then see to it that the rows say so."""
        attempt, zone = facts.invoice.attempt, self.invoicing.zone
        if attempt is not None:
            return self._after(subject, attempt, facts, refusals)
        known = facts.rows.values()
        gone = not self.run.all_rows or any(id not in facts.rows for id in self.run.rows)
        if gone or any(_status(row) not in OPEN for row in known):
            return NothingToDo("Somebody else carried it out, or took rows of it away.", _ran(known))
        today = business_date(facts.invoice.now, zone)
        ready = tuple(row for row in facts.invoice.ready if self.run.takes(row, today, zone))
        if not ready:
            return NothingToDo(
                "Nothing on it is ready up to its cut-off; its rows are left as they are.",
                {"outcome": NOTHING, "invoices": []},
            )
        if any(not isinstance(one, Conflict) and not found_nothing(one.sentence) for one in refusals.values()):
            # The product refused. That is for the next run to see, and for whoever looks at the schedule.
            failed: dict[str, Value] = {"msdyn_invoicerunstatus": int(RunStatus.FAILED)}
            if changes := _changes(((row, failed) for row in known), refusals):
                return Plan("The run failed; its schedule rows say so.", changes, each_alone=True)
        shown = {line for line, _ in self.run.cut_offs} | {row.row.link_id("msdyn_contractlineid") for row in ready}
        lines = tuple(line for line in facts.invoice.lines if line.id in shown)
        call = partial(_by_schedule, self.run, facts, zone)
        narrowed = replace(facts.invoice, ready=ready, lines=lines)
        noted = {due_facts.NOTED: {**self.run.as_data(), "command": str(subject.command)}}
        bounded = BoundedInvoicing(
            replace(self.invoicing, call=call, noted=noted, claims=False), self.ceiling, self.beside
        )
        return bounded.decide(subject, BoundedFacts(narrowed, self.currencies), refusals)

    def _after(self, subject: CreateInvoices, attempt: Row, facts: RunFacts, refusals: Refusals) -> Decision:
        """The call was made. What it brought is written into the rows before it counts as carried out."""
        rows, open_ = facts.rows.values(), command_record.state_of(attempt) is not State.DONE
        is_whole = open_ and self.invoicing.half_made(attempt, facts.invoice) is None
        brought = facts.invoice.contents.invoices if is_whole and facts.invoice.contents is not None else ()
        wanted = [(row, _ran_with(row, brought)) for row in rows] if brought else []
        if changes := _changes(wanted, refusals):
            return Plan("The schedule rows name the invoice.", changes, each_alone=True, may_fail=True)
        handler = replace(self.invoicing, warnings=_not_written(wanted, refusals))
        decision = handler.decide(subject, facts.invoice, refusals)
        waits = not open_ or facts.invoice.invoices or not facts.invoice.still_ready or isinstance(decision, NotYet)
        if not waits and rows and all(_status(row) == RunStatus.FAILED for row in rows):
            # They were not when the call was made. Until its time is over the product may still bring an invoice.
            outcome = {"outcome": FAILED, "invoices": [], "because": "The product itself reports that the run failed."}
            return Plan("The outcome is written down.", (ChangeSet((command_record.finished(attempt, outcome),)),))
        return decision


def written_back(attempt: Row, invoices: Sequence[Invoice], dataverse: Reader) -> tuple[ChangeSet, ...]:
    """What makes the schedule rows of an attempt name the invoices that came of it; nothing if it was none at a run."""
    made = due_facts.of_due(attempt)
    if made is None or made.run is None:
        return ()
    rows = due_facts.of_run(made.run, dataverse).values()
    return _changes(((row, _ran_with(row, invoices)) for row in rows), {})


def _by_schedule(run: DueRun, facts: RunFacts, zone: ZoneInfo, contract: UUID) -> tuple[Change, ...]:
    """The call, after the rows that milestones without one get: it takes nothing else.

    The rows are put back to not run with it, written or not: what they say from now on is said of this call, and
    whoever read them before it can't write into them any more.
    """
    made = [
        _row_for(milestone, line, run, zone)
        for milestone, line in run.unplanned
        if keys.schedule_row_id(milestone) not in facts.rows
    ]
    not_run: dict[str, Value] = {"msdyn_invoicerunstatus": int(RunStatus.NOT_RUN)}
    anew = [Update(reference(row.ref), not_run, row.version) for row in facts.rows.values()]
    given = tuple(Reference(tables.SCHEDULE, id) for id in run.all_rows)
    call = Call(due_facts.ACTION, Reference(tables.CONTRACT, contract), {"InvoiceSchedules": given})
    return (*made, *anew, call)


def _row_for(milestone: UUID, line: UUID, run: DueRun, zone: ZoneInfo) -> Create:
    day = datetime.combine(run.day, time(), zone)
    return Create(
        Reference(tables.SCHEDULE, keys.schedule_row_id(milestone)),
        {
            "msdyn_name": run.day.isoformat(),
            "msdyn_contractlineid": Reference(tables.CONTRACT_LINE, line),
            "msdyn_contractlinescheduleofvalue": Reference(tables.MILESTONE, milestone),
            "msdyn_invoicerundate": day.astimezone(UTC),
            "msdyn_transactioncutoffdate": (day - timedelta(days=1)).astimezone(UTC),
            "msdyn_invoicerunstatus": int(RunStatus.NOT_RUN),
        },
    )


def _changes(wanted: Iterable[tuple[Row, Mapping[str, Value]]], refusals: Refusals) -> tuple[ChangeSet, ...]:
    """What makes the rows say so, where they don't and Dataverse has no word against it."""
    return tuple(
        ChangeSet((Update(reference(row.ref), values, row.version),))
        for row, values in wanted
        if not _says(row, values) and isinstance(refusals.get(reference(row.ref)), Conflict | None)
    )


def _not_written(wanted: Iterable[tuple[Row, Mapping[str, Value]]], refusals: Refusals) -> tuple[str, ...]:
    """A sentence for each row that does not say so, because Dataverse has a word against it."""
    return tuple(
        f"{row.ref} does not name its invoice, and may be due again: {refusals[reference(row.ref)].sentence}"
        for row, values in wanted
        if not _says(row, values) and reference(row.ref) in refusals
    )


def _says(row: Row, values: Mapping[str, Value]) -> bool:
    return all(_held(row, column) == value for column, value in values.items())


def _ran_with(row: Row, invoices: Sequence[Invoice]) -> dict[str, Value]:
    """That it has run, with the invoice it names already, if it is one of these, else with that which bills it."""
    named = [one for one in invoices if one.id == row.link_id("msdyn_invoice")]
    invoice = [*named, *(one for one in invoices if _is_on(row, one)), *invoices][0]
    return {"msdyn_invoicerunstatus": int(RunStatus.SUCCESSFUL), "msdyn_invoice": reference(invoice.row.ref)}


def _is_on(row: Row, invoice: Invoice) -> bool:
    """Whether the invoice bills what the schedule row plans: its milestone, or something on its contract line."""
    if (milestone := row.link("msdyn_contractlinescheduleofvalue")) is not None:
        return any(detail.source == milestone for detail in invoice.details)
    return any(detail.line == row.link_id("msdyn_contractlineid") for detail in invoice.details)


def _held(row: Row, column: str) -> Value:
    held = row.cells.get(column)
    return reference(held) if isinstance(held, Ref) else held


def _status(row: Row) -> int | None:
    return row.choice("msdyn_invoicerunstatus")


def _ran(rows: Iterable[Row]) -> dict[str, object]:
    invoices = sorted({str(link.id) for row in rows if (link := row.link("msdyn_invoice")) is not None})
    return {"outcome": ALREADY, "invoices": [{"id": id, "number": None, "name": None} for id in invoices]}
