"""Creates a contract's invoice, once per command.

The product's action is not idempotent, so it runs inside a fence: one change set writes the attempt row (whose id
follows from contract and command), moves the contract's lease on, and calls the action. A second delivery finds the
attempt; a second command finds the lease moved; a lost reply is looked up. The action is never called again on doubt.

The action runs as the person who asks, where commands are carried out for people. Attempt and lease are in the same
change set, so that person writes them too; every other record is the service's.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import cast
from uuid import UUID
from zoneinfo import ZoneInfo

from connector.dataverse.access import Reader
from connector.dataverse.changes import Call, Change, ChangeSet, Reference, Update
from handlers import command_record, verified_invoice
from handlers.command_record import Kind, State
from handlers.invoice_facts import InvoiceFacts, gather
from handlers.plan import Decision, NothingToDo, Plan, Refusals, Refuse
from mappings import keys, tables
from mappings.acting import AS_SIGNED_IN, Acting
from mappings.invoice_expectation import Expectation
from mappings.messages import CreateInvoices
from mappings.refusal import Refusal
from mappings.row import Row

ACTION = "msdyn_NewInvoiceContract"


def whole_contract(contract: UUID) -> tuple[Change, ...]:
    """The call that takes everything that is ready on a contract and not dated in the future."""
    return (Call(ACTION, Reference(tables.CONTRACT, contract)),)


@dataclass(frozen=True, slots=True)
class InvoicingHandler:
    """The handler of ``CreateInvoices``; ``now`` and ``zone`` tell what is dated in the future when facts are read.

    ``call``: what makes the invoice of a contract, behind the fence; the last of these changes is the product's action.
    """

    now: Callable[[], datetime]
    zone: ZoneInfo
    acting: Acting = AS_SIGNED_IN
    call: Callable[[UUID], tuple[Change, ...]] = whole_contract

    def gather(self, subjects: Sequence[CreateInvoices], dataverse: Reader) -> Mapping[CreateInvoices, InvoiceFacts]:
        """Read attempts and leases, what is ready, and the invoices that came of earlier attempts."""
        return gather(subjects, dataverse, self.now(), self.acting)

    def decide(self, subject: CreateInvoices, facts: InvoiceFacts, refusals: Refusals) -> Decision:
        """Report an attempt that was made, or make the one this command is entitled to."""
        if facts.contract is None:
            return Refuse("contract-gone", f"salesorder({subject.contract}) can't be read; check its id and sharing.")
        if facts.attempt is not None:
            return self._after(facts.attempt, facts)
        try:
            caller = self.acting.who(subject.requested_by, facts.people)
        except Refusal as refusal:
            return Refuse(refusal.code, refusal.sentence)
        due = facts.expected(self.zone)
        if not due.rows:
            return _nothing_to_invoice(subject)
        if facts.lease is None:
            lease = command_record.created(
                keys.lease_id(subject.contract), Kind.LEASE, str(subject.contract), subject.requested_by, State.HELD
            )
            return Plan("The contract gets its lease.", (ChangeSet((lease,), _partition(subject)),))
        if refusals:
            refused = next(iter(refusals.values()))
            who = "The product" if caller is None else f"Acting for {subject.requested_by}, the product"
            return Refuse(refused.code, f"{who} refused to invoice salesorder({subject.contract}): {refused.sentence}")
        fence = _fence(subject, due, facts.lease, caller, self.call(subject.contract))
        return Plan(f"{len(due.rows)} ready rows are invoiced.", (fence,), each_alone=True)

    def _after(self, attempt: Row, facts: InvoiceFacts) -> Decision:
        """Say what came of an attempt, and how it differs from what was expected."""
        if command_record.state_of(attempt) is State.DONE or facts.contents is None:
            return NothingToDo("The command has been carried out.", command_record.outcome_of(attempt))
        asked = cast(dict[str, object], command_record.selection_of(attempt))
        brought = verified_invoice.outcome(asked, facts.contents, self.zone)
        return Plan("The outcome is written down.", (ChangeSet((command_record.finished(attempt, brought),)),))


def _fence(
    subject: CreateInvoices, due: Expectation, lease: Row, caller: UUID | None, call: tuple[Change, ...]
) -> ChangeSet:
    mark = (lease.choice("psac_mark") or 0) + 1
    attempt = command_record.created(
        keys.attempt_id(subject.contract, subject.command),
        Kind.ATTEMPT,
        str(subject.contract),
        subject.requested_by,
        State.CALLED,
        selection=due.as_data(),
        mark=mark,
    )
    move_on = Update(command_record.reference(lease.id), {"psac_mark": mark}, lease.version)
    return ChangeSet((attempt, move_on, *call), _partition(subject), caller)


def _nothing_to_invoice(subject: CreateInvoices) -> Plan:
    record = command_record.created(
        keys.attempt_id(subject.contract, subject.command),
        Kind.ATTEMPT,
        str(subject.contract),
        subject.requested_by,
        State.DONE,
        outcome={"outcome": "nothing-to-invoice", "invoices": []},
    )
    return Plan("Nothing is ready and due; that is written down.", (ChangeSet((record,), _partition(subject)),))


def _partition(subject: CreateInvoices) -> str:
    return f"{tables.CONTRACT}/{subject.contract}"


def invoices_of(outcome: Mapping[str, object]) -> list[UUID]:
    """The ids of the invoices an outcome reports."""
    return [UUID(invoice["id"]) for invoice in cast(list[dict[str, str]], outcome.get("invoices", []))]
