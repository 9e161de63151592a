"""Whose word counts: writing as the product, whose guards then stand back, and who may decide on an entry."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Final
from uuid import UUID

from sandbox.dataverse.product.cells import linked
from sandbox.dataverse.product.entries import Entry
from sandbox.dataverse.product.switches import Switches
from sandbox.dataverse.unit_of_work import Action, Link, Refused, UnitOfWork

_ANY_ENTRY: Final = ("Project Approver Admin", "System Administrator")


@contextmanager
def as_product(work: UnitOfWork) -> Iterator[None]:
    """Until the end of the block, what is written is written by the product."""
    before, work.as_product = work.as_product, True
    try:
        yield
    finally:
        work.as_product = before


def by_the_product(run: Action) -> Action:
    """An action that writes as the product."""

    def carry_out(work: UnitOfWork, bound: UUID | None, given: Mapping[str, object]) -> Link | None:
        with as_product(work):
            return run(work, bound, given)

    return carry_out


def rule_of_the_product(rule: Callable[[UnitOfWork, UUID], None]) -> Callable[[UnitOfWork, UUID], None]:
    """A rule about deletion that writes as the product."""

    def carry_out(work: UnitOfWork, id: UUID) -> None:
        with as_product(work):
            rule(work, id)

    return carry_out


def refuse_unless_approver(switches: Switches, work: UnitOfWork, entry: Entry, what: str) -> None:
    """Only an approver on the project's team decides, or for an entry without a project the submitter's manager.

    Whoever has the role Project Approver Admin may decide on any entry (approvals-security); that an administrator may
    too, and the wording of the refusal, are inferred.
    """
    if not switches.approvers_checked or _decides_on_any(work):
        return
    if entry.project is None:
        if work.user == _manager(work, entry):
            return
        raise Refused(f"You can't {what} this {entry.kind.noun} because you aren't the manager of who submitted it.")
    team = work.find(
        "msdyn_projectteam", msdyn_project=Link("msdyn_project", entry.project), msdyn_projectapprover=True
    )
    if not any(_user_of(work, linked(member, "msdyn_bookableresourceid")) == work.user for member in team):
        raise Refused(f"You can't {what} this {entry.kind.noun} because you aren't an approver of its project.")


def _decides_on_any(work: UnitOfWork) -> bool:
    held = work.find("systemuserroles", systemuserid=work.user)
    for membership in work.find("teammembership", systemuserid=work.user):
        held += work.find("teamroles", teamid=membership["teamid"])
    for row in held:
        id = row.get("roleid")
        role = work.get("role", id) if isinstance(id, UUID) else None
        if role is not None and role.get("name") in _ANY_ENTRY:
            return True
    return False


def _manager(work: UnitOfWork, entry: Entry) -> UUID | None:
    user = _user_of(work, entry.resource)
    row = None if user is None else work.get("systemuser", user)
    return None if row is None else linked(row, "parentsystemuserid")


def _user_of(work: UnitOfWork, resource: UUID | None) -> UUID | None:
    row = None if resource is None else work.get("bookableresource", resource)
    return None if row is None else linked(row, "userid")
