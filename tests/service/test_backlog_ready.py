"""``backlog ready``, ``not-ready`` and ``resume`` at the command line: ceilings, filters, and carrying on."""

from __future__ import annotations

import json
from typing import Any
from uuid import UUID, uuid4

import pytest
from typer.testing import CliRunner

from mappings import keys
from mappings.backlog import Backlog
from mappings.marking import Mark
from sandbox.world import Sandbox
from service.app import compose
from service.cli.main import app as command_line
from service.local_world import register_in, sandbox_settings
from service.marking import commands

CONTRACT = ("--contract", "ORD-C2")


@pytest.fixture
def world() -> Any:
    with Sandbox() as world:
        register_in(world)
        yield world


@pytest.fixture
def run(world: Sandbox, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Runs a command with JSON as output; returns its exit code, its data, and what it said."""
    settings = {
        "DATAVERSE__URL": world.dataverse,
        "DATAVERSE__TOKEN": world.token,
        "SERVICEBUS__CONNECTION_STRING": world.servicebus,
        "ACTUALS__CREATOR": "service",
        "ACTUALS__START_FROM": "2026-01-01",
        "BUSINESS_TIME_ZONE": "America/New_York",
        "CEILING__ROWS": "1",
    }
    for name, value in settings.items():
        monkeypatch.setenv(f"PSA_CONNECTOR_{name}", value)

    def run(*arguments: str) -> tuple[int, Any, str]:
        result = CliRunner().invoke(command_line, ["backlog", *arguments, "--output", "json"])
        return result.exit_code, json.loads(result.stdout) if result.stdout else None, result.stderr

    return run


def test_above_a_ceiling_nothing_is_done_until_a_person_says_yes(run: Any) -> None:
    code, data, said = run("ready", "milestones", *CONTRACT)
    assert (code, data) == (4, None)
    assert "To be marked: 2 rows of milestones, 12,500.00 EUR" in said
    assert "The number of rows, 2, is more than the ceiling of 1." in said
    code, (done,), _ = run("ready", "milestones", *CONTRACT, "--yes")
    assert (code, len(done["marked"]), done["to"]) == (0, 2, 192350001)


def test_the_mark_is_taken_off_again_and_what_is_so_already_is_no_failure(run: Any) -> None:
    _, (done,), _ = run("ready", "milestones", *CONTRACT, "--at-most", "6000")
    assert len(done["marked"]) == 1
    code, data, _ = run("not-ready", "milestones", *CONTRACT, "--dry-run")
    assert (code, [row["id"] for row in data["would_unmark"]]) == (0, done["marked"])
    code, (undone,), _ = run("not-ready", "milestones", *done["marked"])
    assert (code, undone["unmarked"]) == (0, done["marked"])
    code, (again,), _ = run("not-ready", "milestones", *done["marked"])
    assert (code, again["unmarked"], again["already"]) == (0, [], done["marked"])


@pytest.mark.parametrize("named_by", ["command", "record"])
def test_a_command_that_was_broken_off_is_carried_on_from_its_record(run: Any, world: Sandbox, named_by: str) -> None:
    _, listed, _ = run("list", "milestones")
    rows = [UUID(row["id"]) for row in listed]
    app = compose(sandbox_settings(world), now=world.clock.now)
    try:
        app.check()
        (command,) = commands(Mark.READY, Backlog.MILESTONES, "Colin", rows)
        handler = app.mission.readiness
        plan = handler.decide(command, handler.gather([command], app.dataverse)[command], {})
        assert app.dataverse.commit(plan.change_sets)  # type: ignore[union-attr]  # the selection, and then no more
    finally:
        app.close()
    # Whoever killed the command line saw its id; and `audit list` tells that of its record.
    id = command.command if named_by == "command" else keys.command_row_id(command.command)
    code, (done,), _ = run("resume", str(id))
    assert (code, sorted(done["marked"])) == (0, sorted(map(str, rows)))
    assert done["command"] == str(command.command)


def test_a_command_nobody_recorded_can_not_be_carried_on(run: Any) -> None:
    code, data, said = run("resume", str(uuid4()))
    assert (code, data) == (1, [])
    assert "is no command to mark that was recorded here" in said


def test_the_command_is_named_before_it_is_carried_out(run: Any) -> None:
    _, (done,), said = run("ready", "milestones", *CONTRACT, "--yes")
    assert f"Command {done['command']}." in said


def test_nothing_selected_is_nothing_done(run: Any) -> None:
    code, data, said = run("not-ready", "milestones", "--all")
    assert (code, data) == (0, [])
    assert "To be unmarked: 0 rows of milestones" in said
