"""Invoices a contract only as far as the ceiling goes, unless a person has seen how much it is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from connector.dataverse.access import Reader
from connector.dataverse.query import Query
from handlers.fence import is_fence
from handlers.invoice_facts import InvoiceFacts
from handlers.invoicing import InvoicingHandler
from handlers.plan import Decision, Plan, Refusals, Refuse
from handlers.reading import ask
from mappings import tables
from mappings.backlog import BacklogRow
from mappings.ceiling import CURRENCY_COLUMNS, Ceiling, sums
from mappings.messages import CreateInvoices
from mappings.row import Row

OVER_CEILING = "over-ceiling"


@dataclass(frozen=True, slots=True)
class BoundedFacts:
    """What decides about the invoice, and the currencies its amounts may be in, where they matter."""

    invoice: InvoiceFacts
    currencies: tuple[Row, ...] = ()


@dataclass(frozen=True, slots=True)
class Beside:
    """What else is to be invoiced with a contract, and counts with it.

    ``rows``: those of the same contract, which its own call may take now; ``count``, ``sums``: of all other contracts.
    """

    rows: tuple[BacklogRow, ...] = ()
    count: int = 0
    sums: Mapping[str, Decimal] = field(default_factory=dict)


ALONE = Beside()
"""Nothing else."""


@dataclass(frozen=True, slots=True)
class BoundedInvoicing:
    """The handler of ``CreateInvoices`` as it is given: a call for more than ``ceiling`` has to be confirmed."""

    invoicing: InvoicingHandler
    ceiling: Ceiling | None
    beside: Beside = ALONE

    def gather(self, subjects: Sequence[CreateInvoices], dataverse: Reader) -> Mapping[CreateInvoices, BoundedFacts]:
        """What any invoice takes; and the currencies, as long as one of these may be about to be called for."""
        found = self.invoicing.gather(subjects, dataverse)
        matter = any(self._is_bound(one) and facts.attempt is None and facts.ready for one, facts in found.items())
        currencies = ask(dataverse, Query(tables.CURRENCY, CURRENCY_COLUMNS))[0] if matter else []
        return {one: BoundedFacts(facts, tuple(currencies)) for one, facts in found.items()}

    def decide(self, subject: CreateInvoices, facts: BoundedFacts, refusals: Refusals) -> Decision:
        """As the handler it bounds, except for a call above the ceiling that nobody confirmed."""
        decision = self.invoicing.decide(subject, facts.invoice, refusals)
        if self.ceiling is None or not self._is_bound(subject) or not _calls(decision):
            return decision
        due = facts.invoice.expected(self.invoicing.zone, several=self.invoicing.several)
        taken = {one.source for one in due.rows}
        rows = [one for one in facts.invoice.ready if one.row.ref in taken]
        rows += [one for one in self.beside.rows if one.row.ref not in taken]
        amounts = dict(self.beside.sums)
        for code, amount in sums(rows, facts.currencies).items():
            amounts[code] = amounts.get(code, Decimal(0)) + amount
        over = self.ceiling.above(len(rows) + self.beside.count, amounts)
        return Refuse(OVER_CEILING, above(over)) if over else decision

    def _is_bound(self, subject: CreateInvoices) -> bool:
        return self.ceiling is not None and not subject.confirmed


def above(over: Sequence[str]) -> str:
    """What is said of a command that is too much; ``over`` are the ceiling's sentences."""
    return f'{" ".join(over)} If that is meant, say so: "confirmed": true in the message, --yes at the command line.'


def _calls(decision: Decision) -> bool:
    return isinstance(decision, Plan) and any(one.changes and is_fence(one) for one in decision.change_sets)
