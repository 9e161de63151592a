"""Invoices that a person names as what came of a call in doubt are treated as any others that came of a call."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from decimal import Decimal
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import pytest
from typer.testing import CliRunner

from connector.dataverse.changes import Reference, Update
from connector.errors import Rejected, UnknownOutcome
from connector.inbox import Outgoing
from handlers.announcing import Announcing
from handlers.invoice_owner import Owner
from handlers.invoicing import InvoicingHandler
from handlers.recorded import InvoiceCalls, Mode
from mappings import keys
from service.cli.main import app
from service.resolving import NotResolved, commanded, resolve
from tests.handlers.fake_dataverse import calls_an_action
from tests.handlers.invoice_drawn_up import draw_up
from tests.handlers.test_invoicing import COMMANDS, ONE, command, ready
from tests.handlers.world import CONTRACT, CUSTOMER, MANAGER, OTHER_CUSTOMER, ZONE, World, new

ROBOT = new("systemuser", 40)
NOW = datetime(2026, 2, 16, tzinfo=UTC)


@pytest.fixture
def world() -> World:
    """Two rows were called for, nobody knows what came of it, and the product works as a user of its own."""
    world = World()
    world.dataverse.put(CONTRACT, ownerid=MANAGER)
    rows = [ready(world), ready(world, msdyn_amount=Decimal(400))]
    world.dataverse.fail(UnknownOutcome("lost", "Lost."), calls_an_action, times=9)
    world.command(command(), through=InvoiceCalls(world.dataverse, lambda: Mode.RECORDED))
    world.dataverse.faults.clear()
    world.dataverse.later(minutes=31)
    for id, customer in zip(rows, (CUSTOMER, OTHER_CUSTOMER), strict=True):
        invoice = world.fresh("invoice")
        world.dataverse.put(invoice, salesorderid=CONTRACT, customerid=customer, createdby=ROBOT, ownerid=ROBOT)
        draw_up(world.dataverse.rows, invoice, CONTRACT, [Reference("msdyn_actual", id)], world.fresh)
    return world


def say(world: World, *invoices: Reference) -> dict[str, Any]:
    handler = InvoicingHandler(lambda: world.dataverse.rows.now, ZONE, several=True, owner=Owner.CONTRACT)
    first, *others = (one.id for one in invoices)
    attempt = Reference(COMMANDS, keys.attempt_id(CONTRACT.id, ONE))
    outcome = dict(resolve(world.dataverse, handler, attempt.id, first, "clerk", others))
    assert world.dataverse.get(attempt)["psac_state"] == "done"
    return outcome


def test_the_invoices_of_all_customers_are_named_together_and_given_to_their_owner(world: World) -> None:
    outcome = say(world, *world.invoices())
    assert (outcome["outcome"], outcome["total"], outcome["warnings"]) == ("created", "2000", [])
    assert [cells["ownerid"] for cells in world.invoices().values()] == [MANAGER, MANAGER]


def test_one_of_two_is_told_to_be_not_all_that_was_expected(world: World) -> None:
    first, _ = world.invoices()
    outcome = say(world, first)
    assert [one["kind"] for one in outcome["differences"]] == ["taken-elsewhere"]


def test_what_dataverse_has_against_the_owner_is_told_and_the_doubt_ends(world: World) -> None:
    def gives(one: Any) -> bool:
        return isinstance(one.changes[0], Update) and one.changes[0].row.table == "invoice"

    world.dataverse.fail(Rejected("0x80048306", "The owner is disabled."), gives, times=9)
    outcome = say(world, *world.invoices())
    assert outcome["outcome"] == "created"
    assert [warning.endswith("The owner is disabled.") for warning in outcome["warnings"]] == [True, True]


def test_each_invoice_that_is_named_must_be_one_that_can_have_come_of_the_call(world: World) -> None:
    first, second = world.invoices()
    other = world.fresh("salesorder")
    world.dataverse.put(second, salesorderid=other)
    with pytest.raises(NotResolved, match=str(second.id)):
        say(world, first, second)
    assert world.dataverse.get(first)["ownerid"] == ROBOT


@pytest.mark.parametrize(
    ("said", "exit_code", "given"),
    [
        (["--invoice", str(UUID(int=2)), "--invoice", str(UUID(int=3))], 4, (UUID(int=2), [UUID(int=3)])),
        (["--nothing"], 4, (None, [])),
        (["--nothing", "--invoice", str(UUID(int=2))], 2, None),
        ([], 2, None),
    ],
)
def test_the_command_line_takes_invoices_or_nothing(
    monkeypatch: pytest.MonkeyPatch, said: list[str], exit_code: int, given: tuple[Any, ...] | None
) -> None:
    seen: list[tuple[Any, ...]] = []

    @contextmanager
    def session(config: object) -> Iterator[SimpleNamespace]:
        bus = SimpleNamespace(servicebus=None)
        yield SimpleNamespace(
            dataverse=None, mission=SimpleNamespace(invoicing=None), settings=bus, bus=None, now=lambda: NOW
        )

    def resolved(*asked: Any) -> dict[str, object]:
        seen.append(asked)
        return {"outcome": "created-differs", "warnings": ["Invoice 7 stays with its creator."]}

    monkeypatch.setattr("service.cli.session.session", session)

    def send(where: str, messages: Sequence[Outgoing]) -> None:
        heard.extend(json.loads(one.body)["type"] for one in messages)

    heard: list[str] = []
    monkeypatch.setattr("service.resolving.resolve", resolved)
    monkeypatch.setattr("service.resolving.commanded", lambda *asked: command())
    monkeypatch.setattr("service.announcing.announcing", lambda *asked: Announcing(send, lambda: NOW, "events"))
    monkeypatch.setattr("service.invoices.invoice_named", lambda _, name: SimpleNamespace(id=UUID(name)))
    result = CliRunner().invoke(app, ["invoice", "resolve", str(UUID(int=1)), *said, "--requested-by", "Ada"])
    assert result.exit_code == exit_code
    assert [(asked[3], asked[5]) for asked in seen] == ([given] if given else [])
    assert ("stays with its creator" in result.stderr) is bool(given)
    assert heard == (["psa-connector.invoice.differs"] if given else []), "whoever listens is told"


def test_what_is_resolved_is_announced_under_the_command_that_was_given(world: World) -> None:
    attempt = keys.attempt_id(CONTRACT.id, ONE)
    for named in (ONE, attempt):
        found = commanded(named, world.dataverse)
        assert (found.command, found.contract) == (ONE, CONTRACT.id)


def test_what_is_no_id_of_a_command_is_told_where_to_find_one() -> None:
    result = CliRunner().invoke(app, ["invoice", "resolve", "nonsense", "--nothing"], env={"COLUMNS": "400"})
    assert result.exit_code == 2
    assert "is no id of a command or attempt" in result.stderr
