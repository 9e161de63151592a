"""Days and months on the command line: what no time zone or Dataverse can hold is a usage error, whatever is asked."""

from __future__ import annotations

from datetime import date
from zoneinfo import ZoneInfo

import pytest
from typer.testing import CliRunner

from handlers.selecting import filtered
from mappings.backlog import Backlog
from mappings.days import FIRST, LAST
from mappings.selection import Filter
from service.cli.days import day, first_of
from service.cli.exits import Exit
from service.cli.main import app
from tests.handlers.world import World

FOR_EVER = "9999-12-31"
SINCE_EVER = "0001-01-01"


def test_days_and_months_are_read() -> None:
    assert day("2026-01-31") == date(2026, 1, 31)
    assert first_of("2026-02") == date(2026, 2, 1)


@pytest.mark.parametrize(
    "arguments",
    [
        ["dead-letters", "list", "--until", FOR_EVER],
        ["dead-letters", "replay", "--since", SINCE_EVER],
        ["reconcile", "--since", SINCE_EVER],
        ["reconcile", "--month", FOR_EVER[:7]],
        ["reconcile", "--month", "0026-10"],
        ["backlog", "list", "time-and-material", "--to", FOR_EVER],
        ["backlog", "list", "time-and-material", "--from", SINCE_EVER],
        ["backlog", "ready", "time-and-material", "--to", FOR_EVER, "--dry-run"],
        ["invoice", "list", "--to", FOR_EVER],
        ["invoice", "create", "--due", FOR_EVER, "--dry-run"],
        ["audit", "list", "--until", FOR_EVER],
        ["close-check", "0001-02"],
        ["close-check", "0026-10"],
    ],
    ids=" ".join,
)
def test_a_day_that_stands_for_ever_or_a_mistyped_year_is_a_usage_error(
    arguments: list[str], nothing_set: pytest.MonkeyPatch
) -> None:
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == Exit.USAGE
    assert "is not between 1900-01-01 and 9998-12-31" in " ".join(result.stderr.replace("│", " ").split())


@pytest.mark.parametrize("zone", ["Pacific/Kiritimati", "Etc/GMT+12", "Europe/Amsterdam"])
def test_the_first_and_the_last_day_can_be_asked_for_in_every_time_zone(zone: str) -> None:
    assert filtered(
        Backlog.TIME_AND_MATERIAL, Filter(dated_from=FIRST, dated_to=LAST), (), ZoneInfo(zone), World().dataverse
    )
