"""Whose invoices are: the product gives them to whoever calls; a policy may give them to somebody else at once."""

from __future__ import annotations

from enum import StrEnum
from uuid import UUID

from connector.dataverse.changes import ChangeSet, Reference, Update
from connector.errors import Conflict
from handlers.invoice_facts import InvoiceFacts
from handlers.plan import Plan, Refusals
from handlers.rows import reference
from mappings import tables
from mappings.tables import Ref


class Owner(StrEnum):
    """Who owns an invoice that this service creates."""

    CONTRACT = "contract"
    """The contract's owner."""
    PRODUCT = "product"
    """Whoever the product gives it to."""


Whose = Owner | UUID
"""A policy, or the user whose all invoices are: this service, by the id it signs in as."""


def given(owner: Whose, facts: InvoiceFacts, refusals: Refusals) -> Plan | None:
    """What gives the invoices to their owner; ``None`` when they are his, or Dataverse has a word against it."""
    wanted = _wanted(owner, facts)
    if wanted is None:
        return None
    sets = tuple(
        ChangeSet((Update(reference(row.ref), {"ownerid": Reference(wanted.table, wanted.id)}, row.version),))
        for row in facts.invoices
        if row.link("ownerid") != wanted and not _refused(row.ref, refusals)
    )
    return Plan("The invoice is given to its owner.", sets, each_alone=True, may_fail=True) if sets else None


def warnings(owner: Whose, facts: InvoiceFacts, refusals: Refusals) -> list[str]:
    """A sentence per invoice that could not be given to its owner."""
    wanted = _wanted(owner, facts)
    return [
        f"Invoice {row.text('invoicenumber') or row.id} stays with its creator: {refusals[reference(row.ref)].sentence}"
        for row in facts.invoices
        if wanted is not None and row.link("ownerid") != wanted and _refused(row.ref, refusals)
    ]


def _wanted(owner: Whose, facts: InvoiceFacts) -> Ref | None:
    if isinstance(owner, UUID):
        return Ref(tables.USER, owner)
    if owner is Owner.CONTRACT:
        return None if facts.contract is None else facts.contract.link("ownerid")
    return None


def _refused(row: Ref, refusals: Refusals) -> bool:
    told = refusals.get(reference(row))
    return told is not None and not isinstance(told, Conflict)
