from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta

import pytest

from connector.clock import steady_now


def test_the_steady_clock_goes_on_where_the_clock_of_the_machine_is_put_back(monkeypatch: pytest.MonkeyPatch) -> None:
    before, mark = steady_now(), time.monotonic()
    assert abs(before - datetime.now(UTC)) < timedelta(hours=1)
    monkeypatch.setattr("connector.clock.time.monotonic", lambda: mark + 60)
    monkeypatch.setattr("connector.clock.datetime", None)

    assert steady_now() - before >= timedelta(seconds=60)
