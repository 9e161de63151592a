"""docs/how-actuals-are-made.md shows what ``entry explain`` really says."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from sandbox.world import Sandbox
from service.cli.main import app
from service.registration import register_command_table
from tests.flow.world import World
from tests.service.processes import pointing_at

PAGE = Path(__file__).parents[2] / "docs" / "how-actuals-are-made.md"
SHOWN = re.compile(r"<!-- entry explain: (.*?) -->\n```text\n(.*?)```\n", re.DOTALL)
SHOWN_WIDTH = "130"
SHOWN_URL = "https://contoso.crm4.dynamics.com"


@pytest.fixture
def world(nothing_set: pytest.MonkeyPatch) -> Iterator[World]:
    with Sandbox() as sandbox:
        world = World(sandbox)
        register_command_table(world.signed_in("administrator"))
        for name, value in pointing_at(sandbox.dataverse, sandbox.token, sandbox.servicebus).items():
            nothing_set.setenv(name, value)
        nothing_set.setenv("COLUMNS", SHOWN_WIDTH)
        nothing_set.setenv("NO_COLOR", "1")
        yield world


def test_the_page_shows_what_the_command_says(world: World) -> None:
    """Eight hours of the demo company's, six of them billable: approved, and then withdrawn after it was written."""
    entry = world.time("P1", "Ada")
    world.release(entry, msdyn_salesquantity=6)
    world.approve(entry)
    said = {"approved": _explained(world, str(entry.id))}
    world.work_on(entry)
    world.cancel(entry)
    said["withdrawn"] = _explained(world, str(entry.approval))
    assert dict(SHOWN.findall(PAGE.read_text(encoding="utf-8"))) == said


def _explained(world: World, name: str) -> str:
    result = CliRunner().invoke(app, ["entry", "explain", name])
    assert result.exit_code == 0, result.stderr
    return result.stdout.replace(world.sandbox.dataverse, SHOWN_URL)
