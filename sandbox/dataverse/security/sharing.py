"""Sharing single rows, which this sandbox refuses: owner, business unit and roles alone say who reaches a row."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Final
from uuid import UUID

from sandbox.dataverse.refusals import unsupported
from sandbox.dataverse.unit_of_work import ActionBinding, Link, UnitOfWork


def _refuse(name: str, _work: UnitOfWork, _bound: UUID | None, _given: Mapping[str, object]) -> Link | None:
    raise unsupported(f"sharing rows ({name}); give a role to the user or to a team instead")


ACTIONS: Final = tuple(
    ActionBinding(name, None, partial(_refuse, name)) for name in ("GrantAccess", "ModifyAccess", "RevokeAccess")
)
