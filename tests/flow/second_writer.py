"""A product that creates actuals too, at once or later, beside a service that creates them or only verifies."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any

from connector.dataverse.changes import ChangeSet, Committed, Record
from connector.dataverse.query import Query
from connector.errors import ConnectorError
from connector.recoverability import Policy
from connector.settlement import DeadLetter, Settlement
from handlers import Mission
from handlers.actuals import ActualsHandler
from handlers.fixed_point import FixedPoint
from handlers.gate import Grace
from handlers.invoicing import InvoicingHandler
from handlers.pipeline import Pipeline
from handlers.readiness import ReadinessHandler
from handlers.verification import VerificationHandler
from mappings.messages import EntryChanged
from sandbox.company.company import LoadedEntry
from sandbox.dataverse.product import Creation
from service.reconciling import Reconciler
from tests.flow.test_invoices import mark_ready
from tests.flow.world import ZONE, World, event_about

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
            Mission(self.handler, ReadinessHandler(ZONE), InvoicingHandler(world.now, ZONE)),
            lambda envelope: EntryChanged.model_validate_json(envelope.body),
            Policy(),
            world.now,
            FixedPoint(dataverse, gates=(Grace(GRACE, world.now),)),
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
