"""What would exceed a limit can't be marked, where a column says so (scenario 34); the check is the product's."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from sandbox.world import Sandbox
from service.local_world import sandbox_settings
from service.profiles import profile_of
from service.registration import register_command_table
from tests.flow.barriers import BeforeCommit
from tests.flow.test_marking import actual, day_of_work, mark, write
from tests.flow.world import World

COMMITTED, FAILED, READY = 100000000, 100000001, 192350004
SCHEMA = {
    "table": "msdyn_actual",
    "columns": {
        "new_limitstatus": {
            "type": "picklist",
            "choices": {str(COMMITTED): "Committed", str(FAILED): "Failed", "100000002": "Not Evaluated"},
        }
    },
}


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """An environment whose actuals carry what came of the check, and a profile file that names the column."""
    schema, file = tmp_path / "actual.json", tmp_path / "profile.toml"
    schema.write_text(json.dumps(SCHEMA), encoding="utf-8")
    file.write_text(f'[not_to_exceed]\ncolumn = "new_limitstatus"\nfailed = {FAILED}\n', encoding="utf-8")
    with Sandbox(schema=[schema]) as sandbox:
        world = World(sandbox)
        register_command_table(world.signed_in("administrator"))
        settings = sandbox_settings(sandbox).model_copy(update={"profile": file})
        check = profile_of(world.client, settings).not_to_exceed
        mission = world.mission
        world.mission = replace(mission, readiness=replace(mission.readiness, check=check))
        yield world


def outcome(world: World, command: Any) -> Any:
    world.command(command)
    return world.record(command)


def test_scenario_34_what_failed_is_refused_in_words_and_marked_once_it_is_committed(world: World) -> None:
    failed, committed, unsaid = (day_of_work(world, number) for number in range(3))
    write(world, failed, new_limitstatus=FAILED)
    write(world, committed, new_limitstatus=COMMITTED)
    told = outcome(world, mark(failed, committed, unsaid))
    assert told["marked"] == sorted([committed, unsaid])
    assert "not-to-exceed limit" in told["refused"][failed]
    assert actual(world, failed)["msdyn_billingstatus"] is None
    # Somebody frees some of the limit and has the check made again.
    write(world, failed, new_limitstatus=COMMITTED)
    assert outcome(world, mark(failed))["marked"] == [failed]


def test_a_filter_takes_what_failed_along_only_to_refuse_it(world: World) -> None:
    failed, committed = (day_of_work(world, number) for number in range(2))
    write(world, failed, new_limitstatus=FAILED)
    command = mark(contracts=[str(world.company.contracts["C1"])])
    told = outcome(world, command)
    assert (told["marked"], list(told["refused"])) == ([committed], [failed])


def test_what_fails_between_selection_and_marking_is_left_alone(world: World) -> None:
    row = day_of_work(world)
    command = mark(row)
    fails = BeforeCommit(world.client, lambda: write(world, row, new_limitstatus=FAILED), commit=2)
    world.command(command, dataverse=fails)
    told = world.record(command)
    assert (told["marked"], list(told["changed"])) == ([], [row])
    assert "not-to-exceed limit" in told["changed"][row]
    assert actual(world, row)["msdyn_billingstatus"] is None
