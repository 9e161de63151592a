"""What is told is taken."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.connector.telemetry import taken as telemetry


@pytest.fixture
def taken() -> Iterator[telemetry.Taken]:
    with telemetry.taken() as taken:
        yield taken
