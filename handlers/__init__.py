"""What happens: one module per subject, and the table that says which.

The whole mission: an entry's actuals are kept true to its approval, or verified where the product makes them; backlog
rows are marked ready, or not ready, on command; a contract's invoice is created on command, once; and what is due by
schedule is invoiced on command, too.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import assert_never

from handlers.actuals import ActualsHandler
from handlers.bounded_invoicing import BoundedInvoicing
from handlers.due_invoices import DueInvoices
from handlers.fixed_point import FixedPoint, Outcome
from handlers.invoice_runs import InvoiceRuns
from handlers.invoicing import InvoicingHandler
from handlers.marking_turns import settle_in_turn
from handlers.readiness import ReadinessHandler
from handlers.run_end import RunEnds
from handlers.verification import VerificationHandler
from mappings.messages import (
    AnyCommand,
    CreateDueInvoices,
    CreateInvoices,
    CreateManyInvoices,
    LookAtRun,
    Marking,
    MarkNotReady,
    MarkReady,
)
from mappings.tables import Ref

Subject = Ref | AnyCommand | LookAtRun
"""What a message turns out to be about: an entry, a command, or the end of a run."""


@dataclass(frozen=True)
class Mission:
    """Who handles what. Entries: by who creates their actuals, this service or the product.

    ``at_once``: how many contracts that are due are invoiced at a time.
    """

    entries: ActualsHandler | VerificationHandler
    readiness: ReadinessHandler
    invoicing: InvoicingHandler
    at_once: int = 1

    @property
    def single(self) -> BoundedInvoicing:
        """Who invoices one contract on command: below that ceiling, too."""
        return BoundedInvoicing(self.invoicing, self.readiness.ceiling)

    @property
    def due(self) -> DueInvoices:
        """Who invoices what is due: as any contract is invoiced, below the ceiling of whatever is done in bulk."""
        return DueInvoices(self.invoicing, self.readiness.ceiling, self.at_once)

    @property
    def runs(self) -> InvoiceRuns:
        """Who records runs over many contracts, below that ceiling, too."""
        return InvoiceRuns(self.invoicing, self.readiness.ceiling)

    def settle(self, subjects: list[Subject], fixed_point: FixedPoint) -> dict[Subject, Outcome]:
        """Bring every subject to its fixed point, each kind in bulk."""
        entries: list[Ref] = []
        to_mark: list[Marking] = []
        to_invoice: list[CreateInvoices] = []
        to_sweep: list[CreateDueInvoices] = []
        to_run: list[CreateManyInvoices] = []
        to_look_at: list[LookAtRun] = []
        for subject in dict.fromkeys(subjects):
            match subject:
                case Ref():
                    entries.append(subject)
                case MarkReady() | MarkNotReady():
                    to_mark.append(subject)
                case CreateInvoices():
                    to_invoice.append(subject)
                case CreateManyInvoices():
                    to_run.append(subject)
                case CreateDueInvoices():
                    to_sweep.append(subject)
                case LookAtRun():
                    to_look_at.append(subject)
                case _:
                    assert_never(subject)
        about_entries = fixed_point.settle(self.entries, entries)
        about_readiness = settle_in_turn(to_mark, self.readiness, fixed_point)
        about_invoices = fixed_point.settle(self.single, to_invoice)
        about_due = self.due.settle(to_sweep, fixed_point)
        about_runs = fixed_point.settle(self.runs, to_run)
        about_ends = fixed_point.settle(RunEnds(self.invoicing.now), to_look_at)
        every = (about_entries, about_readiness, about_invoices, about_due, about_runs, about_ends)
        return {subject: outcome for about in every for subject, outcome in about.items()}


__all__ = ["Mission", "Subject"]
