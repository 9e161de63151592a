"""Adding rows under names: what all the building blocks of a company rest on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final
from uuid import UUID

from sandbox.company.names import company_id
from sandbox.dataverse.product.cells import filled
from sandbox.dataverse.unit_of_work import Cell, Link, UnitOfWork

ORGANIZATIONAL_UNIT: Final = "Fabrikam US"


class Rows:
    """Adds rows through a unit of work. ``approver`` owns contracts and projects and manages whoever submits.

    Ids come from names, so that two builders agree on what "Ada" is.
    """

    def __init__(self, work: UnitOfWork, approver: UUID) -> None:
        self.work = work
        self.approver = Link("systemuser", approver)

    def named(self, table: str, name: str, values: Mapping[str, Cell]) -> UUID:
        """Create the row that this name stands for; empty columns are left out. Returns its id."""
        return self.work.create(table, filled(values), company_id(table, name))


def ref(table: str, name: str) -> Link:
    """A lookup's value: the row that this name stands for."""
    return Link(table, company_id(table, name))
