"""An invoice is given to whom the policy says; what Dataverse has against it is told, and the invoice stands."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest

from connector.dataverse.changes import Reference, Update
from connector.errors import Conflict, ConnectorError, Misconfigured, Rejected, Transient
from handlers.fixed_point import FixedPoint, Settled
from handlers.invoice_owner import Owner, Whose
from handlers.invoicing import InvoicingHandler
from tests.handlers.fake_dataverse import SERVICE
from tests.handlers.test_invoicing import ONE, TWO, command, ready
from tests.handlers.world import CONTRACT, MANAGER, ZONE, World, new

ROBOT = new("systemuser", 40)


def created(world: World, owner: Whose) -> dict[str, Any]:
    """What came of invoicing the contract by this policy; the product gives invoices to the robot."""
    world.dataverse.put(CONTRACT, ownerid=MANAGER)
    draw = world.dataverse.actions["msdyn_NewInvoiceContract"]

    def and_give(rows: Any, contract: Reference) -> Reference | None:
        made = draw(rows, contract)
        assert made is not None
        rows.put(made, {"ownerid": ROBOT})
        return made

    world.dataverse.actions["msdyn_NewInvoiceContract"] = and_give
    ready(world)
    given = command(ONE)
    handler = InvoicingHandler(lambda: world.dataverse.rows.now, ZONE, owner=owner)
    outcome = FixedPoint(world.dataverse).settle(handler, [given])[given]
    assert isinstance(outcome, Settled), outcome
    return dict(outcome.outcome)


def owner_of(world: World) -> Reference:
    (cells,) = world.invoices().values()
    found: Reference = cells["ownerid"]
    return found


@pytest.mark.parametrize(
    ("policy", "owner"), [(Owner.CONTRACT, MANAGER), (SERVICE.id, SERVICE), (Owner.PRODUCT, ROBOT)]
)
def test_the_policy_says_whose_an_invoice_is(world: World, policy: Whose, owner: Reference) -> None:
    outcome = created(world, policy)
    assert (outcome["outcome"], outcome["warnings"], owner_of(world)) == ("created", [], owner)


@pytest.mark.parametrize(
    "failure",
    [
        Rejected("0x80048306", "The owner is disabled."),
        Misconfigured("missing-privilege", "The owner is disabled."),
        Transient("server-error", "The owner is disabled."),
    ],
    ids=["rejected", "no privilege", "plug-in fails"],
)
def test_what_dataverse_has_against_the_owner_is_told_and_the_invoice_stands(
    world: World, failure: ConnectorError
) -> None:
    world.dataverse.fail(failure, gives_an_invoice, times=9)
    outcome = created(world, Owner.CONTRACT)
    (warning,) = outcome["warnings"]
    assert outcome["outcome"] == "created"
    assert warning.endswith("stays with its creator: The owner is disabled.")
    assert owner_of(world) == ROBOT


def test_an_invoice_that_somebody_edits_meanwhile_is_given_in_its_newer_version(world: World) -> None:
    world.dataverse.fail(Conflict("changed-since", "Changed."), gives_an_invoice)
    assert created(world, Owner.CONTRACT)["warnings"] == []
    assert owner_of(world) == MANAGER


def gives_an_invoice(change_set: Any) -> bool:
    return any(isinstance(one, Update) and one.row.table == "invoice" for one in change_set.changes)


def test_the_service_owns_them_whoever_gave_the_contract_its_lease(world: World) -> None:
    world.dataverse.rows.user = MANAGER
    ready(world)
    world.command(command(TWO))
    for invoice in list(world.invoices()):
        del world.dataverse.rows.cells[invoice]
    world.dataverse.rows.user = SERVICE
    world.dataverse.later(hours=1)
    created(world, SERVICE.id)
    assert owner_of(world) == SERVICE


def test_the_owner_is_given_by_a_conditional_write(world: World) -> None:
    created(world, Owner.CONTRACT)
    (write,) = [one for done in world.dataverse.committed if gives_an_invoice(done) for one in done.changes]
    assert isinstance(write, Update)
    assert write.etag
    assert isinstance(write.values["ownerid"], Reference)
    assert isinstance(write.values["ownerid"].id, UUID)
