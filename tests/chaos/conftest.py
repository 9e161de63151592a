"""One fresh sandbox per storm of invoices, with the service's table registered."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from sandbox.world import Sandbox
from service.registration import register_command_table
from tests.flow.world import World


@pytest.fixture
def world() -> Iterator[World]:
    """The sandbox that a storm goes through."""
    with Sandbox() as sandbox:
        world = World(sandbox)
        register_command_table(world.signed_in("administrator"))
        yield world
