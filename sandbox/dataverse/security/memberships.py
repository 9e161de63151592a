"""Who belongs to a team: the rows, and the actions that change them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final
from uuid import UUID

from sandbox.dataverse.refusals import missing
from sandbox.dataverse.transaction import Transaction
from sandbox.dataverse.unit_of_work import ActionBinding, Link, Refused, UnitOfWork

MEMBERSHIP: Final = "teammembership"


def put(uow: Transaction, intersect: str, ends: Mapping[str, UUID]) -> None:
    """Associate two rows, unless they are associated already."""
    if not uow.find(intersect, **ends):
        uow.create(intersect, ends)


def drop(uow: Transaction, intersect: str, ends: Mapping[str, UUID]) -> None:
    """Part two rows, if they are associated."""
    for row in uow.find(intersect, **ends):
        key = row[uow.catalog.table(intersect).id_column]
        if isinstance(key, UUID):
            uow.delete(intersect, key)


def _each(change: Callable[[Transaction, str, Mapping[str, UUID]], None], name: str) -> ActionBinding:
    def run(work: UnitOfWork, team: UUID | None, given: Mapping[str, object]) -> Link | None:
        members = given.get("Members")
        if team is None or not isinstance(work, Transaction) or not isinstance(members, list):
            raise Refused("Required field 'Members' is missing.", "0x80048d19")
        for member in members:
            id = member.get("systemuserid") if isinstance(member, Mapping) else None
            if not isinstance(id, str):
                raise Refused("A member needs its systemuserid.", "0x80048d19")
            user = UUID(id)
            if work.get("systemuser", user) is None:
                raise missing("systemuser", user)
            change(work, MEMBERSHIP, {"teamid": team, "systemuserid": user})
        return None

    return ActionBinding(name, "team", run)


ACTIONS: Final = (_each(put, "AddMembersTeam"), _each(drop, "RemoveMembersTeam"))
