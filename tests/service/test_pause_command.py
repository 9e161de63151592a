"""``pause`` and ``resume`` as they are typed, against a sandbox, and a service that is started meanwhile."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from connector.breaker import HELD
from sandbox.world import Sandbox
from service.app import compose
from service.cli.main import app as command_line
from service.local_world import register_in, sandbox_settings
from tests.service.processes import pointing_at


@pytest.fixture(scope="module")
def world() -> Iterator[Sandbox]:
    with Sandbox(company=False) as world:
        register_in(world)
        yield world


@pytest.fixture
def run(world: Sandbox, nothing_set: pytest.MonkeyPatch) -> Any:
    for name, value in pointing_at(world.dataverse, world.token, world.servicebus).items():
        nothing_set.setenv(name, value)

    def typed(*arguments: str) -> Result:
        return CliRunner().invoke(command_line, arguments)

    return typed


def data(result: Result) -> Any:
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def test_a_service_that_starts_while_it_is_paused_receives_nothing_until_somebody_resumes_it(
    run: Any, world: Sandbox
) -> None:
    tried = data(run("pause", "--reason", "Try", "--dry-run", "-o", "json"))
    assert (tried["dry_run"], tried["paused"]["reason"], tried["was"]) == (True, "Try", None)
    nothing = run("resume")
    assert (nothing.exit_code, nothing.stdout) == (0, "No running service is paused by anybody; nothing is written.\n")

    paused = run("pause", "--reason", "Price  lists", "--until", "2099-01-01T10:00", "--requested-by", "Anna")
    assert paused.exit_code == 0, paused.output
    assert "until 2099-01-01 15:00 UTC: Price lists" in paused.stdout
    assert "notice within half a minute" in paused.stderr
    asyncio.run(asyncio.wait_for(_starts_held(world), 30))
    for again in (["--requested-by", "Ben"], ["--requested-by", "Anna", "--until", "2098-01-01T10:00"]):
        kept = run("pause", "--reason", "Quick", *again)
        assert (kept.exit_code, kept.stdout) == (4, "")
        assert "until 2099-01-01 15:00 UTC: Price lists" in kept.stderr
        assert "say --yes" in kept.stderr
    assert data(run("resume", "--dry-run", "-o", "json"))["was"]["reason"] == "Price lists"
    again = data(run("pause", "--reason", "Longer", "--requested-by", "Ben", "--yes", "-o", "json"))
    assert (again["was"]["requested_by"], again["paused"]["until"]) == ("Anna", None)
    assert data(run("resume", "--dry-run", "-o", "json"))["was"]["reason"] == "Longer"
    resumed = run("resume", "--requested-by", "Carl")
    assert (resumed.exit_code, resumed.stdout) == (0, "Resumed.\n")
    assert "It was: Paused on request" in resumed.stderr
    assert data(run("resume", "-o", "json"))["was"] is None
    told = data(run("audit", "list", "--kind", "pause", "-o", "json"))
    assert [(one["requested_by"], one["about"], one["outcome"]) for one in told] == [
        ("Ben", "every running service: Longer", "paused"),
        ("Anna", "every running service until 2099-01-01T15:00:00+00:00: Price lists", "paused"),
    ]
    (ended,) = data(run("audit", "list", "--kind", "resume", "--who", "Carl", "-o", "json"))
    assert (ended["kind"], ended["about"], ended["outcome"]) == ("resume", "every running service", "resumed")


async def _starts_held(world: Sandbox) -> None:
    service = compose(sandbox_settings(world), now=world.clock.now)
    stop = asyncio.Event()
    running = asyncio.ensure_future(service.run(stop))
    while not service.health.started().is_well:
        await asyncio.sleep(0.02)
    await asyncio.sleep(0.1)
    assert {one.status().code for one in service.workers} == {HELD}
    assert all(not one.status().last_turn for one in service.workers)
    assert service.health.ready().body["state"] == "paused"
    stop.set()
    await running
    service.close()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--reason", " "], "--reason takes 1 to 500 characters."),
        (["--reason", "x", "--until", "soon"], "'soon' is no moment"),
        (["--reason", "x", "--until", "2026-03-01"], "'2026-03-01' is no moment"),
        (["--reason", "x", "--until", "9999-12-31T23:59"], "'9999-12-31T23:59' is no moment"),
        (["--reason", "x", "--until", "2020-01-01T10:00Z"], "is over already"),
        ([], "Missing option '--reason'"),
    ],
)
def test_what_is_said_wrongly_is_wrong_usage_and_pauses_nobody(arguments: list[str], said: str, run: Any) -> None:
    result = run("pause", *arguments)
    assert result.exit_code == 2
    assert said in " ".join(result.stderr.replace("│", " ").split())
    assert data(run("resume", "-o", "json"))["was"] is None
