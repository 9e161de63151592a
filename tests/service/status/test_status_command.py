"""``psa-connector status`` as a person, a program and a scheduled job see it."""

from __future__ import annotations

import json
import threading
import time
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from sandbox.world import Sandbox
from service.cli.exits import Exit
from service.cli.main import app as command_line
from tests.flow.due_world import DueWorld
from tests.service.status.test_faults import record


def status(*arguments: str) -> Result:
    return CliRunner().invoke(command_line, ["status", *arguments])


def told(result: Result) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(result.stdout)
    return found


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["10"], "SECONDS belong to --watch"),
        (["--watch", "--alarm"], "leave --alarm and --output json out"),
        (["--watch", "--output", "json"], "leave --alarm and --output json out"),
        (["--alarm", "--output", "json"], "leave --output out"),
    ],
)
def test_wrong_usage_is_said_at_once(nothing_set: pytest.MonkeyPatch, arguments: list[str], said: str) -> None:
    result = status(*arguments)
    assert result.exit_code == Exit.USAGE
    assert said in " ".join(result.stderr.replace("│", " ").split())


def test_what_needs_a_person_comes_first_with_its_records_and_exit_code_4(world: DueWorld) -> None:
    doubt = record(world, "attempt", "in-doubt", psac_subject=str(world.contract))
    result = status()
    assert result.exit_code == Exit.WORK_LEFT, result.output
    flat = " ".join(result.stdout.replace("│", " ").split())
    assert flat.index("in-doubt attention") < flat.index("steps ok")
    assert f"psa-connector invoice resolve {doubt}" in flat
    assert f"main.aspx?pagetype=entityrecord&etn=salesorder&id={world.contract}" in result.stdout
    assert f"in-doubt: psa-connector invoice resolve {doubt} --invoice ID" in result.stdout
    as_data = status("--output", "json")
    assert as_data.exit_code == Exit.WORK_LEFT
    data = told(as_data)
    assert (data["needs_a_person"], data["is_partial"]) == (True, False)
    part = next(one for one in data["parts"] if one["part"] == "in-doubt")
    assert {name for one in data["parts"] for name in one} == set(part)
    assert (part["state"], part["count"], part["is_more"]) == ("attention", 1, False)
    (row,) = part["rows"]
    assert (row["table"], row["id"]) == ("salesorder", str(world.contract))
    queues = [one["figures"] for one in data["parts"] if one["part"].endswith("-queue")]
    assert len(queues) == 2
    assert set(queues[0]) == {"active", "scheduled", "deferred", "dead_letters"}


def test_an_alarm_is_one_line_of_json_and_tells_that_all_is_well_too(world: DueWorld) -> None:
    result = status("--alarm")
    assert (result.exit_code, result.stdout) == (Exit.DONE, ""), result.output
    (line,) = result.stderr.splitlines()
    said = json.loads(line)
    assert (said["needs_a_person"], said["attention"], said["message"]) == (False, [], "Nothing needs anybody.")
    record(world, "attempt", "in-doubt", psac_subject=str(world.contract))
    result = status("--alarm")
    assert result.exit_code == Exit.WORK_LEFT
    said = json.loads(result.stderr)
    assert (said["attention"], said["counts"]["in-doubt"]) == (["in-doubt"], 1)
    assert "in-doubt: 1 call" in said["message"]


def test_metrics_are_exported_before_an_alarm_ends(sandbox: Sandbox, nothing_set: pytest.MonkeyPatch) -> None:
    nothing_set.setenv("PSA_CONNECTOR_TELEMETRY__EXPORTER", "console")
    result = status("--alarm")
    assert result.exit_code == Exit.DONE, result.output
    for name in ("psa_connector.attention", "psa_connector.approved_without_actuals", "psa_connector.looks"):
        assert name in result.stderr


def test_a_narrow_terminal_shows_each_part_as_a_paragraph(sandbox: Sandbox, nothing_set: pytest.MonkeyPatch) -> None:
    nothing_set.setenv("COLUMNS", "30")
    nothing_set.setenv("NO_COLOR", "1")
    result = status()
    assert result.exit_code == Exit.DONE, result.output
    assert "Part            approved-without-actuals" in result.stdout


def test_where_dataverse_is_away_the_queues_are_told_all_the_same(
    sandbox: Sandbox, nothing_set: pytest.MonkeyPatch
) -> None:
    nothing_set.setenv("PSA_CONNECTOR_DATAVERSE__URL", "http://127.0.0.1:9")
    result = status("--output", "json")
    assert result.exit_code == Exit.FAILED, result.output
    states = {one["part"]: one["state"] for one in told(result)["parts"]}
    assert states.pop("dataverse") == "no answer"
    assert (states.pop("approvals-queue"), states.pop("commands-queue")) == ("ok", "ok")
    assert set(states.values()) == {"not seen"}


def test_watching_looks_again_until_ctrl_c_and_ends_with_what_the_last_look_found(
    world: DueWorld, nothing_set: pytest.MonkeyPatch
) -> None:
    waits: list[float] = []
    mine, sleep = threading.get_ident(), time.sleep

    def wait(seconds: float) -> None:
        if threading.get_ident() != mine:
            # A connection to a queue has a thread of its own, which sleeps as well.
            sleep(seconds)
            return
        waits.append(seconds)
        if len(waits) == 2:
            raise KeyboardInterrupt
        record(world, "attempt", "in-doubt", psac_subject=str(world.contract))

    nothing_set.setattr("time.sleep", wait)
    result = status("--watch", "7")
    assert (result.exit_code, waits) == (Exit.WORK_LEFT, [7, 7]), result.output
    assert result.stdout.count(world.sandbox.dataverse + " on ") == 2
    assert "\x1b" not in result.stdout
