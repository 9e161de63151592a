"""A person says what came of a call for an invoice that is in doubt: this invoice, or nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import cast
from uuid import UUID

from connector.dataverse.access import Dataverse
from connector.dataverse.changes import ChangeSet, Committed
from connector.dataverse.query import Query, all_of, any_of, equals
from handlers import command_record, due_run, verified_invoice
from handlers.command_record import Kind, State
from handlers.invoice_facts import brought_by, claimed_by
from handlers.invoicing import InvoicingHandler
from handlers.reading import ask
from mappings import keys, tables
from mappings.row import Row

_OPEN = (State.IN_DOUBT, State.CALLING, State.CALLED)


class NotResolved(Exception):
    """It can't be resolved so; the message says why and what to do."""


def resolve(
    dataverse: Dataverse, handler: InvoicingHandler, named: UUID, invoice: UUID | None, who: str
) -> Mapping[str, object]:
    """Write down what came of an attempt, named by its own id or its command's; the outcome as it is recorded.

    ``invoice``: ``None`` says that the product made none. Raises ``NotResolved`` and ``ConnectorError``.
    """
    attempt = _open(named, dataverse)
    is_young = handler.now() - command_record.called_at(attempt) < handler.patience
    if command_record.state_of(attempt) is not State.IN_DOUBT and is_young:
        raise NotResolved("Its invoice may still come: wait until it is in doubt, and look again.")
    contents = brought_by(attempt, dataverse, invoice)
    if invoice is None and contents.invoices:
        numbers = " and ".join(one.number for one in contents.invoices)
        raise NotResolved(f"The product did make one: {numbers}. Say --invoice {contents.invoices[0].id}.")
    if invoice is None:
        because = f"{who} found that the product made no invoice."
        outcome: dict[str, object] = {"outcome": "failed", "invoices": [], "because": because, "resolved_by": who}
    else:
        header = contents.invoices[0].row if contents.invoices else None
        if header is None or str(header.link_id("salesorderid")) != attempt.text("psac_subject"):
            raise NotResolved(f"There is no invoice({invoice}) of salesorder({attempt.text('psac_subject')}).")
        created, since = header.instant("createdon"), attempt.instant("createdon")
        if since is None or created is None or created < since:
            raise NotResolved(f"invoice({invoice}) was there before it was called for.")
        if (other := claimed_by(invoice, attempt, dataverse)) is not None:
            raise NotResolved(f"invoice({invoice}) came of another call: {other.ref}.")
        asked = cast(dict[str, object], command_record.selection_of(attempt))
        outcome = verified_invoice.outcome(asked, contents, handler.zone) | {"resolved_by": who}
        _commit(dataverse, due_run.written_back(attempt, header, dataverse))
    _commit(dataverse, [ChangeSet((command_record.finished(attempt, outcome),))])
    return outcome


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
