"""Creates a contract's invoice, once per command.

The product's action is not idempotent, so it runs behind a fence (``fence``): a second delivery finds the attempt, a
second command finds the lease moved, a lost reply is looked up. The action is never called again on doubt: where
nothing is to be seen of a call that may have been made, it is waited for, and then a person is asked.

The action runs as the person who asks, where commands are carried out for people. Attempt and lease are in the same
change set, so that person writes them too; every other record is the service's.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import cast
from uuid import UUID
from zoneinfo import ZoneInfo

from connector.dataverse.access import Reader
from connector.dataverse.changes import Call, Change, ChangeSet, Reference
from handlers import command_record, invoice_owner, unseen_invoice, verified_invoice
from handlers.command_record import Kind, State
from handlers.fence import fence, lease_for, partition
from handlers.half_made import half_made
from handlers.id_reused import REUSED
from handlers.invoice_facts import InvoiceFacts, gather
from handlers.invoice_owner import Owner, Whose
from handlers.plan import Decision, NothingToDo, NotYet, Plan, Refusals, Refuse
from mappings import keys, tables
from mappings.acting import AS_SIGNED_IN, Acting
from mappings.invoice import found_nothing
from mappings.invoice_expectation import Expectation
from mappings.messages import CreateInvoices
from mappings.refusal import Refusal
from mappings.row import Row

ACTION = "msdyn_NewInvoiceContract"
PATIENCE = timedelta(minutes=30)
REFUSED, FAILED = "refused", "failed"
ENDED, ANEW = "The command is ended by that;", "give a new command under a new id."
NOTHING: Mapping[str, object] = {"outcome": "nothing-to-invoice", "invoices": []}


def whole_contract(contract: UUID) -> tuple[Change, ...]:
    """The call that takes everything that is ready on a contract and not dated in the future."""
    return (Call(ACTION, Reference(tables.CONTRACT, contract)),)


@dataclass(frozen=True, slots=True)
class InvoicingHandler:
    """The handler of ``CreateInvoices``; ``now`` and ``zone`` tell what is dated in the future when facts are read.

    ``call``: what makes the invoice of a contract, behind the fence; the last of these changes is the product's action.
    ``noted``: what else the record of the attempt holds. ``patience``: how long an invoice that is not seen may still
    come, before that is in doubt. ``owner``: whose they are. ``several``: the product makes one per customer.
    ``warnings``: what is told with whatever came of the call, a sentence each. ``claims``: commands' ids are given by
    others, and not derived from their contracts.
    """

    now: Callable[[], datetime]
    zone: ZoneInfo
    acting: Acting = AS_SIGNED_IN
    call: Callable[[UUID], tuple[Change, ...]] = whole_contract
    noted: Mapping[str, object] = field(default_factory=dict)
    patience: timedelta = PATIENCE
    owner: Whose = Owner.PRODUCT
    several: bool = False
    warnings: tuple[str, ...] = ()
    claims: bool = True

    def gather(self, subjects: Sequence[CreateInvoices], dataverse: Reader) -> Mapping[CreateInvoices, InvoiceFacts]:
        """Read attempts and leases, what is ready, and the invoices that came of earlier attempts."""
        return gather(subjects, dataverse, self.now(), self.acting)

    def decide(self, subject: CreateInvoices, facts: InvoiceFacts, refusals: Refusals) -> Decision:
        """Report an attempt that was made, or make the one this command is entitled to."""
        if facts.attempt is not None:
            return self._after(facts.attempt, facts, refusals)
        if facts.reused is not None:
            other = f"salesorder({facts.reused}) was to be invoiced under this id before."
            return Refuse(REUSED, f"{subject}: {other}")
        if facts.contract is None:
            return Refuse("contract-gone", f"salesorder({subject.contract}) can't be read; check its id and sharing.")
        try:
            caller = self.acting.who(subject.requested_by, facts.people)
        except Refusal as refusal:
            return Refuse(refusal.code, refusal.sentence)
        due = facts.expected(self.zone, several=self.several)
        if not due.rows:
            nothing = {**NOTHING, "because": facts.lately} if facts.lately else NOTHING
            return _ended(subject, facts, "Nothing is ready and due; that is written down.", nothing)
        if (running := unseen_invoice.in_the_way(facts, self.patience)) is not None:
            if isinstance(running, Refuse):
                return running
            return _ended(subject, facts, "Another command is at it; that is written down.", running)
        if facts.lease is None:
            return Plan("The contract gets its lease.", (lease_for(subject),))
        if refusals:
            refused = next(iter(refusals.values()))
            if found_nothing(refused.sentence):
                outcome = {**NOTHING, "because": f"{refused.sentence} {_left(due)}"}
                return _ended(subject, facts, "The product found nothing; that is written down.", outcome)
            who = "The product" if caller is None else f"Acting for {subject.requested_by}, the product"
            because = f"{who} refused to invoice salesorder({subject.contract}): {refused.sentence}"
            outcome = {"outcome": REFUSED, "invoices": [], "code": refused.code, "because": because}
            return _ended(subject, facts, "The product refused; that is written down.", outcome)
        call = self.call(subject.contract)
        asked = {**due.as_data(), **self.noted}
        if len(command_record.text(asked)) > command_record.LONGEST:
            sentence = (
                f"{len(due.rows)} rows are ready on salesorder({subject.contract}), more than can be recorded of "
            )
            return Refuse(
                "too-many-rows", f"{sentence}one call; nothing was called. Take some off by marking them not ready."
            )
        fenced = fence(subject, asked, facts.lease, caller, call, facts.withdrawn, claims=self.claims)
        rows = "1 ready row is" if len(due.rows) == 1 else f"{len(due.rows)} ready rows are"
        return Plan(f"{rows} invoiced.", (fenced,), each_alone=True)

    def half_made(self, attempt: Row, facts: InvoiceFacts) -> NotYet | None:
        """To wait for the rest of an invoice that the product may still be drawing up."""
        return half_made(attempt, facts, self.patience, self.zone)

    def _after(self, attempt: Row, facts: InvoiceFacts, refusals: Refusals) -> Decision:
        """Give the invoice to its owner; say what came of an attempt, and how it differs from what was expected."""
        state, outcome = command_record.state_of(attempt), command_record.outcome_of(attempt)
        if state is State.DONE or facts.contents is None:
            if outcome.get("outcome") == REFUSED:
                return Refuse(str(outcome["code"]), f"{outcome['because']} {ENDED} mend it, and {ANEW}")
            if outcome.get("outcome") == FAILED:
                return Refuse("resolved-as-nothing", f"{outcome['because']} {ENDED} {ANEW}")
            return NothingToDo("The command has been carried out.", outcome)
        if not facts.contents.invoices and (unseen := unseen_invoice.after(attempt, facts, self.patience)) is not None:
            return unseen
        if (waiting := self.half_made(attempt, facts)) is not None:
            return waiting
        if (assigned := invoice_owner.given(self.owner, facts, refusals)) is not None:
            return assigned
        asked = cast(dict[str, object], command_record.selection_of(attempt))
        warnings = [*invoice_owner.warnings(self.owner, facts, refusals), *self.warnings]
        brought = verified_invoice.outcome(asked, facts.contents, self.zone, warnings)
        return Plan("The outcome is written down.", (ChangeSet((command_record.finished(attempt, brought),)),))


def _left(due: Expectation) -> str:
    """What a product that found nothing did not take."""
    today = sum(row.dated == due.today for row in due.rows)
    if today == len(due.rows):
        return "All that is ready is dated today; here the product takes it from the next day on."
    return f"Yet rows are ready ({len(due.rows)}, {today} of them dated today): look at dates, customers and lines."


def _ended(subject: CreateInvoices, facts: InvoiceFacts, because: str, outcome: Mapping[str, object]) -> Plan:
    """The command ends without a call, or with one that came to nothing."""
    if facts.withdrawn is not None:
        return Plan(because, (ChangeSet((command_record.finished(facts.withdrawn, outcome),)),))
    record = command_record.created(
        keys.attempt_id(subject.contract, subject.command),
        Kind.ATTEMPT,
        str(subject.contract),
        subject.requested_by,
        State.DONE,
        outcome=outcome,
        name=command_record.attempt_name(subject.command),
    )
    return Plan(because, (ChangeSet((record,), partition(subject.contract)),))


def invoices_of(outcome: Mapping[str, object]) -> list[UUID]:
    """The ids of the invoices an outcome reports."""
    return [UUID(invoice["id"]) for invoice in cast(list[dict[str, str]], outcome.get("invoices", []))]
