"""The composed service on a running sandbox: commands in-process, refusing to start, and stopping."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any
from uuid import uuid4
from zoneinfo import ZoneInfo

import pytest
from typer.testing import CliRunner

from connector.errors import Misconfigured, Rejected
from connector.worker import Pace
from handlers.approved import Owner
from handlers.fixed_point import Settled, Unsettled
from handlers.gate import Grace
from handlers.verification import VerificationHandler
from mappings import tables
from mappings.acting import AS_SIGNED_IN, Acting, Mode
from mappings.backlog import Backlog
from mappings.inter_organizational import Owed
from mappings.messages import CreateInvoices, MarkReady
from mappings.tables import Ref
from sandbox.company import company
from sandbox.world import Sandbox
from service.app import App, compose
from service.cli.main import app as command_line
from service.contracts import NoSuchContract, contracts_named
from service.local_world import CLERK, register_in, sandbox_settings
from service.status.silence import Silence
from tests.flow.traffic import recorded
from tests.flow.world import World
from tests.service.processes import pointing_at

C2 = company().contracts["C2"]


@pytest.fixture(scope="module")
def world() -> Iterator[Sandbox]:
    with Sandbox() as world:
        register_in(world)
        yield world


@pytest.fixture
def service(world: Sandbox) -> Iterator[App]:
    app = compose(sandbox_settings(world), now=world.clock.now, pace=Pace(max_wait=0.2))
    yield app
    app.close()


@pytest.fixture
def configured(world: Sandbox, nothing_set: pytest.MonkeyPatch) -> CliRunner:
    for name, value in pointing_at(world.dataverse, world.token, world.servicebus).items():
        nothing_set.setenv(name, value)
    return CliRunner()


def test_a_command_given_in_process_is_recorded_and_obeyed_once(service: App) -> None:
    product = MarkReady(
        command=uuid4(), requested_by="test", backlog=Backlog.PRODUCTS, contracts=(company().contracts["C3"],)
    )
    first, second = service.execute(product), service.execute(product)
    assert isinstance(first, Settled)
    assert isinstance(second, Settled)
    assert first.outcome == second.outcome
    assert len(first.outcome["marked"]) == 1  # type: ignore[arg-type]
    assert second.commits == 0


def test_a_command_about_a_contract_that_is_not_there_comes_back_as_a_refusal(service: App) -> None:
    outcome = service.execute(CreateInvoices(command=uuid4(), requested_by="test", contract=uuid4()))
    assert isinstance(outcome, Unsettled)
    assert isinstance(outcome.failure, Rejected)
    assert outcome.failure.code == "contract-gone"


def test_an_entry_of_a_known_project_takes_the_composed_service_three_requests(world: Sandbox, service: App) -> None:
    flow = World(world)
    every = [one for one in flow.company.entries.values() if one.table == tables.TIME_ENTRY and one.project == "P1"]
    first, second = every[:2]
    flow.approve(first, second)
    service.fixed_point.settle(service.mission.entries, [Ref(first.table, first.id)])
    with recorded() as traffic:
        (outcome,) = service.fixed_point.settle(service.mission.entries, [Ref(second.table, second.id)]).values()
    assert isinstance(outcome, Settled)
    assert (outcome.commits, traffic.sent) == (1, 3)


async def start_and_stop(service: App) -> None:
    stop = asyncio.Event()
    running = asyncio.ensure_future(service.run(stop))
    while not all(worker.status().last_turn for worker in service.workers):
        await asyncio.sleep(0.02)
    stop.set()
    await running


def test_it_runs_until_stopped_says_how_patient_it_is_and_gives_everything_back(
    service: App, world: Sandbox, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level("INFO", logger="service.app"):
        asyncio.run(asyncio.wait_for(start_and_stop(service), 30))
    (patience,) = [message for message in caplog.messages if message.startswith("patience: ")]
    assert "30 times within 24 hours" in patience
    assert world.bus.counts("approvals").locked == world.bus.counts("commands").locked == 0


def test_while_it_runs_it_looks_for_what_no_message_tells(service: App, monkeypatch: pytest.MonkeyPatch) -> None:
    kept: list[tuple[Silence, asyncio.Event]] = []

    async def keep(silence: Silence, stop: asyncio.Event) -> None:
        kept.append((silence, stop))
        await stop.wait()

    monkeypatch.setattr(Silence, "keep", keep)
    asyncio.run(asyncio.wait_for(start_and_stop(service), 30))
    ((silence, stop),) = kept
    assert (silence.app, silence.every, silence.after) == (service, timedelta(minutes=5), timedelta(minutes=15))
    assert stop.is_set(), "it ends with the service"


def test_it_refuses_to_start_before_it_is_registered() -> None:
    with Sandbox(company=False) as unregistered:
        app = compose(sandbox_settings(unregistered))
        with pytest.raises(Misconfigured, match="psac_command"):
            asyncio.run(app.run(asyncio.Event()))
        app.close()
        # Its looks at the queues go on by themselves; cut off from the sandbox they would be heard of in a later test.
        for look in (one for one in threading.enumerate() if "carried_out" in one.name):
            look.join(30)


def test_it_refuses_to_work_on_another_organization_than_the_settings_name(world: Sandbox) -> None:
    settings = sandbox_settings(world).model_copy(update={"organization_id": uuid4()})
    app = compose(settings)
    with pytest.raises(Misconfigured, match="the settings name"):
        app.check()
    app.close()


def test_a_contract_is_found_by_id_number_and_name_in_any_case(service: App) -> None:
    named = [str(C2), "ORD-C2", "contoso MIGRATION", "ORD-C2 Contoso migration"]
    (found,) = contracts_named(service.dataverse, named)
    assert (found.id, found.number, found.currency, found.precision) == (C2, "ORD-C2", "EUR", 2)
    with pytest.raises(NoSuchContract, match="'nix'"):
        contracts_named(service.dataverse, ["nix"])
    with pytest.raises(NoSuchContract):
        contracts_named(service.dataverse, [str(uuid4())])


def test_the_rules_follow_the_settings(world: Sandbox) -> None:
    settings = sandbox_settings(world)
    unit, tokyo = company().organizational_unit, ZoneInfo("Asia/Tokyo")
    actuals = {"owner": "entry", "inter_organizational": "always", "zero_price": "write", "second_look": 7}
    settings = settings.model_copy(
        update={"actuals": settings.actuals.model_copy(update=actuals), "unit_time_zones": {unit: tokyo}}
    )
    app = compose(settings)
    app.check()
    app.close()
    assert app.mission.entries is app.rules
    assert (app.rules.owner, app.rules.inter_organizational) == (Owner.ENTRY, Owed.ALWAYS)
    assert (app.rules.zero_price_is_held, app.rules.unit_zones) == (False, {unit: tokyo})
    assert app.rules.profile is app.profile
    for pipeline in app.pipelines:
        assert pipeline.mission.entries is app.rules
        assert (pipeline.grace, pipeline.late_look) == (timedelta(), timedelta(minutes=7))


def test_where_the_product_creates_an_approval_waits_for_its_grace_and_is_verified(world: Sandbox) -> None:
    settings = sandbox_settings(world)
    actuals = settings.actuals.model_copy(update={"creator": "product", "start_from": None, "grace": 9})
    app = compose(settings.model_copy(update={"actuals": actuals}))
    app.check()
    app.close()
    assert app.mission.entries == VerificationHandler(app.rules)
    assert app.rules.start_from == date.min
    assert {(one.grace, one.late_look) for one in app.pipelines} == {(timedelta(minutes=9), timedelta())}


def test_messages_are_carried_out_for_whom_the_settings_say_and_the_command_line_as_whoever_signed_in(
    world: Sandbox,
) -> None:
    app = compose(sandbox_settings(world))
    try:
        for at in ("composed", "checked"):
            acting = [(one.mission.readiness.acting, one.mission.invoicing.acting) for one in app.pipelines]
            assert acting == [(Acting(Mode.SERVICE, (CLERK,)),) * 2] * 2, at
            assert app.mission.readiness.acting is app.mission.invoicing.acting is AS_SIGNED_IN, at
            app.check()
    finally:
        app.close()


def test_milestones_are_listed_previewed_marked_and_invoiced_from_the_command_line(configured: CliRunner) -> None:
    def run(*arguments: str) -> Any:
        result = configured.invoke(command_line, [*arguments, "--output", "json"])
        assert result.exit_code == 0, result.output
        return json.loads(result.stdout)

    listed = run("backlog", "list", "milestones")
    assert [(row["what"], row["billable"], row["dated"], row["status"]) for row in listed] == [
        ("Design accepted", "5000.00", "2026-02-02", "open"),
        ("Migration finished", "7500.00", "2026-03-30", "open"),
    ]
    previewed = run("backlog", "ready", "milestones", "--contract", "ORD-C2", "--dry-run")
    assert (previewed["would_mark"], previewed["would_refuse"]) == (listed, {})
    assert [row["status"] for row in run("backlog", "list", "milestones")] == ["open", "open"], "nothing was written"
    (marked,) = run("backlog", "ready", "milestones", str(listed[0]["id"]))
    assert (marked["marked"], marked["refused"]) == ([listed[0]["id"]], {})

    (expected,) = run("invoice", "create", "Contoso migration", "--dry-run")
    assert (expected["rows"], expected["total"], expected["currency"]) == (1, "5000.00", "EUR")
    assert expected["because"] == "1 ready row is invoiced."
    recorded = ["create psac_command", "create psac_command", "change psac_command"]
    called = [*recorded, "call msdyn_NewInvoiceContract on salesorder"]
    assert [change.split("(")[0] for change in expected["changes"]] == called
    (created,) = run("invoice", "create", "ORD-C2", "--requested-by", "Colin")
    assert (created["outcome"], created["total"]) == ("created", "5000.00")
    run("backlog", "ready", "milestones", str(listed[1]["id"]))
    (later,) = run("invoice", "create", "ORD-C2", "--dry-run")
    assert (later["total"], later["because"]) == ("7500.00", "1 ready row is invoiced.")
    assert [change.split("(")[0] for change in later["changes"]] == called
    (created,) = run("invoice", "create", "ORD-C2")
    assert (created["outcome"], created["total"]) == ("created", "7500.00")
    (nothing,) = run("invoice", "create", "ORD-C2", "--dry-run")
    assert nothing["because"] == "Nothing is ready and due; that is written down."
    (again,) = run("invoice", "create", "ORD-C2")
    assert (again["outcome"], again["invoices"]) == ("nothing-to-invoice", [])


def test_a_row_that_may_not_be_marked_is_refused_with_its_reason_and_exit_code_4(configured: CliRunner) -> None:
    stranger = str(uuid4())
    previewed = configured.invoke(command_line, ["backlog", "ready", "products", stranger, "--dry-run", "-o", "json"])
    assert previewed.exit_code == 4
    assert json.loads(previewed.stdout)["would_refuse"] == {stranger: "There is no such row in this backlog."}
    result = configured.invoke(command_line, ["backlog", "ready", "products", stranger, "-o", "json"])
    assert result.exit_code == 4
    (answer,) = json.loads(result.stdout)
    assert answer["refused"] == {stranger: "There is no such row in this backlog."}


def test_names_that_lead_to_no_contract_are_all_said_and_nothing_is_done(configured: CliRunner) -> None:
    result = configured.invoke(command_line, ["invoice", "create", "ORD-C1", "no such contract", "nor this"])
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == "".join(
        f"There is no project contract {name!r}, or it is not shared with this service; "
        "`psa-connector backlog list` shows those with something to bill.\n"
        for name in ("no such contract", "nor this")
    )


def test_registering_from_the_command_line_needs_the_senders_key_and_then_finds_everything_there(
    configured: CliRunner, world: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    endpoint = world.servicebus.partition(";")[0]
    name, key = world.servicebus_send_key
    monkeypatch.setenv(
        "PSA_CONNECTOR_SERVICEBUS__EVENT_SENDER",
        f"{endpoint};SharedAccessKeyName={name};SharedAccessKey={key};EntityPath=approvals;UseDevelopmentEmulator=true",
    )
    first = configured.invoke(command_line, ["register", "-o", "json"])
    assert first.exit_code == 0, "what was registered without a solution is added to one"
    result = configured.invoke(command_line, ["register", "--no-check", "-o", "json"])
    assert result.exit_code == 0
    assert {one["result"] for one in json.loads(result.stdout)} == {"already there"}
    assert "nothing was changed" in result.stderr


def test_what_others_are_given_to_act_is_measured_by_dataverses_clock_whatever_this_hosts_shows(world: Sandbox) -> None:
    world.clock.advance(timedelta(hours=1))
    app = compose(sandbox_settings(world), now=lambda: world.clock.now() + timedelta(minutes=4))
    app.check()
    (grace,) = (gate for gate in app.fixed_point._gates if isinstance(gate, Grace))
    assert timedelta() <= world.clock.now() - grace.now() < timedelta(seconds=5)
    app.close()
