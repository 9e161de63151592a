"""Calling the product's actions, bound to a row or unbound, and the functions every organisation has."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from sandbox.dataverse.catalog import Table
from sandbox.dataverse.http.action_parameters import understood
from sandbox.dataverse.http.exchange import Answer, Request
from sandbox.dataverse.http.payload import parameters
from sandbox.dataverse.http.queries import Reader
from sandbox.dataverse.refusals import missing, no_segment
from sandbox.dataverse.seed import ORGANIZATION
from sandbox.dataverse.transaction import Transaction
from sandbox.dataverse.unit_of_work import ActionBinding

NAMESPACE = "Microsoft.Dynamics.CRM."


class Actions:
    """The actions there are, by name and the table they are bound to."""

    def __init__(self, bindings: Sequence[ActionBinding]) -> None:
        self._bindings = {(binding.bound_to, binding.name): binding for binding in bindings}

    def call(self, uow: Transaction, request: Request, name: str, table: Table | None, id: UUID | None) -> Answer:
        """Carry out an action: 204, or 200 with the row it returns."""
        binding = self._bindings.get((table.name if table else None, name))
        if binding is None:
            raise no_segment(f"{NAMESPACE}{name}" if table else name)
        if table and id:
            uow.lock(table.name, id)  # what the action decides on stays as it is until the action has written
        if table and id and not uow.store.exists(table, id):
            raise missing(table.name, id)
        link = binding.run(uow, id, understood(name, parameters(request, name)))
        if link is None:
            return Answer(204)
        return Answer(200, json=Reader(uow, request).one(uow.catalog.table(link.table), link.id))


def who_am_i(uow: Transaction, request: Request) -> Answer:
    """The caller's ids."""
    return Answer(
        200,
        json={
            "@odata.context": f"{request.base}/$metadata#Microsoft.Dynamics.CRM.WhoAmIResponse",
            "BusinessUnitId": uow.unit_of(uow.user),
            "UserId": uow.user,
            "OrganizationId": ORGANIZATION,
        },
    )
