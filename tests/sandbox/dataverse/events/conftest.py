"""Worlds for the tests of events: one per module, and one of its own for a test that takes the bus away."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import pytest

from sandbox.dataverse.server import DataverseServer
from tests.sandbox.dataverse.events.world import World

if TYPE_CHECKING:
    from tests.sandbox.dataverse.conftest import Api, Loop


@pytest.fixture(scope="module")
def shared(loop: Loop) -> Iterator[World]:
    world = World(loop)
    yield world
    world.close()


@pytest.fixture
def world(shared: World) -> Iterator[World]:
    """The one world of this module, with no step registered."""
    yield shared
    shared.forget_steps()


@pytest.fixture
def lonely(loop: Loop) -> Iterator[World]:
    """A world of its own, for a test that takes the bus away."""
    world = World(loop)
    yield world
    world.close()


@pytest.fixture
def server(request: pytest.FixtureRequest) -> DataverseServer:
    """What ``as_user`` calls."""
    name = "lonely" if "lonely" in request.fixturenames else "world"
    world: World = request.getfixturevalue(name)
    return world.dataverse


@pytest.fixture
def admin(as_user: Callable[[str], Api]) -> Api:
    return as_user("administrator")
