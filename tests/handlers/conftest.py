"""Every test of a handler gets a company of its own."""

from __future__ import annotations

import pytest

from tests.handlers.service import Service
from tests.handlers.world import World


@pytest.fixture
def world() -> World:
    """A fresh Fabrikam."""
    return World()


@pytest.fixture
def service(world: World) -> Service:
    """The service on a fresh Fabrikam."""
    return Service(world)
