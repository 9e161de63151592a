"""Runs over many contracts from the command line: told as they come, resumed after Ctrl-C and kill, once each."""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from azure.servicebus import ServiceBusClient
from typer.testing import CliRunner, Result

from sandbox.company import company
from sandbox.world import REPLIES, Sandbox
from service.cli.main import app as command_line
from service.local_world import register_in
from tests.service.many_contracts import PRICE, http, invoices, ready_contracts
from tests.service.processes import IN_TIME, pointing_at, started, wait_for

C1, C2, C3 = (company().contracts[key] for key in ("C1", "C2", "C3"))


@pytest.fixture
def world() -> Iterator[Sandbox]:
    with Sandbox() as world:
        register_in(world)
        yield world


@pytest.fixture
def configured(world: Sandbox, nothing_set: pytest.MonkeyPatch) -> CliRunner:
    for name, value in variables(world).items():
        nothing_set.setenv(name, value)
    return CliRunner()


def variables(world: Sandbox) -> dict[str, str]:
    return pointing_at(world.dataverse, world.token, world.servicebus)


def run(configured: CliRunner, *arguments: str, code: int = 0) -> Any:
    result = called(configured, *arguments, "--output", "json")
    assert result.exit_code == code, result.output
    return json.loads(result.stdout)


def called(configured: CliRunner, *arguments: str) -> Result:
    return configured.invoke(command_line, [*arguments])


def words(outcomes: list[dict[str, Any]]) -> dict[str, str]:
    return {one["contract"]["number"]: one["outcome"] for one in outcomes}


def three_contracts(configured: CliRunner, world: Sandbox) -> None:
    """C2 has a milestone that is ready, C1 nothing, C3 a product; and C3 fails."""
    run(configured, "backlog", "ready", "products", "--contract", "ORD-C3")
    milestone = run(configured, "backlog", "list", "milestones")[0]["id"]
    run(configured, "backlog", "ready", "milestones", milestone)
    world.switches.failing[C3] = "The price list of this contract has expired."


def test_of_three_contracts_one_is_invoiced_one_is_empty_one_fails_and_the_rerun_creates_only_the_missing_one(
    configured: CliRunner, world: Sandbox
) -> None:
    """Scenario 38."""
    three_contracts(configured, world)
    ended = run(configured, "invoice", "create", "ORD-C2", "ORD-C1", "ORD-C3", code=4)
    assert words(ended) == {"ORD-C2": "created", "ORD-C1": "nothing-to-invoice", "ORD-C3": "refused"}
    (failed,) = (one for one in ended if one["outcome"] == "refused")
    assert "The price list of this contract has expired." in failed["because"]
    assert invoices(world) == {C2: 1}
    (id,) = {one["run"] for one in ended}
    shown = run(configured, "invoice", "runs", "show", id, code=4)
    assert words(shown["contracts"]) == words(ended)

    again = run(configured, "invoice", "create", "--resume", id, code=4)
    assert words(again) == words(ended)
    world.switches.failing.clear()
    mended = run(configured, "invoice", "create", "--resume", id)
    assert words(mended) == {"ORD-C2": "created", "ORD-C1": "nothing-to-invoice", "ORD-C3": "created"}
    assert invoices(world) == {C2: 1, C3: 1}
    assert mended[0]["invoices"] == ended[0]["invoices"], "what was created is told again, from its record"
    run(configured, "invoice", "create", "--resume", id)
    assert invoices(world) == {C2: 1, C3: 1}


def test_a_rerun_under_a_new_run_creates_only_the_missing_one_too(configured: CliRunner, world: Sandbox) -> None:
    three_contracts(configured, world)
    run(configured, "invoice", "create", "--all", code=4)
    world.switches.failing.clear()
    again = run(configured, "invoice", "create", "--all")
    assert words(again) == {
        "ORD-C1": "nothing-to-invoice",
        "ORD-C2": "nothing-to-invoice",
        "ORD-C3": "created",
    }
    assert invoices(world) == {C2: 1, C3: 1}


def test_what_a_run_would_be_and_that_it_takes_time_is_said_before_it_begins(
    configured: CliRunner, world: Sandbox
) -> None:
    ready_contracts(world, 30)
    result = called(configured, "invoice", "create", "--all")
    assert result.exit_code == 0
    assert "Due now: 30 of 33 contracts with 30 rows, 7,500.00 USD before tax." in result.stderr
    assert "3 to 10 seconds as a rule: 90 s to 5 min one after the other." in result.stderr
    lines = result.stdout.splitlines()
    assert sum("created" in one and "250.00 USD" in one for one in lines) == 30
    assert "\r" not in result.stderr, "no bar is drawn where nobody watches"


def test_above_a_ceiling_nothing_is_done_before_a_person_says_yes(
    configured: CliRunner, world: Sandbox, nothing_set: pytest.MonkeyPatch
) -> None:
    ready_contracts(world, 3)
    nothing_set.setenv("PSA_CONNECTOR_CEILING__AMOUNT", '{"USD": 249}')
    result = called(configured, "invoice", "create", "ORD-N000")
    assert (result.exit_code, result.stdout) == (4, "")
    sentence = "250.00 USD is more than the ceiling of 249. Nothing was done. If that is meant, say --yes."
    assert sentence in result.stderr
    result = called(configured, "invoice", "create", "ORD-N000", "-o", "json")
    refused = {"refused": {"code": "over-ceiling", "sentence": sentence}}
    assert (result.exit_code, json.loads(result.stdout)) == (4, refused)
    nothing_set.setenv("PSA_CONNECTOR_CEILING__AMOUNT", '{"USD": 700}')
    assert "It would be done with --yes only." in called(configured, "invoice", "create", "--all", "--dry-run").stderr
    result = called(configured, "invoice", "create", "--all")
    assert (result.exit_code, result.stdout) == (4, "")
    assert "750.00 USD is more than the ceiling of 700." in result.stderr
    assert invoices(world) == {}
    assert run(configured, "invoice", "runs", "list") == []
    world.switches.failing[C3] = "The price list of this contract has expired."
    run(configured, "backlog", "ready", "products", "--contract", "ORD-C3")
    begun = run(configured, "invoice", "create", "--all", "--yes", code=4)[0]["run"]
    assert invoices(world).total() == 3

    world.switches.failing.clear()
    nothing_set.setenv("PSA_CONNECTOR_CEILING__AMOUNT", "0")
    run(configured, "invoice", "create", "--resume", begun)
    assert invoices(world).total() == 4, "what is left is no more than a person said yes to"


def test_contracts_are_meant_by_customer_currency_and_owner(configured: CliRunner, world: Sandbox) -> None:
    ready_contracts(world, 2)
    euros = run(configured, "invoice", "create", "--currency", "eur", "--dry-run")
    assert [one["contract"]["number"] for one in euros] == ["ORD-C2"]
    like = http(world, "GET", f"salesorders({C3})")
    customer = http(world, "GET", f"accounts({like['_customerid_value']})")["name"]
    of_customer = run(configured, "invoice", "create", "--customer", customer, "--dry-run")
    assert {one["contract"]["number"] for one in of_customer} == {"ORD-C3", "ORD-N000", "ORD-N001"}
    owned = run(configured, "invoice", "create", "--owner", str(like["_ownerid_value"]), "--dry-run")
    assert {one["contract"]["number"] for one in owned} == {"ORD-C1", "ORD-C2", "ORD-C3"}
    both = run(
        configured, "invoice", "create", "--customer", customer, "--owner", str(like["_ownerid_value"]), "--dry-run"
    )
    assert [one["contract"]["number"] for one in both] == ["ORD-C3"]
    assert run(configured, "invoice", "create", "--currency", "xxx", code=1) == []


@pytest.mark.parametrize(
    "arguments",
    [[], ["ORD-C1", "--all"], ["--all", "--resume", str(uuid4())], ["--resume", str(uuid4()), "--dry-run"]],
    ids=["nothing", "names and all", "all and a run", "a dry run of a run"],
)
def test_contracts_are_meant_in_one_way_only(configured: CliRunner, arguments: list[str]) -> None:
    assert called(configured, "invoice", "create", *arguments).exit_code == 2


def test_a_run_that_is_not_there_is_said_to_be_none(configured: CliRunner) -> None:
    for arguments in (["create", "--resume"], ["runs", "show"]):
        result = called(configured, "invoice", *arguments, str(uuid4()))
        assert (result.exit_code, result.stdout) == (1, "")
        assert "is no run that was recorded here" in result.stderr


def test_a_run_that_was_killed_is_resumed_and_each_contract_has_exactly_one_invoice(
    configured: CliRunner, world: Sandbox, tmp_path: Path
) -> None:
    contracts = ready_contracts(world, 60)
    with started("invoice", "create", "--all", cwd=tmp_path, **variables(world)) as process:
        assert process.stdout is not None
        for _ in range(12):
            assert "created" in process.stdout.readline()
        process.send_signal(signal.SIGKILL)
        process.wait(IN_TIME)
    made = invoices(world)
    assert 12 <= made.total() < 60, "it was to be killed in the middle"
    (recorded,) = run(configured, "invoice", "runs", "list")
    assert (recorded["state"], recorded["contracts"], recorded["expected"]["with_work"]) == ("not-finished", 63, 60)
    shown = run(configured, "invoice", "runs", "show", recorded["run"], code=4)
    assert shown["nothing_recorded"]

    ended = run(configured, "invoice", "create", "--resume", recorded["run"])
    assert invoices(world) == dict.fromkeys(contracts, 1)
    assert sum(one["outcome"] == "created" for one in ended) == 60
    assert {one["total"] for one in ended if one["outcome"] == "created"} == {str(PRICE)}
    (recorded,) = run(configured, "invoice", "runs", "list")
    assert (recorded["state"], recorded["ended"]) == ("done", {"created": 60, "nothing-to-invoice": 3})
    shown = run(configured, "invoice", "runs", "show", recorded["run"])
    assert (len(shown["contracts"]), shown["nothing_recorded"]) == (63, [])


@pytest.mark.parametrize("one_run", [True, False], ids=["one run resumed twice", "two runs"])
def test_two_who_ask_at_once_make_one_invoice_of_each_contract(
    configured: CliRunner, world: Sandbox, tmp_path: Path, one_run: bool
) -> None:
    """Scenario 40, many times over."""
    contracts = ready_contracts(world, 12)
    arguments = ["invoice", "create", "--all"]
    if one_run:
        with started(*arguments, cwd=tmp_path, **variables(world)) as process:
            assert process.stdout is not None
            process.stdout.readline()
            process.send_signal(signal.SIGKILL)
            process.wait(IN_TIME)
        arguments = ["invoice", "create", "--resume", run(configured, "invoice", "runs", "list")[0]["run"]]
    with (
        started(*arguments, cwd=tmp_path, **variables(world)) as one,
        started(*arguments, cwd=tmp_path, **variables(world)) as other,
    ):
        for process in (one, other):
            process.communicate(timeout=IN_TIME)
    assert invoices(world) == dict.fromkeys(contracts, 1)


@pytest.mark.posix
def test_ctrl_c_finishes_what_is_at_work_and_says_how_to_go_on(
    configured: CliRunner, world: Sandbox, tmp_path: Path
) -> None:
    contracts = ready_contracts(world, 30)
    with started("invoice", "create", "--all", "-o", "json", cwd=tmp_path, **variables(world)) as process:
        wait_for(process, "Run ")
        assert process.stdout is not None
        assert process.stderr is not None
        seen = process.stdout.readline()
        process.send_signal(signal.SIGINT)
        rest, talk = process.stdout.read(), process.stderr.read()
        assert process.wait(IN_TIME) == 130
    assert "what is at work is finished first" in talk
    ended = json.loads(seen + rest)
    assert invoices(world) == {UUID(one["contract"]["id"]): 1 for one in ended}, "what was begun was finished and told"
    id = ended[0]["run"]
    assert f"{33 - len(ended)} left. Carry the run on with `psa-connector invoice create --resume {id}`." in talk
    (recorded,) = run(configured, "invoice", "runs", "list")
    assert (recorded["state"], recorded["ended"]) == ("not-finished", {"created": len(ended)})
    run(configured, "invoice", "create", "--resume", id)
    assert invoices(world) == dict.fromkeys(contracts, 1)


def test_a_run_announces_its_invoices_and_what_could_not_be_announced_is_when_it_is_resumed(
    configured: CliRunner, world: Sandbox, nothing_set: pytest.MonkeyPatch
) -> None:
    contracts = ready_contracts(world, 2)
    nothing_set.setenv("PSA_CONNECTOR_SERVICEBUS__EVENTS", "no-such-queue")
    result = called(configured, "invoice", "create", "ORD-N000", "ORD-N001", "-o", "json")
    assert result.exit_code == 4
    assert "2 outcomes could not be announced: " in result.stderr
    assert invoices(world) == dict.fromkeys(contracts, 1)
    nothing_set.setenv("PSA_CONNECTOR_SERVICEBUS__EVENTS", REPLIES)
    for _ in range(2):
        run(configured, "invoice", "create", "--resume", json.loads(result.stdout)[0]["run"])
    with (
        ServiceBusClient.from_connection_string(world.servicebus) as client,
        client.get_queue_receiver(REPLIES) as receiver,
    ):
        events = [json.loads(b"".join(one.body)) for one in receiver.peek_messages(max_message_count=10)]
    assert {UUID(event["data"]["contract"]): event["type"] for event in events} == dict.fromkeys(
        contracts, "psa-connector.invoice.created"
    )
    assert len(events) == 2, "those that were sent again have the same id"
    assert invoices(world) == dict.fromkeys(contracts, 1)
