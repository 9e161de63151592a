"""An hour in which something of ours is wrong: nothing goes aside, no attempt is spent, and all ends well by itself.

The whole worker and pipeline at a clock that jumps, on a queue and a Dataverse in memory.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Sequence
from dataclasses import dataclass

import pytest

from connector.breaker import State
from connector.dataverse.changes import ChangeSet, Committed, Record
from connector.dataverse.query import Query
from connector.errors import ConnectorError, Misconfigured, Rejected, Transient, UnknownOutcome
from connector.recoverability import Policy
from handlers import Mission
from handlers.actuals import ActualsHandler
from handlers.fixed_point import FixedPoint
from handlers.invoicing import InvoicingHandler
from handlers.parsing import parse_event
from handlers.pipeline import Pipeline
from handlers.readiness import ReadinessHandler
from mappings.tables import Ref
from tests.connector.worker_case import Case
from tests.handlers.envelopes import NOW, ORGANIZATION, OWN_TAG, context, envelope
from tests.handlers.fake_dataverse import FakeDataverse
from tests.handlers.world import GO_LIVE, ZONE, World


@dataclass
class Trouble:
    """What is wrong: with reading, with writing, and whether a probe meets it."""

    reading: ConnectorError | None = None
    writing: ConnectorError | None = None
    probed: ConnectorError | None = None


DOWN = Transient("unreachable", "Nobody is there.")
SILENT = UnknownOutcome("no-answer", "Nobody answered.")
SECRET = Misconfigured("sign-in-refused", "The secret expired.")
ROLE = Misconfigured("missing-privilege", "prvCreatemsdyn_actual is missing.")
RENAMED = Misconfigured("unknown-name", "Could not find a property named 'msdyn_duration'.")
TROUBLES = {
    "Dataverse is down": Trouble(DOWN, DOWN, DOWN),
    "Dataverse takes writes and does not answer": Trouble(None, SILENT, None),
    "the secret has expired": Trouble(SECRET, SECRET, SECRET),
    "a role was removed": Trouble(None, ROLE, None),
    "a column was renamed": Trouble(RENAMED, None, None),
    "a column that is only written was renamed": Trouble(None, RENAMED, None),
}


class Troubled:
    """A Dataverse that is in trouble while there is any."""

    def __init__(self, dataverse: FakeDataverse) -> None:
        self.dataverse = dataverse
        self.trouble = Trouble()
        self._one_at_a_time = threading.Lock()

    def query(self, questions: Sequence[Query]) -> list[list[Record]]:
        """Read, or meet the trouble."""
        if self.trouble.reading is not None:
            raise self.trouble.reading
        with self._one_at_a_time:
            return self.dataverse.query(questions)

    def commit(self, change_sets: Sequence[ChangeSet]) -> list[Committed | ConnectorError]:
        """Write, or meet the trouble."""
        if self.trouble.writing is not None:
            return [self.trouble.writing for _ in change_sets]
        with self._one_at_a_time:
            return self.dataverse.commit(change_sets)

    def probe(self) -> None:
        """Who am I."""
        if self.trouble.probed is not None:
            raise self.trouble.probed


class Office:
    """The service at work on a world in trouble."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.far = Troubled(world.dataverse)
        pipeline = Pipeline(
            dataverse=self.far,
            mission=Mission(ActualsHandler(GO_LIVE, ZONE), ReadinessHandler(ZONE), InvoicingHandler(lambda: NOW, ZONE)),
            parse=lambda one: parse_event(one, ORGANIZATION, OWN_TAG),
            policy=Policy(),
            now=lambda: self.case.time.now(),
            fixed_point=FixedPoint(self.far),
        )
        self.case = Case(pipeline.process, self.far.probe, receivers=2, doubts=pipeline.breadth)
        self.case.time.present = NOW
        self._number = 0

    def announce(self, *entries: Ref) -> None:
        """Events about these."""
        for entry in entries:
            self._number += 1
            name, body = f"m{self._number}", context(entry.table, entry.id)
            one = envelope(body, message_id=name, lineage=name, enqueued_at=self.case.time.now())
            self.case.queue.waiting.append(one)
        self.case.queue.arrived.set()

    def put_aside(self) -> list[tuple[object, ...]]:
        """What was dead-lettered."""
        return [one for one in self.case.queue.done if one[1] == "dead-letter"]


@pytest.mark.parametrize("name", TROUBLES)
def test_an_hour_of_trouble_costs_no_message_and_no_attempt_and_ends_by_itself(
    world: World, name: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.CRITICAL)

    async def scenario() -> None:
        office = Office(world)
        async with office.case.running():
            before = [world.approved() for _ in range(3)]
            office.announce(*before)
            await office.case.until(lambda: len(office.case.queue.done) == 3)
            assert all(world.live(entry) for entry in before)

            office.far.trouble = TROUBLES[name]
            during = [world.approved() for _ in range(16)]
            for number in range(8):
                office.announce(*during[2 * number : 2 * number + 2], *before)
                await office.case.live(450)
            assert not any(world.live(entry) for entry in during)
            assert office.case.worker.status().state is not State.RUNNING
            assert len(world.dataverse.requests) < 4000, "it does not hammer"

            office.far.trouble = Trouble()
            after = [world.approved() for _ in range(3)]
            office.announce(*after)
            await office.case.live(900)
            assert all(world.live(entry) for entry in during + after)
            assert office.case.worker.status().state is State.RUNNING
        assert office.put_aside() == []
        assert office.case.queue.weariest < 7, "a message given back more often is replaced by a fresh copy"
        spent = [one[3] for one in office.case.queue.done if one[1] == "redeliver"]
        assert all(isinstance(attempt, int) and attempt <= 5 for attempt in spent)

    asyncio.run(scenario())


def test_forty_bad_rows_hold_nobody_up_and_go_aside_as_others_get_through(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.CRITICAL)
    refusal = Rejected("refused-by-business-rule", "The plug-in of somebody refused.")

    async def scenario() -> None:
        office = Office(world)
        bad = [world.approved() for _ in range(40)]
        names = {str(entry.id) for entry in bad}
        world.dataverse.fail(refusal, lambda one: any(name in str(one) for name in names), 10**6)
        office.announce(*bad)
        async with office.case.running():
            await office.case.until(lambda: office.case.worker.status().state is State.PAUSED)
            before = len(office.put_aside())
            assert before < 25, "those that came before their number showed"
            for _ in range(4):
                good = world.approved()
                office.announce(good)
                await office.case.live(400)
                assert world.live(good), "it waits no longer than a pause does"
            assert len(office.put_aside()) == 40
            assert office.case.worker.status().state is State.RUNNING
            assert office.case.queue.waiting == []
            assert office.case.queue.copies == []

    asyncio.run(scenario())
