"""A sandbox without a company, and a client of it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from sandbox.world import Sandbox
from tests.sandbox.other_process import OtherProcess


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(company=False) as sandbox:
        yield sandbox


@pytest.fixture
def other(sandbox: Sandbox) -> OtherProcess:
    return OtherProcess(sandbox)
