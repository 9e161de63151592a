"""``invoice create --due --unless-paused``: what a scheduled job does while somebody has paused the services."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta

import pytest
from typer.testing import CliRunner, Result

from connector.clock import utc_now
from sandbox.world import Sandbox
from service.app import dataverse_client
from service.cli.main import app
from service.local_world import signed_in
from service.pausing import Paused, write
from service.registration import register_command_table
from service.settings_sources import load
from tests.service.processes import pointing_at


@pytest.fixture(scope="module")
def world() -> Iterator[Sandbox]:
    with Sandbox(company=False) as world:
        with signed_in(world, "administrator") as client:
            register_command_table(client)
        yield world


@pytest.fixture
def typed(world: Sandbox, nothing_set: pytest.MonkeyPatch) -> None:
    for name, value in pointing_at(world.dataverse, world.token, world.servicebus).items():
        nothing_set.setenv(name, value)


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, arguments)


@pytest.mark.usefixtures("typed")
def test_a_scheduled_job_creates_nothing_while_the_services_are_paused_and_a_person_still_may() -> None:
    due = ("invoice", "create", "--due", "--requested-by", "scheduled job", "--output", "json")
    assert run(*due, "--unless-paused").exit_code == 0
    assert run("pause", "--reason", "Price lists are imported", "--requested-by", "Ada").exit_code == 0
    held = run(*due, "--unless-paused")
    assert held.exit_code == 4, held.output
    told = json.loads(held.stdout)["refused"]
    assert told["code"] == "held"
    assert "Price lists are imported. Nothing was created; psa-connector resume ends the pause." in told["sentence"]
    assert run(*due).exit_code == 0, "who types it means it"
    assert run("resume", "--requested-by", "Ada").exit_code == 0
    assert run(*due, "--unless-paused").exit_code == 0


@pytest.mark.usefixtures("typed")
def test_a_pause_whose_time_is_up_holds_nobody() -> None:
    dataverse = dataverse_client(load().dataverse)
    try:
        now = utc_now()
        write(Paused("Ada", now - timedelta(days=2), now - timedelta(days=1), "over"), "Ada", dataverse)
    finally:
        dataverse.close()
    assert run("invoice", "create", "--due", "--unless-paused", "--requested-by", "job").exit_code == 0


def test_it_belongs_to_what_is_due() -> None:
    result = run("invoice", "create", "--all", "--unless-paused")
    assert result.exit_code == 2
    assert "--unless-paused belongs to --due" in result.output
