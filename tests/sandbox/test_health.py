"""``/health`` at Dataverse's address, asked by those who have no token."""

from __future__ import annotations

import pytest
import requests

from sandbox.health import Health
from sandbox.world import Sandbox

UP = {"status": "healthy", "message": "Service is healthy."}


def test_anyone_may_ask_whether_the_sandbox_is_well_and_is_told_why_it_is_not(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = f"{sandbox.dataverse}/health"
    answer = requests.get(url, timeout=10)
    assert (answer.status_code, answer.json()) == (200, UP)
    assert answer.headers["Content-Type"].startswith("application/json")
    assert requests.head(url, timeout=10).status_code == 200
    assert requests.post(url, timeout=10).status_code == 401, "it is nothing else but asked"
    monkeypatch.setattr(sandbox.bus, "_sound", False)
    answer = requests.get(url, timeout=10)
    assert (answer.status_code, answer.json()["status"]) == (503, "unhealthy")
    assert "cannot keep its messages" in answer.json()["message"]


def test_a_sandbox_is_not_well_before_it_is_up_nor_once_it_stops() -> None:
    health = Health(lambda: None)
    assert health.answer() == (503, {"status": "unhealthy", "message": "The sandbox is starting."})
    health.up()
    assert health.answer() == (200, UP)
    health.down()
    assert health.answer() == (503, {"status": "unhealthy", "message": "The sandbox is stopping."})
    world = Sandbox(company=False)
    assert world.health.answer()[0] == 503
    with world:
        assert world.health.answer() == (200, UP)
    assert world.health.answer()[0] == 503
