"""The fence around the product's invoice action, which is not idempotent: attempt, lease and call are one change set.

The attempt's id follows from contract and command, so a command has one; the lease is a row per contract that every
attempt moves on, so of two attempts that were planned from the same reading one comes to nothing. The same holds of two
contracts under one command's id, whose claim is created once. Where an environment takes no action inside a change set,
``recorded`` carries the same fence out in two steps.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from uuid import UUID

from connector.dataverse.changes import Call, Change, ChangeSet, Create, Update
from handlers import command_record
from handlers.command_record import Kind, State
from mappings import keys, tables
from mappings.messages import CreateInvoices
from mappings.row import Row


def partition(contract: UUID) -> str:
    """What two change sets about one contract have in common: they are never in flight at once."""
    return f"{tables.CONTRACT}/{contract}"


def lease_for(subject: CreateInvoices) -> ChangeSet:
    """Gives a contract its lease."""
    lease = command_record.created(
        keys.lease_id(subject.contract), Kind.LEASE, str(subject.contract), subject.requested_by, State.HELD
    )
    return ChangeSet((lease,), partition(subject.contract))


def claim_for(subject: CreateInvoices) -> Create:
    """Gives a command's id to its contract; it fails when it was given to another first."""
    return command_record.created(
        keys.claim_id(subject.command),
        Kind.CLAIM,
        str(subject.contract),
        subject.requested_by,
        State.HELD,
        name=f"{Kind.CLAIM} {subject.command}",
    )


def fence(
    subject: CreateInvoices,
    expected: Mapping[str, object],
    lease: Row,
    caller: UUID | None,
    call: tuple[Change, ...],
    withdrawn: Row | None = None,
    *,
    claims: bool = True,
) -> ChangeSet:
    """The change set that makes an invoice; the last change of ``call`` is the product's action.

    ``expected`` is recorded as what the invoice must contain. ``withdrawn``: an attempt of the same command that is
    known never to have called; it is made again. ``claims``: the command's id may have been given for another contract.
    """
    mark = (lease.choice("psac_mark") or 0) + 1
    attempt: Create | Update = command_record.created(
        keys.attempt_id(subject.contract, subject.command),
        Kind.ATTEMPT,
        str(subject.contract),
        subject.requested_by,
        State.CALLED,
        selection=expected,
        mark=mark,
        name=command_record.attempt_name(subject.command),
    )
    claim: tuple[Change, ...] = ()
    if withdrawn is not None:
        attempt = Update(attempt.row, attempt.values, withdrawn.version)
    elif claims:
        claim = (claim_for(subject),)
    move_on = Update(command_record.reference(lease.id), {"psac_mark": mark}, lease.version)
    return ChangeSet((attempt, *claim, move_on, *call), partition(subject.contract), caller)


def is_fence(change_set: ChangeSet) -> bool:
    """Whether it is one."""
    first, last = change_set.changes[0], change_set.changes[-1]
    return isinstance(last, Call) and not isinstance(first, Call) and first.values.get("psac_kind") == Kind.ATTEMPT


def without_call(change_set: ChangeSet, state: State, mark: Mapping[str, object]) -> ChangeSet:
    """What a fence writes before its call, with the attempt in this state; ``mark`` tells whose record it is."""
    attempt, *others = change_set.changes[:-1]
    if isinstance(attempt, Call):
        raise TypeError("A fence begins with its attempt.")
    values = {**attempt.values, "psac_state": state, "psac_outcome": command_record.text(mark)}
    return replace(change_set, changes=(replace(attempt, values=values), *others))
