"""In Project Operations approval makes the product create actuals; the service finds them right and writes none."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import timedelta

import pytest

from connector.dataverse.client import DataverseClient
from connector.dataverse.query import Query
from connector.worker import Pace
from mappings import tables
from sandbox.dataverse.product import Environment
from sandbox.world import EVENTS, Sandbox
from service.app import App, compose
from service.demo import approver
from service.local_world import register_in, sandbox_settings, signed_in

IN_TIME = 60.0


@pytest.fixture(scope="module")
def world() -> Iterator[Sandbox]:
    with Sandbox(environment=Environment.PROJECT_OPERATIONS) as world:
        register_in(world)
        yield world


def actuals(client: DataverseClient) -> dict[object, object]:
    (rows,) = client.query([Query(tables.ACTUAL, ("modifiedon",))])
    return {row.row.id: row["modifiedon"] for row in rows}


def work_until_nothing_waits(app: App, world: Sandbox) -> None:
    """The whole service at work until no event is on its way, nor one that was to come back later."""

    async def work() -> None:
        stop = asyncio.Event()
        running = asyncio.create_task(app.run(stop))
        drained = asyncio.create_task(asyncio.to_thread(_drained, world))
        await asyncio.wait({running, drained}, return_when=asyncio.FIRST_COMPLETED)
        stop.set()
        await running
        assert await drained

    asyncio.run(work())


def _drained(world: Sandbox) -> bool:
    """First the events wait for their grace; once it is over, each is looked at."""
    assert world.events.idle(IN_TIME)
    waiting = world.bus.wait_until(EVENTS, lambda now: not now.active and not now.locked, IN_TIME)
    assert world.bus.counts(EVENTS).scheduled, "an event is not looked at before its grace is over"
    world.clock.advance(timedelta(minutes=15))
    return waiting and world.bus.wait_until(
        EVENTS, lambda now: not (now.active or now.locked or now.scheduled), IN_TIME
    )


def test_what_the_product_made_of_every_approval_is_found_right_and_left_alone(
    world: Sandbox, caplog: pytest.LogCaptureFixture
) -> None:
    assert world.company is not None
    with signed_in(world, "administrator") as reader, signed_in(world, "approver") as paula:
        approver.decide(paula, world.company)
        approver.approve_all(paula, world.company)
        made = actuals(reader)
        assert len(made) == 58 + 41, "cost for every entry on a project, unbilled sales for those billed by time"
        app = compose(sandbox_settings(world), now=world.clock.now, pace=Pace(max_wait=0.2))
        try:
            work_until_nothing_waits(app, world)
        finally:
            app.close()
        assert actuals(reader) == made
    assert world.bus.counts(EVENTS).dead_letter == 0, "nothing was missing or doubled"
    assert [record.getMessage() for record in caplog.records if record.levelname == "WARNING"] == []
