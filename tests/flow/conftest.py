"""One fresh sandbox per flow test, with the demo company submitted and the service's table registered.

All that the service sends is watched: money tables are written row by row, each write in the version that was read.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from sandbox.world import Sandbox
from service.registration import register_command_table
from tests.flow.traffic import Traffic, recorded
from tests.flow.world import World


@pytest.fixture(autouse=True)
def traffic() -> Iterator[Traffic]:
    with recorded() as traffic:
        yield traffic
    assert traffic.bulk == [], "UpdateMultiple and UpsertMultiple have no If-Match and must never be sent"
    assert traffic.without_condition == 0, "a row was written without If-Match or If-None-Match"


@pytest.fixture
def world() -> Iterator[World]:
    with Sandbox() as sandbox:
        world = World(sandbox)
        register_command_table(world.signed_in("administrator"))
        yield world
