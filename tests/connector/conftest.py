"""The local Service Bus, started once and emptied after each test."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count

import pytest

from tests.connector.local_bus import Bus

_numbers = count(1)


@pytest.fixture(scope="module")
def shared_bus() -> Iterator[Bus]:
    bus = Bus()
    yield bus
    bus.close()


@pytest.fixture
def bus(shared_bus: Bus) -> Iterator[Bus]:
    shared_bus.id = f"m{next(_numbers)}"
    yield shared_bus
    shared_bus.run(shared_bus.empty())
