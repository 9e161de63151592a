"""Why a command to invoice was given up stands on its attempt, and keeps nobody from giving it again."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from connector.dataverse.changes import Create, Reference
from connector.envelope import Envelope
from connector.errors import Transient, UnknownOutcome
from connector.settlement import Complete, DeadLetter, Settlement
from handlers.given_up import GivenUp
from handlers.recorded import InvoiceCalls, Mode
from handlers.replies import Ended
from mappings import keys
from tests.handlers.fake_dataverse import SERVICE, calls_an_action
from tests.handlers.test_invoicing import COMMANDS, ONE, command, give, ready
from tests.handlers.world import CONTRACT, MANAGER, World

ATTEMPT = Reference(COMMANDS, keys.attempt_id(CONTRACT.id, ONE))
BUSY = DeadLetter("sql-timeout", "Rolled back 30 times.")


def ended(settlement: Settlement = BUSY) -> Ended:
    return Ended(Envelope("m", b"", "application/json", queue="commands"), command(), settlement, {})


def of_attempt(world: World) -> tuple[str, dict[str, Any]]:
    cells = world.dataverse.get(ATTEMPT)
    return cells["psac_state"], json.loads(cells["psac_outcome"])


@pytest.mark.parametrize("mode", Mode)
def test_it_says_why_and_the_command_may_be_given_again(world: World, mode: Mode) -> None:
    ready(world)
    through = InvoiceCalls(world.dataverse, lambda: mode)
    world.dataverse.fail(Transient("sql-timeout", "Rolled back."), calls_an_action)
    world.command(command(), through=through)
    GivenUp(world.dataverse).answer([ended()])
    told = {"outcome": "failed", "code": BUSY.code, "because": BUSY.sentence, "invoices": [], "given_up": True}
    assert of_attempt(world) == ("withdrawn", told)
    assert give(world, command(), through=through)[0][0] == "created"
    assert len(world.invoices()) == 1


@pytest.mark.parametrize("mode", Mode)
def test_the_invoice_is_known_when_somebody_else_gives_the_command_again(world: World, mode: Mode) -> None:
    """The service recorded that it was given up; the call is made for a person, who is the invoice's creator."""
    ready(world)
    GivenUp(world.dataverse).answer([ended()])
    world.dataverse.rows.user = MANAGER
    through = InvoiceCalls(world.dataverse, lambda: mode)
    world.dataverse.after_commit = [lambda: None, *([lambda: None] if mode is Mode.RECORDED else []), back(world)]
    assert give(world, command(), through=through) == [("created", [one.id for one in world.invoices()])]


def back(world: World) -> Callable[[], None]:
    """What follows the call is written by the service."""

    def change() -> None:
        world.dataverse.rows.user = SERVICE

    return change


def test_what_this_services_own_rules_refused_is_called_so(world: World) -> None:
    GivenUp(world.dataverse).answer([ended(DeadLetter("contract-gone", "It can't be read."))])
    assert of_attempt(world)[1]["outcome"] == "refused"


def test_a_call_that_was_made_and_a_command_that_was_carried_out_speak_for_themselves(world: World) -> None:
    ready(world)
    world.dataverse.actions["msdyn_NewInvoiceContract"] = lambda rows, contract: None
    world.command(command())
    writes = world.dataverse.writes_to(COMMANDS)
    GivenUp(world.dataverse).answer([ended(), ended(Complete("Done."))])
    assert world.dataverse.writes_to(COMMANDS) == writes


def test_a_fence_that_was_never_answered_can_not_land_afterwards(world: World) -> None:
    ready(world)
    world.dataverse.fail(UnknownOutcome("lost", "Lost."), calls_an_action, times=9)
    late: list[Any] = []
    commit = world.dataverse.commit
    world.dataverse.commit = lambda sets: (late.extend(sets), commit(sets))[1]  # type: ignore[assignment,func-returns-value]
    world.command(command())
    GivenUp(world.dataverse).answer([ended()])
    world.dataverse.faults.clear()
    (fence, *_) = [one for one in late if calls_an_action(one)]
    assert isinstance(fence.changes[0], Create)
    (outcome,) = commit([fence])
    assert "exists" in str(outcome)
    assert world.invoices() == {}


def test_a_dataverse_that_does_not_answer_keeps_no_message_from_being_put_aside(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    world.dataverse.query_faults.append(Transient("unreachable", "Nobody there."))
    GivenUp(world.dataverse).answer([ended()])
    assert "could not be written down" in caplog.text
