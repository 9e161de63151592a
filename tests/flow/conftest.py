"""One fresh sandbox per flow test, with the demo company submitted and the service's table registered."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from sandbox.world import Sandbox
from service.registration import register_command_table
from tests.flow.world import World


@pytest.fixture
def world() -> Iterator[World]:
    with Sandbox() as sandbox:
        world = World(sandbox)
        register_command_table(world.signed_in("administrator"))
        yield world
