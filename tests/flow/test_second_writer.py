"""The product as second writer: early, late, cancelling, crediting, and every event delivered again.

Below the grace nothing is doubled. Above it every double is found, named, and kept out of ready marking.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from connector.dataverse.changes import ChangeSet, Committed, Record
from connector.dataverse.query import Query
from connector.errors import ConnectorError
from connector.recoverability import Policy
from connector.settlement import Complete, DeadLetter, RedeliverAt, Settlement
from handlers import Mission
from handlers.actuals import ActualsHandler
from handlers.fixed_point import FixedPoint
from handlers.invoicing import InvoicingHandler
from handlers.pipeline import Pipeline
from handlers.readiness import ReadinessHandler
from handlers.verification import VerificationHandler
from mappings.messages import EntryChanged
from sandbox.company.company import LoadedEntry
from sandbox.dataverse.product import Creation
from service.reconciling import Reconciler
from tests.flow.test_actuals import ONCE
from tests.flow.test_invoices import create, mark_ready
from tests.flow.world import ZONE, World, event_about, ref

GRACE = timedelta(minutes=15)
EARLY, LATE, VERY_LATE = timedelta(minutes=5), timedelta(minutes=25), timedelta(hours=5)
RULES = ActualsHandler(start_from=date(2026, 1, 1), zone=ZONE)


class NeverWritten:
    """A Dataverse that takes no change at all."""

    def __init__(self, world: World) -> None:
        self._client = world.client

    def query(self, questions: Sequence[Query]) -> list[list[Record]]:
        return self._client.query(questions)

    def commit(self, change_sets: Sequence[ChangeSet]) -> list[Committed | ConnectorError]:
        raise AssertionError(f"{len(change_sets)} change sets were to be written.")


class Shop:
    """A world whose product creates actuals too, beside a service with a grace, or one that only verifies."""

    def __init__(self, world: World, creation: Creation, after: timedelta = EARLY, *, verifies: bool = False) -> None:
        self.world = world
        self.events: list[tuple[LoadedEntry, datetime]] = []
        world.sandbox.switches.actuals = creation
        world.sandbox.switches.actuals_after = after
        self.handler = VerificationHandler(RULES) if verifies else RULES
        dataverse = NeverWritten(world) if verifies else world.client
        self.pipeline = Pipeline(
            dataverse,
            Mission(self.handler, ReadinessHandler(), InvoicingHandler(world.now, ZONE)),
            lambda envelope: EntryChanged.model_validate_json(envelope.body),
            Policy(),
            world.now,
            FixedPoint(dataverse),
            grace=GRACE,
            late_look=timedelta() if verifies else GRACE,
        )

    def approve(self, entry: LoadedEntry) -> None:
        self.world.approve(entry)
        self.events.append((entry, self.world.now()))

    def cancel(self, entry: LoadedEntry) -> None:
        self.world.cancel(entry)
        self.events.append((entry, self.world.now()))

    def passes(self, time: timedelta) -> None:
        """Time passes; what the product does by itself meanwhile is done."""
        self.world.sandbox.clock.advance(time)
        self.world.sandbox.background.run_due()

    def deliver(self) -> list[Settlement]:
        """Every event there ever was is delivered (again)."""
        return self.pipeline.process(
            [replace(event_about(entry), enqueued_at=enqueued) for entry, enqueued in self.events]
        )

    def found(self) -> dict[object, list[str]]:
        """What a later run of reconcile says."""
        reconciler = Reconciler(
            self.world.client,
            self.handler,
            ZONE,
            RULES.start_from,
            overlap=timedelta(hours=1),
            in_flight=timedelta(),
            requested_by="tests",
        )
        report = reconciler.onward(self.world.now())
        return {drift.entry: [finding.kind.value for finding in drift.findings] for drift in report.drifts}

    def ready(self) -> Any:
        """What a clerk's command to mark everything ready brought."""
        command = mark_ready(self.world)
        self.world.command(command)
        return self.world.record(command)


def ends(settlements: Sequence[Settlement]) -> list[str]:
    return [one.code if isinstance(one, DeadLetter) else type(one).__name__ for one in settlements]


# Beside a service that creates -------------------------------------------------------------------------------------


def test_what_the_product_makes_at_once_is_never_made_again(world: World) -> None:
    shop, entry = Shop(world, Creation.AT_ONCE), world.time("P1", "Ada")
    shop.approve(entry)
    shop.passes(GRACE)
    for _ in range(3):
        assert ends(shop.deliver()) == ["Complete"]
    assert world.live(entry) == ONCE
    assert world.faults() == []


def test_below_the_grace_the_product_is_waited_for_and_nothing_is_doubled(world: World) -> None:
    shop, entry = Shop(world, Creation.LATER, EARLY), world.time("P1", "Ada")
    shop.approve(entry)
    (waits,) = shop.deliver()
    assert isinstance(waits, RedeliverAt)
    assert world.live(entry) == []
    shop.passes(GRACE)
    for _ in range(3):
        assert ends(shop.deliver()) == ["Complete"]
    assert world.live(entry) == ONCE
    assert world.faults() == []


def test_above_the_grace_the_late_look_finds_the_double_and_it_is_kept_from_being_marked_ready(world: World) -> None:
    shop, entry = Shop(world, Creation.LATER, LATE), world.time("P1", "Ada")
    shop.approve(entry)
    shop.passes(GRACE)
    (comes_back,) = shop.deliver()
    assert isinstance(comes_back, RedeliverAt)
    assert world.live(entry) == ONCE
    shop.passes(GRACE)
    (found,) = shop.deliver()
    assert isinstance(found, DeadLetter)
    assert found.code == "doubled"
    assert len(world.live(entry)) == 4
    assert all(str(actual["msdyn_actualid"]) in found.sentence for actual in _costs(world, entry))
    assert shop.found() == {ref(entry): ["doubled", "doubled"]}
    outcome = shop.ready()
    assert outcome["marked"] == []
    assert len(outcome["refused"]) == 2


def _costs(world: World, entry: LoadedEntry) -> list[dict[str, object]]:
    return [one for one in world.books().live(str(entry.id)) if one["msdyn_transactiontypecode"] == 192350000]


def test_what_the_product_makes_after_everybody_looked_is_found_by_reconcile(world: World) -> None:
    shop, entry = Shop(world, Creation.LATER, VERY_LATE), world.time("P1", "Ada")
    shop.approve(entry)
    shop.passes(GRACE)
    shop.deliver()
    shop.passes(GRACE)
    assert ends(shop.deliver()) == ["Complete"]
    assert shop.found() == {}
    shop.passes(VERY_LATE)
    assert shop.found() == {ref(entry): ["doubled", "doubled"]}
    assert shop.ready()["marked"] == []
    assert ends(shop.deliver()) == ["doubled"]


@pytest.mark.parametrize("creation", [Creation.AT_ONCE, Creation.LATER])
def test_the_products_own_cancel_and_every_event_again_leave_the_last_state(world: World, creation: Creation) -> None:
    shop, entry = Shop(world, creation), world.time("P1", "Ada")
    shop.approve(entry)
    shop.passes(GRACE)
    shop.deliver()
    shop.cancel(entry)
    shop.passes(GRACE)
    assert set(ends(shop.deliver())) == {"Complete"}
    assert world.live(entry) == []
    shop.approve(entry)
    shop.passes(GRACE)
    assert set(ends(shop.deliver())) == {"Complete"}
    assert world.live(entry) == ONCE
    assert world.faults() == []
    assert shop.found() == {}


def test_rows_of_ours_that_the_product_cancels_are_not_cancelled_twice(world: World) -> None:
    shop, entry = Shop(world, Creation.NEVER), world.time("P1", "Ada")
    shop.approve(entry)
    shop.passes(GRACE)
    shop.deliver()
    world.sandbox.switches.actuals = Creation.LATER
    world.sandbox.switches.actuals_after = VERY_LATE
    shop.cancel(entry)
    shop.passes(GRACE)
    assert set(ends(shop.deliver())) == {"Complete"}
    assert world.live(entry) == []
    assert world.faults() == []


@pytest.mark.parametrize("verifies", [True, False])
def test_a_credit_after_invoicing_and_every_event_again_add_nothing(world: World, verifies: bool) -> None:
    creation = Creation.AT_ONCE if verifies else Creation.NEVER
    shop, entry = Shop(world, creation, verifies=verifies), world.time("P1", "Ada")
    shop.approve(entry)
    shop.passes(GRACE)
    shop.deliver()
    shop.ready()
    world.command(create(world))
    (invoice,) = world.books()["invoices"]
    _act(world, str(invoice["invoiceid"]), "msdyn_PostInvoice")
    shop.passes(GRACE)
    assert ends(shop.deliver()) == ["Complete"]
    corrective = _act(world, str(invoice["invoiceid"]), "msdyn_CorrectInvoice")["invoiceid"]
    _act(world, corrective, "msdyn_PostInvoice")
    before = len(world.books()["msdyn_actuals"])
    shop.passes(GRACE)
    assert ends(shop.deliver()) == ["Complete"]
    assert len(world.books()["msdyn_actuals"]) == before
    open_again = [
        Decimal(str(one["msdyn_quantity"]))
        for one in world.books().live(str(entry.id))
        if one["msdyn_transactiontypecode"] == 192350005 and one.get("msdyn_billingstatus") is None
    ]
    assert open_again == [Decimal(8)]
    if verifies:
        assert shop.found() == {}


def _act(world: World, invoice: str, action: str) -> Any:
    answer = world.http("POST", f"invoices({invoice})/Microsoft.Dynamics.CRM.{action}", {}, user="clerk")
    return answer.json() if answer.content else None


# Where the product is the creator and the service verifies ---------------------------------------------------------


def test_below_the_grace_the_products_rows_agree_and_nothing_is_written(world: World) -> None:
    shop, entry = Shop(world, Creation.LATER, EARLY, verifies=True), world.time("P1", "Ada")
    shop.approve(entry)
    assert ends(shop.deliver()) == ["RedeliverAt"]
    shop.passes(GRACE)
    (end,) = shop.deliver()
    assert end == Complete("The ledger agrees with the approval.")
    assert world.live(entry) == ONCE


def test_above_the_grace_they_are_missing_until_they_are_there(world: World) -> None:
    shop, entry = Shop(world, Creation.LATER, LATE, verifies=True), world.time("P1", "Ada")
    shop.approve(entry)
    shop.passes(GRACE)
    assert ends(shop.deliver()) == ["actuals-missing"]
    assert shop.found() == {ref(entry): ["missing", "missing"]}
    shop.passes(LATE)
    assert ends(shop.deliver()) == ["Complete"]
    assert shop.found() == {}


def test_a_row_the_product_made_twice_is_named(world: World) -> None:
    shop, entry = Shop(world, Creation.AT_ONCE, verifies=True), world.time("P1", "Ada")
    shop.approve(entry)
    world.write_foreign_cost(entry)
    shop.passes(GRACE)
    assert ends(shop.deliver()) == ["doubled"]
    assert "doubled" in shop.found()[ref(entry)]


def test_sales_the_product_made_twice_are_kept_from_being_marked_ready(world: World) -> None:
    shop, twice, once = (
        Shop(world, Creation.AT_ONCE, verifies=True),
        world.time("P1", "Ada"),
        world.time("P1", "Ada", 1),
    )
    shop.approve(twice)
    shop.approve(once)
    world.write_foreign_sales(twice, "C1")
    shop.passes(GRACE)
    assert ends(shop.deliver()) == ["doubled", "Complete"]
    outcome = shop.ready()
    assert len(outcome["marked"]) == 1
    assert len(outcome["refused"]) == 2


def test_a_whole_company_that_the_product_billed_agrees_to_the_cent(world: World) -> None:
    shop = Shop(world, Creation.AT_ONCE, verifies=True)
    for project in ("P1", "P2", "P3", "P4"):
        for entry in world.company.of_project(project):
            shop.approve(entry)
    shop.passes(GRACE)
    assert set(ends(shop.deliver())) == {"Complete"}
    assert shop.found() == {}
