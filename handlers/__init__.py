"""What happens: one module per subject, and the table that says which.

The whole mission: an entry's actuals are kept true to its approval, or verified where the product makes them; backlog
rows are marked ready, or not ready, on command; a contract's invoice is created on command, once.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import assert_never

from handlers.actuals import ActualsHandler
from handlers.fixed_point import FixedPoint, Outcome
from handlers.invoicing import InvoicingHandler
from handlers.readiness import ReadinessHandler
from handlers.verification import VerificationHandler
from mappings.messages import AnyCommand, CreateInvoices, Marking, MarkNotReady, MarkReady
from mappings.tables import Ref

Subject = Ref | AnyCommand
"""What a message turns out to be about: an entry, or a command."""


@dataclass(frozen=True)
class Mission:
    """Who handles what. Entries: by who creates their actuals, this service or the product."""

    entries: ActualsHandler | VerificationHandler
    readiness: ReadinessHandler
    invoicing: InvoicingHandler

    def settle(self, subjects: list[Subject], fixed_point: FixedPoint) -> dict[Subject, Outcome]:
        """Bring every subject to its fixed point, each kind in bulk."""
        entries: list[Ref] = []
        to_mark: list[Marking] = []
        to_invoice: list[CreateInvoices] = []
        for subject in dict.fromkeys(subjects):
            match subject:
                case Ref():
                    entries.append(subject)
                case MarkReady() | MarkNotReady():
                    to_mark.append(subject)
                case CreateInvoices():
                    to_invoice.append(subject)
                case _:
                    assert_never(subject)
        about_entries = fixed_point.settle(self.entries, entries)
        about_readiness = fixed_point.settle(self.readiness, to_mark)
        about_invoices = fixed_point.settle(self.invoicing, to_invoice)
        return dict((*about_entries.items(), *about_readiness.items(), *about_invoices.items()))


__all__ = ["Mission", "Subject"]
