"""A registered sandbox with a clock that is moved by hand, put back for every test, and the looks of `status` at it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from sandbox.world import Sandbox
from service.app import App, compose
from service.local_world import register_in
from service.settings_sources import load
from service.status.everything import of_dataverse
from service.status.part import Part
from tests.flow.due_world import DueWorld
from tests.sandbox.dataverse.product.conftest import ClockFrom
from tests.service.processes import pointing_at

BEGIN = datetime(2026, 4, 15, 16, tzinfo=UTC)
AFTER = timedelta(minutes=15)


class ClockOfATest(ClockFrom):
    """One that every test begins at the same moment."""

    def begin(self) -> None:
        self._start = BEGIN


@pytest.fixture(scope="module")
def running() -> Iterator[tuple[Sandbox, ClockOfATest, bytes]]:
    clock = ClockOfATest(BEGIN)
    with Sandbox(clock=clock) as sandbox:
        register_in(sandbox)
        yield sandbox, clock, sandbox.snapshot()


@pytest.fixture
def sandbox(running: tuple[Sandbox, ClockOfATest, bytes], nothing_set: pytest.MonkeyPatch) -> Iterator[Sandbox]:
    sandbox, clock, snapshot = running
    clock.begin()
    sandbox.restore(snapshot)
    for name, value in pointing_at(sandbox.dataverse, sandbox.tokens["service"], sandbox.servicebus).items():
        nothing_set.setenv(name, value)
    yield sandbox
    sandbox.switches.failing.clear()
    sandbox.switches.approval_sets_after = timedelta()


@pytest.fixture
def world(sandbox: Sandbox) -> DueWorld:
    return DueWorld(sandbox)


@pytest.fixture
def app(sandbox: Sandbox) -> Iterator[App]:
    app = compose(load(None), now=sandbox.clock.now)
    yield app
    app.close()


def parts(app: App, after: timedelta = AFTER) -> dict[str, Part]:
    return {part.key: part for part in of_dataverse(app, lambda code: f"<{code}>", after)}
