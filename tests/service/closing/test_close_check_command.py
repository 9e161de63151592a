"""``psa-connector close-check`` as a person and a program see it; nothing is approved here, so that no event waits."""

from __future__ import annotations

import json
from datetime import date
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from service.cli.exits import Exit
from service.cli.main import app as command_line
from service.closing.everything import QUESTIONS
from tests.flow.due_world import DueWorld

IN_APRIL = date(2026, 4, 10)


def close_check(*arguments: str) -> Result:
    return CliRunner().invoke(command_line, ["close-check", *arguments])


@pytest.mark.parametrize("month", ["2026-13", "april", "0000-01", "2026-4"])
def test_what_is_no_month_is_refused(nothing_set: pytest.MonkeyPatch, month: str) -> None:
    result = close_check(month)
    assert result.exit_code == Exit.USAGE
    assert "write it as 2026-01" in " ".join(result.stderr.replace("│", " ").split())


def test_a_month_to_come_is_refused_and_one_that_is_not_over_is_said_to_be_so(world: DueWorld) -> None:
    result = close_check("2026-05")
    assert (result.exit_code, "2026-05 has not begun" in result.stderr) == (Exit.USAGE, True)
    assert "is not over" in close_check("2026-04", "--without-queues").stderr
    assert "is not over" not in close_check("2026-03", "--without-queues").stderr


def test_a_month_in_order_may_be_closed_and_every_question_is_told(world: DueWorld) -> None:
    result = close_check("2026-04", "--output", "json")
    assert result.exit_code == Exit.DONE, result.output
    told: dict[str, Any] = json.loads(result.stdout)
    assert (told["first"], told["last"], told["time_zone"]) == ("2026-04-01", "2026-04-30", "America/New_York")
    assert told["may_close"] is True
    assert [one["check"] for one in told["checks"]] == list(QUESTIONS)
    assert {one["answer"] for one in told["checks"]} == {"yes"}


def test_a_no_is_told_with_its_records_and_the_command_and_queues_may_be_left_out(world: DueWorld) -> None:
    free = world.ready(0, IN_APRIL)
    result = close_check("2026-04", "--without-queues")
    assert result.exit_code == Exit.WORK_LEFT, result.output
    flat = " ".join(result.stdout.replace("│", " ").split())
    assert "no Does everything have a price? 1 open sales actual and 0 cost actuals at a price of zero." in flat
    assert "yes Is every invoice confirmed?" in flat
    assert "command put aside" not in flat
    assert f"etn=msdyn_actual&id={free}" in flat
    assert "is not ready to be closed" in result.stderr


def test_what_cannot_be_seen_is_no_yes(world: DueWorld, nothing_set: pytest.MonkeyPatch) -> None:
    head, _, _ = world.sandbox.servicebus.partition("SharedAccessKey=")
    nothing_set.setenv(
        "PSA_CONNECTOR_SERVICEBUS__CONNECTION_STRING", f"{head}SharedAccessKey=wrong;UseDevelopmentEmulator=true"
    )
    result = close_check("2026-04", "--output", "json")
    assert result.exit_code == Exit.WORK_LEFT, result.output
    told = json.loads(result.stdout)
    assert told["may_close"] is False
    refused = {one["check"]: one["sentence"] for one in told["checks"] if one["answer"] != "yes"}
    assert set(refused) == {"approvals-queue", "commands-queue"}
    assert all("refused the sign-in" in sentence for sentence in refused.values())
