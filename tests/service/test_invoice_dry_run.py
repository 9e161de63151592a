"""``invoice create CONTRACT --dry-run``: the invoice that would be made, to the cent, and nothing is written."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from sandbox.world import Sandbox
from service.cli.main import app
from service.registration import register_command_table
from tests.flow.invoice_world import READY, get, write_everything_of_scenario_35
from tests.flow.test_invoices import bill_one_entry
from tests.flow.world import World
from tests.service.processes import pointing_at


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    """Scenario 35 is ready on C1, and a row that is dated in the future."""
    with Sandbox() as sandbox:
        world = World(sandbox)
        register_command_table(world.signed_in("administrator"))
        bill_one_entry(world, number=1)
        (later,) = get(world, f"msdyn_actuals?$filter=msdyn_billingstatus eq {READY}")
        when = (world.now() + timedelta(days=3)).isoformat().replace("+00:00", "Z")
        world.http("PATCH", f"msdyn_actuals({later['msdyn_actualid']})", {"msdyn_startdatetime": when})
        write_everything_of_scenario_35(world)
        yield world


@pytest.fixture(autouse=True)
def _settings(world: World, nothing_set: pytest.MonkeyPatch) -> None:
    token = world.sandbox.tokens["service"]
    for name, value in pointing_at(world.sandbox.dataverse, token, world.sandbox.servicebus).items():
        nothing_set.setenv(name, value)


def dry_run(*more: str) -> Result:
    result = CliRunner().invoke(app, ["invoice", "create", "ORD-C1", "--dry-run", *more], env={"COLUMNS": "200"})
    assert result.exit_code == 0, result.output
    return result


def test_the_expected_invoice_has_lines_groups_totals_and_what_is_left_out(world: World) -> None:
    (told,) = json.loads(dry_run("--output", "json").stdout)
    due: dict[str, Any] = told["expected"]
    assert (told["rows"], due["total_before_tax"], due["tax"]) == (5, "7450.00", "0.00")
    groups = [(one["chargeable"], one["complimentary"], one["non_chargeable"]) for one in due["lines"]]
    assert sorted(groups) == [
        ("2150.00", "0.00", "400.00"),
        ("300.00", "0.00", "0.00"),
        ("5000.00", "0.00", "0.00"),
    ]
    work = next(one for one in due["lines"] if one["chargeable"] == "2150.00")
    assert [one["billing_type"] for one in work["details"]] == ["chargeable", "chargeable", "non-chargeable"]
    (left,) = due["left_out"]
    assert "in the future" in left["why"]


def test_people_read_the_same_as_tables_and_nothing_is_written(world: World) -> None:
    text = dry_run().stdout
    assert "The invoice of ORD-C1 Adatum rollout: 7,450.00 USD before tax" in text
    for said in (
        "2,150.00",
        "400.00",
        "5,000.00",
        "Design accepted",
        "Support pack",
        "Ready, and left out all the same",
        "5 ready rows are invoiced.",
        "call msdyn_NewInvoiceContract on salesorder",
    ):
        assert said in text
    assert world.invoiced("C1")[0] == 0
    assert get(world, "psac_commands?$filter=psac_kind eq 'attempt'") == []
