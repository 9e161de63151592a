"""``dead-letters`` as a person and a program see it, over a running sandbox."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from typer.testing import CliRunner, Result

from connector import outbox
from connector.errors import Transient
from connector.inbox import Outgoing
from connector.servicebus import ServiceBusInbox
from sandbox.world import COMMANDS, EVENTS, Sandbox
from service.cli.main import app
from service.dead_letters.subjects import About, Subjects
from service.registration import register_command_table
from tests.flow.queue_world import copy_the_waiting_event, listen, run_until_drained
from tests.flow.test_actuals import ONCE
from tests.flow.world import World
from tests.handlers.envelopes import context
from tests.service.processes import pointing_at


@pytest.fixture(scope="module")
def shared() -> Iterator[World]:
    with Sandbox() as sandbox:
        world = World(sandbox)
        register_command_table(world.signed_in("administrator"))
        listen(world)
        yield world


@pytest.fixture
def world(shared: World, nothing_set: pytest.MonkeyPatch) -> World:
    sandbox = shared.sandbox
    for name, value in pointing_at(sandbox.dataverse, sandbox.token, sandbox.servicebus).items():
        nothing_set.setenv(name, value)
    return shared


def put_aside(world: World, queue: str, code: str, *bodies: object) -> None:
    """Messages, and whatever else waits in the queue, put aside under a code."""

    async def aside() -> None:
        messages = [Outgoing(json.dumps(body).encode(), str(uuid4())) for body in bodies]
        await outbox.send(world.sandbox.servicebus, queue, *messages)
        inbox = ServiceBusInbox(world.sandbox.servicebus, queue)
        left = world.sandbox.bus.counts(queue).active
        while left:
            for received in await inbox.receive(left, 5):
                await inbox.dead_letter(received, code, f"Because of {code}.")
                left -= 1
        await inbox.close()

    asyncio.run(aside())


def run(*arguments: str, exit_code: int = 0) -> Result:
    result = CliRunner().invoke(app, ["dead-letters", *arguments])
    assert result.exit_code == exit_code, (result.output, result.exception)
    return result


def told(*arguments: str, exit_code: int = 0) -> Any:
    return json.loads(run(*arguments, "--output", "json", exit_code=exit_code).stdout)


def event(world: World, entry: UUID, organization: UUID | None = None) -> dict[str, Any]:
    own = world.client.who_am_i().organization_id
    return context("msdyn_timeentry", entry, OrganizationId=str(organization or own))


def test_an_approval_that_was_put_aside_is_rehearsed_sent_again_and_written_once(world: World) -> None:
    entry = world.time("P1", "Ada")
    world.approve(entry)
    assert world.sandbox.events.idle(30)
    put_aside(world, EVENTS, "once")
    rehearsed = told("replay", "--code", "once", "--dry-run")
    assert [one["replay"]["would"] for one in rehearsed] == ["would-write", *["same-as-another"] * (len(rehearsed) - 1)]
    assert (rehearsed[0]["person"], rehearsed[0]["id"]) == ("Ada", str(entry.id))
    assert any("create msdyn_actual" in change for change in rehearsed[0]["replay"]["changes"])
    assert world.live(entry) == []
    sent = told("replay", "--code", "once")
    assert {one["receipt"] for one in sent} == {"sent-again"}
    # Its twin from after the time that duplicate detection remembers.
    copy_the_waiting_event(world, copies=2)
    run_until_drained(world)
    assert world.live(entry) == ONCE
    assert world.faults() == []
    assert told("list", "--code", "once") == {"total": 0, "causes": [], "letters": []}


def test_causes_are_counted_over_both_queues_and_each_says_what_to_do(world: World) -> None:
    foreign = event(world, uuid4(), uuid4())
    put_aside(world, EVENTS, "MaxDeliveryCountExceeded", foreign, {"no": "context"})
    command = {"kind": "create-invoices", "command": str(uuid4()), "requested_by": "Rita"}
    put_aside(world, COMMANDS, "over-ceiling", command | {"contract": str(world.company.contracts["C1"])})
    found = told("list", "--code", "MaxDeliveryCountExceeded", "--code", "over-ceiling", exit_code=4)
    assert [(one["queue"], one["code"], one["kind"], one["count"]) for one in found["causes"]] == [
        (EVENTS, "MaxDeliveryCountExceeded", "foreign", 1),
        (EVENTS, "MaxDeliveryCountExceeded", "unreadable", 1),
        (COMMANDS, "over-ceiling", "create-invoices", 1),
    ]
    assert found["causes"][0]["what_to_do"] == "send again"
    by_kind = {one["kind"]: one for one in found["letters"]}
    assert by_kind["foreign"]["links"] == []
    assert by_kind["create-invoices"]["requested_by"] == "Rita"
    assert str(world.company.contracts["C1"]) in by_kind["create-invoices"]["links"][0]
    assert told("list", "--code", "over-ceiling", "--contract", "ORD-C2")["total"] == 0
    assert told("list", "--person", "Rita", exit_code=4)["total"] == 1
    assert told("list", "--person", "Rtia", exit_code=1)["total"] == 0
    table = run("list", "--queue", EVENTS, exit_code=4)
    assert "MaxDeliveryCountExceeded" in table.stdout
    would = {one["kind"]: one["replay"]["would"] for one in told("replay", "--all", "--queue", EVENTS, "--dry-run")}
    # The settings of this test name no organization.
    assert (would["foreign"], would["unreadable"]) == ("cannot-be-told", "refused-again")


def test_filters_find_whose_work_it_is(world: World) -> None:
    ada, other = world.time("P1", "Ada", 1), world.time("P2", "Ben")
    put_aside(world, EVENTS, "filtered", event(world, ada.id), event(world, other.id))
    (found,) = told("list", "--code", "filtered", "--person", "ada", exit_code=4)["letters"]
    assert (found["id"], found["person"]) == (str(ada.id), "Ada")
    assert found["links"][0].endswith(f"etn=msdyn_timeentry&id={ada.id}")
    (found,) = told("list", "--code", "filtered", "--project", "Adatum rollout", exit_code=4)["letters"]
    assert told("list", "--code", "filtered", "--until", "2020-01-01")["total"] == 0
    assert told("list", "--code", "filtered", "--table", "msdyn_timeentry", exit_code=4)["total"] == 2


def test_what_is_discarded_is_gone_and_its_reason_is_kept_with_what_it_was_about(world: World, tmp_path: Path) -> None:
    command = uuid4()
    put_aside(world, COMMANDS, "discarded", {"kind": "mark-redy"})
    said = {"kind": "mark-ready", "command": str(command), "requested_by": "Rita", "backlog": "products"}
    put_aside(world, COMMANDS, "discarded", said | {"rows": [str(uuid4())]})
    names = [one["name"] for one in told("list", "--code", "discarded", exit_code=4)["letters"]]
    assert len(told("discard", "--code", "discarded", "--dry-run")) == 2
    receipts = tmp_path / "receipts.jsonl"
    done = told("discard", *names, "--reason", "Given anew.", "--receipts", str(receipts))
    assert [one["receipt"] for one in done] == ["discarded", "discarded"]
    assert [json.loads(one) for one in receipts.read_text().splitlines()] == done
    result = CliRunner().invoke(app, ["audit", "list", "--kind", "discard-dead-letters", "--rows", "--output", "json"])
    (record,) = [one for one in json.loads(result.stdout) if "Given anew." in one["about"]]
    assert (record["done"], record["refused"], record["outcome"]) == (2, 0, "done")
    assert str(command) in {one["row"] for one in record["rows"]}
    assert "No longer there" in run("show", names[0], exit_code=1).stderr


def test_one_is_shown_with_everything_and_exported_without_anybody(world: World, tmp_path: Path) -> None:
    entry = world.time("P1", "Ada", 2)
    put_aside(world, EVENTS, "shown", event(world, entry.id))
    (listed,) = told("list", "--code", "shown", exit_code=4)["letters"]
    folder = tmp_path / "fixtures"
    (shown,) = told("show", listed["name"], "--export", str(folder))
    assert shown["replay"]["would"] == "already-done"
    assert str(entry.id) in shown["body"]
    (file,) = folder.iterdir()
    assert str(entry.id) not in file.read_text()
    again = run("show", listed["name"], "--export", str(folder), exit_code=1)
    assert "Not written" in again.stderr
    assert "Ada" in again.stdout


def test_more_than_the_ceiling_takes_a_word(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    put_aside(world, COMMANDS, "many", {"kind": "x"}, {"kind": "y"})
    monkeypatch.setenv("PSA_CONNECTOR_CEILING__ROWS", "1")
    assert "more than the ceiling of 1" in run("replay", "--code", "many", exit_code=4).stderr
    assert told("list", "--code", "many", exit_code=4)["total"] == 2
    assert len(told("discard", "--code", "many", "--reason", "x", "--limit", "1", exit_code=4)) == 1
    assert len(told("discard", "--code", "many", "--reason", "x", "--yes")) == 1


def test_a_dataverse_that_is_away_does_not_hide_what_was_put_aside(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_aside(world, COMMANDS, "without-names", {"kind": "x"})
    monkeypatch.setenv("PSA_CONNECTOR_DATAVERSE__TOKEN", "wrong")
    found = run("list", "--code", "without-names", exit_code=4)
    assert "Without names" in found.stderr
    assert "without-names" in found.stdout
    monkeypatch.setattr(Subjects, "of", lambda subjects, letters: _away())
    monkeypatch.setenv("PSA_CONNECTOR_DATAVERSE__TOKEN", world.sandbox.token)
    assert "Without names" in run("list", "--code", "without-names", exit_code=4).stderr
    assert run("replay", "--code", "without-names", exit_code=1).exception is not None


def _away() -> dict[str, About]:
    raise Transient("unavailable", "Dataverse is away.")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["replay"], "all there are: --all"),
        (["replay", "approvals/1", "--code", "x"], "not both"),
        (["replay", "--all", "--code", "x"], "--all goes with --queue alone"),
        (["replay", "--queue", "approvals"], "all there are: --all"),
        (["discard", "approvals/1"], "Say why nobody needs them"),
        (["discard", "approvals/1", "--reason", " "], "Say why nobody needs them"),
    ],
)
def test_wrong_usage_is_said_before_anything_is_asked(
    nothing_set: pytest.MonkeyPatch, arguments: list[str], said: str
) -> None:
    result = CliRunner().invoke(app, ["dead-letters", *arguments])
    assert result.exit_code == 2
    assert said in " ".join(result.stderr.replace("│", " ").split())
