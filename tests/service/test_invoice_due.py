"""``invoice create --due`` as a person and a program see it: looked at, confirmed, told row by row, with exit codes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import nullcontext
from datetime import date, timedelta
from decimal import Decimal
from threading import Event
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from handlers.recorded import InvoiceCalls, Mode
from sandbox.world import Sandbox
from service.cli.main import app
from service.due_announcing import AsTheyCome
from service.registration import register_command_table
from tests.flow.calls import Dies, Killed, calls
from tests.flow.due_world import MILESTONES, NOT_RUN, SUCCESSFUL, DueWorld
from tests.service.processes import pointing_at

MARKED = {"msdyn_invoicestatus": 192350001}


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox() as sandbox:
        yield sandbox


@pytest.fixture
def world(sandbox: Sandbox, nothing_set: pytest.MonkeyPatch) -> DueWorld:
    sandbox.reset()
    sandbox.switches.failing.clear()
    world = DueWorld(sandbox)
    register_command_table(world.signed_in("administrator"))
    for name, value in pointing_at(sandbox.dataverse, sandbox.token, sandbox.servicebus).items():
        nothing_set.setenv(name, value)
    return world


def today(world: DueWorld) -> date:
    return world.now().astimezone(world.zone).date()


def create(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["invoice", "create", "--due", *arguments])


def told(*arguments: str, exit_code: int = 0) -> Any:
    result = create("--output", "json", *arguments)
    assert result.exit_code == exit_code, result.output
    return json.loads(result.stdout)


def test_what_is_due_is_looked_at_created_and_then_no_longer_due(world: DueWorld) -> None:
    day = today(world)
    row = world.scheduled(world.time_line, day)
    world.ready(200, day - timedelta(days=1))
    (looked,) = told("--dry-run")["runs"]
    assert (looked["day"], looked["ready"], looked["total"]) == (day.isoformat(), 1, "200.00")
    assert (world.row(row), world.invoices()) == ((NOT_RUN, False), [])
    (made,) = told()["runs"]
    assert (made["outcome"], made["total"], made["contract"]["number"]) == ("created", "200.00", "ORD-K")
    assert world.row(row) == (SUCCESSFUL, True)
    assert told() == {"until": day.isoformat(), "runs": [], "unfit": []}
    assert "Nothing is due." in create().stdout


def test_a_table_names_contract_day_and_invoice_with_a_link(world: DueWorld) -> None:
    day = today(world)
    world.scheduled(world.time_line, day)
    world.ready(200, day - timedelta(days=1))
    looked = create("--dry-run")
    assert "200.00 USD" in looked.stdout
    result = create()
    assert result.exit_code == 0, result.output
    for said in ("ORD-K Adatum", day.isoformat(), "created", "200.00 USD", f"{world.sandbox.dataverse}/main.aspx"):
        assert said in result.stdout


def test_a_day_and_contracts_narrow_it(world: DueWorld) -> None:
    day = today(world)
    early, late = (world.scheduled(world.time_line, day - timedelta(days=back)) for back in (7, 0))
    world.ready(100, day - timedelta(days=1))
    world.ready(200, day - timedelta(days=8))
    assert told((day - timedelta(days=7)).isoformat(), "ORD-C1")["runs"] == []
    (made,) = told((day - timedelta(days=7)).isoformat(), "ORD-K")["runs"]
    assert made["total"] == "200.00"
    assert (world.row(early)[0], world.row(late)[0]) == (SUCCESSFUL, NOT_RUN)
    refused = create((day + timedelta(days=1)).isoformat())
    assert refused.exit_code == 4
    assert "not-due-yet" in refused.stderr


def test_above_the_ceilings_somebody_says_yes(world: DueWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PSA_CONNECTOR_CEILING__AMOUNT", "150")
    day = today(world)
    world.scheduled(world.time_line, day)
    world.ready(200, day - timedelta(days=1))
    refused = create()
    assert refused.exit_code == 4
    assert "200.00 USD is more than the ceiling of 150." in refused.stderr
    assert "--yes" in refused.stderr
    assert told(exit_code=4)["refused"]["code"] == "over-ceiling"
    assert world.invoices() == []
    assert told("--yes")["runs"][0]["outcome"] == "created"


def test_the_products_own_job_and_a_failure_end_with_their_codes(world: DueWorld) -> None:
    day = today(world)
    world.scheduled(world.time_line, day)
    world.scheduled(world.fixed, day)
    world.ready(200, day - timedelta(days=1))
    world.sandbox.switches.failing[world.contract] = "Time-out expired."
    refused = told(exit_code=4)
    assert [run["outcome"] for run in refused["runs"]] == ["refused"]
    assert "fixed price" in refused["unfit"][0]["why"]
    world.sandbox.switches.failing.clear()
    told(exit_code=4)  # the row that can't be invoiced is left
    assert world.invoices() == [(Decimal(200), 1)]
    world.native_job()
    refused = create()
    assert refused.exit_code == 4
    assert "product-invoices-itself" in refused.stderr


def test_asked_to_stop_it_finishes_what_is_at_work_and_says_how_to_go_on(
    world: DueWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    day, stop = today(world), Event()
    world.scheduled(world.time_line, day)
    world.ready(200, day - timedelta(days=1))
    for milestone in world.http("GET", f"{MILESTONES}?$filter=msdyn_name ne null").json()["value"]:
        world.http("PATCH", f"{MILESTONES}({milestone['msdyn_contractlinescheduleofvalueid']})", MARKED)
    monkeypatch.setattr("service.interruption.asked_to_stop", lambda say: nullcontext(stop))
    monkeypatch.setenv("PSA_CONNECTOR_INVOICES__CONCURRENCY", "1")
    hear = AsTheyCome.hear

    def heard(self: AsTheyCome, run: Any) -> None:
        stop.set()
        hear(self, run)

    monkeypatch.setattr(AsTheyCome, "hear", heard)
    broken_off = create()
    assert broken_off.exit_code == 130, broken_off.output
    assert "1 left. Give the same command again to go on" in broken_off.stderr
    stop.clear()
    monkeypatch.setattr(AsTheyCome, "hear", hear)
    assert [run["outcome"] for run in told()["runs"]] == ["created"]
    assert told()["runs"] == []


def test_a_call_whose_worker_died_is_said_before_it_is_looked_up(world: DueWorld) -> None:
    day = today(world)
    world.scheduled(world.time_line, day)
    world.ready(200, day - timedelta(days=1))
    with pytest.raises(Killed):
        world.sweep(dataverse=Dies(world.client, calls, after=True))
    looked = create("--dry-run")
    assert "Nothing is due." in looked.stdout
    assert "ORD-K Adatum, due" in looked.stderr
    assert "was called for before" in looked.stderr
    assert [run["outcome"] for run in told()["runs"]] == ["created"]


def test_what_may_still_come_is_left_and_says_how_to_go_on(world: DueWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("service.invoice_runs.DELAYS", ())
    day = today(world)
    world.scheduled(world.time_line, day)
    world.ready(200, day - timedelta(days=1))
    with pytest.raises(Killed):
        world.sweep(dataverse=InvoiceCalls(Dies(world.client, calls), lambda: Mode.RECORDED))
    waiting = create()
    assert waiting.exit_code == 4, waiting.output
    assert "already-running" in waiting.stdout
    assert "Give the same command again to go on" in waiting.stderr


def test_due_and_all_together_are_refused() -> None:
    assert create("--all").exit_code == 2
