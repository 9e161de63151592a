"""A person says what came of a call for an invoice that is in doubt: this invoice, or nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import cast
from uuid import UUID

from connector.dataverse.access import Dataverse
from connector.dataverse.changes import ChangeSet, Committed, Reference, subject_of
from connector.dataverse.query import Query, all_of, any_of, equals
from connector.errors import Conflict, Misconfigured, Rejected
from handlers import command_record, due_run, invoice_owner, verified_invoice
from handlers.command_record import Kind, State
from handlers.invoice_facts import InvoiceFacts, brought_by, claimed_by
from handlers.invoicing import InvoicingHandler
from handlers.reading import ask
from mappings import keys, tables
from mappings.invoice_verification import Contents
from mappings.messages import CreateInvoices
from mappings.row import Row

_OPEN = (State.IN_DOUBT, State.CALLING, State.CALLED)


class NotResolved(Exception):
    """It can't be resolved so; the message says why and what to do."""


def resolve(
    dataverse: Dataverse,
    handler: InvoicingHandler,
    named: UUID,
    invoice: UUID | None,
    who: str,
    others: Sequence[UUID] = (),
) -> Mapping[str, object]:
    """Write down what came of an attempt, named by its own id or its command's; the outcome as it is recorded.

    ``invoice``: ``None`` says that the product made none. ``others``: those of other customers, where it makes one for
    each. They are given to their owner. Raises ``NotResolved`` and ``ConnectorError``.
    """
    attempt = _open(named, dataverse)
    is_young = handler.now() - command_record.called_at(attempt) < handler.patience
    if command_record.state_of(attempt) is not State.IN_DOUBT and is_young:
        raise NotResolved("Its invoice may still come: wait until it is in doubt, and look again.")
    if invoice is None:
        if found := brought_by(attempt, dataverse).invoices:
            numbers = " and ".join(one.number for one in found)
            raise NotResolved(f"The product did make one: {numbers}. Say --invoice {found[0].id}.")
        because = f"{who} found that the product made no invoice."
        outcome: dict[str, object] = {"outcome": "failed", "invoices": [], "because": because, "resolved_by": who}
    else:
        chosen = list(dict.fromkeys((invoice, *others)))
        contents = brought_by(attempt, dataverse, chosen)
        for id in chosen:
            _believed(id, contents, attempt, dataverse)
        asked = cast(dict[str, object], command_record.selection_of(attempt))
        warnings = _given(attempt, contents, handler, dataverse)
        outcome = verified_invoice.outcome(asked, contents, handler.zone, warnings) | {"resolved_by": who}
        _commit(dataverse, due_run.written_back(attempt, contents.invoices, dataverse))
    _commit(dataverse, [ChangeSet((command_record.finished(attempt, outcome),))])
    return outcome


def commanded(named: UUID, dataverse: Dataverse) -> CreateInvoices:
    """The command whose attempt is named by its own id or the command's. Raises as ``resolve`` does."""
    attempt = _open(named, dataverse)
    contract, who = UUID(attempt.text("psac_subject") or ""), attempt.text("psac_requestedby") or "unknown"
    command = command_record.command_in(attempt) or named
    return CreateInvoices(command=command, requested_by=who, contract=contract)


def _believed(id: UUID, contents: Contents, attempt: Row, dataverse: Dataverse) -> None:
    """Raise ``NotResolved`` when the invoice can't have come of the attempt."""
    header = next((one.row for one in contents.invoices if one.id == id), None)
    if header is None or str(header.link_id("salesorderid")) != attempt.text("psac_subject"):
        raise NotResolved(f"There is no invoice({id}) of salesorder({attempt.text('psac_subject')}).")
    created, since = header.instant("createdon"), attempt.instant("createdon")
    if since is None or created is None or created < since:
        raise NotResolved(f"invoice({id}) was there before it was called for.")
    if (other := claimed_by(id, attempt, dataverse)) is not None:
        raise NotResolved(f"invoice({id}) came of another call: {other.ref}.")


def _given(attempt: Row, contents: Contents, handler: InvoicingHandler, dataverse: Dataverse) -> list[str]:
    """Give the invoices to their owner; a sentence for each that Dataverse has a word against."""
    contract = UUID(attempt.text("psac_subject") or "")
    contracts, leases = ask(
        dataverse,
        Query(tables.CONTRACT, ("ownerid",), equals("salesorderid", contract)),
        Query(tables.COMMAND, command_record.COLUMNS, equals(f"{tables.COMMAND}id", keys.lease_id(contract))),
    )
    facts = InvoiceFacts(_first(contracts), attempt, _first(leases), (), contents, handler.now())
    plan = invoice_owner.given(handler.owner, facts, {})
    change_sets = () if plan is None else plan.change_sets
    refusals: dict[Reference, Rejected | Conflict | Misconfigured] = {}
    for change_set, written in zip(change_sets, dataverse.commit(change_sets) if change_sets else (), strict=True):
        if isinstance(written, Rejected | Misconfigured):
            refusals[subject_of(change_set.changes[0])] = written
        elif not isinstance(written, Committed):
            raise written
    return invoice_owner.warnings(handler.owner, facts, refusals)


def _first(rows: Sequence[Row]) -> Row | None:
    return next(iter(rows), None)


def _commit(dataverse: Dataverse, change_sets: Sequence[ChangeSet]) -> None:
    for written in dataverse.commit(change_sets) if change_sets else ():
        if not isinstance(written, Committed):
            raise written


def _open(named: UUID, dataverse: Dataverse) -> Row:
    """The attempt of this id, or of the command of this id, that nobody knows the end of."""
    unknown = all_of(equals("psac_kind", Kind.ATTEMPT), any_of("psac_state", _OPEN))
    (found,) = ask(dataverse, Query(tables.COMMAND, command_record.COLUMNS, unknown))
    for attempt in found:
        contract = attempt.text("psac_subject") or ""
        if attempt.id == named or keys.attempt_id(UUID(contract), named) == attempt.id:
            return attempt
    raise NotResolved(f"No call for an invoice of this id is without an end: {named}.")
