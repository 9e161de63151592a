"""How long a call may be under way: by when it was made, not by when its command came; and whom it keeps waiting."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest

from connector.dataverse.changes import Reference
from connector.errors import Rejected, Throttled, Transient, UnknownOutcome
from handlers.fixed_point import FixedPoint, Outcome, Settled, Unsettled
from handlers.invoicing import ACTION, InvoicingHandler
from handlers.recorded import InvoiceCalls, Mode
from mappings import keys
from tests.handlers.fake_dataverse import Rows, calls_an_action
from tests.handlers.test_invoicing import COMMANDS, ONE, TWO, brought, command, give, ready
from tests.handlers.world import CONTRACT, READY, ZONE, World

ATTEMPT = Reference(COMMANDS, keys.attempt_id(CONTRACT.id, ONE))
GONE = Transient("gone", "The process ended.")
PAST_DATED = "There are no past dated transactions to invoice for this project contract. No invoice was created."


def recorded(world: World) -> InvoiceCalls:
    return InvoiceCalls(world.dataverse, lambda: Mode.RECORDED)


def unanswered(world: World) -> None:
    """A call was made, and nothing is known of it."""
    world.dataverse.fail(UnknownOutcome("lost", "Lost."), calls_an_action, times=9)
    assert code(world.command(command(), through=recorded(world))[0]) == "not-yet"
    world.dataverse.faults.clear()


def code(outcome: Outcome) -> str:
    assert isinstance(outcome, Unsettled), outcome
    return outcome.failure.code


def of_attempt(world: World) -> tuple[str, dict[str, Any]]:
    cells = world.dataverse.get(ATTEMPT)
    return cells["psac_state"], json.loads(cells["psac_outcome"])


def test_a_withdrawn_call_that_is_made_again_much_later_is_as_young_as_its_second_call(world: World) -> None:
    ready(world)
    world.dataverse.fail(Throttled("throttled", "Wait.", timedelta(seconds=1)), calls_an_action)
    assert code(world.command(command(), through=recorded(world))[0]) == "throttled"
    world.dataverse.later(hours=2)
    unanswered(world)
    for id, told in ((ONE, "not-yet"), (TWO, "already-running")):
        (outcome,) = world.command(command(id), through=recorded(world))
        assert told == (code(outcome) if id == ONE else brought(outcome)[0])
    world.dataverse.later(minutes=31)
    assert code(world.command(command(), through=recorded(world))[0]) == "in-doubt"
    assert of_attempt(world)[1]["called_at"] == "2026-02-16T14:00:00+00:00"


def test_an_invoice_between_a_withdrawn_call_and_the_next_one_is_not_taken_for_its_own(world: World) -> None:
    ready(world)
    world.dataverse.fail(Transient("sql-timeout", "Rolled back."), calls_an_action)
    world.command(command(), through=recorded(world))
    world.dataverse.later(minutes=5)
    world.invoice_by_hand(user=world.dataverse.rows.user)
    (before,) = world.invoices()
    world.dataverse.later(minutes=5)
    ready(world)
    handler = InvoicingHandler(lambda: world.dataverse.rows.now, ZONE, several=True)
    (outcome,) = FixedPoint(recorded(world)).settle(handler, [command()]).values()
    assert brought(outcome) == ("created", [one.id for one in world.invoices() if one != before])


def test_a_call_under_way_keeps_others_waiting_although_its_rows_are_not_ready_any_more(world: World) -> None:
    """It takes what is ready when it gets to it; two of them on a racy product would both take that."""
    actual = Reference("msdyn_actual", ready(world))
    unanswered(world)
    world.dataverse.put(actual, msdyn_billingstatus=None)
    ready(world)
    assert give(world, command(TWO), through=recorded(world)) == [("already-running", [])]
    assert world.dataverse.calls() == 0


def test_an_old_call_whose_rows_are_not_ready_any_more_keeps_nobody_waiting(world: World) -> None:
    actual = Reference("msdyn_actual", ready(world))
    unanswered(world)
    world.dataverse.put(actual, msdyn_billingstatus=None)
    world.dataverse.later(minutes=31)
    ready(world)
    assert give(world, command(TWO), through=recorded(world))[0][0] == "created"


@pytest.mark.parametrize("mode", Mode)
def test_a_call_that_was_answered_and_brought_nothing_is_in_doubt_for_the_next_command_too(
    world: World, mode: Mode
) -> None:
    ready(world)
    world.dataverse.actions[ACTION] = lambda rows, contract: None
    through = InvoiceCalls(world.dataverse, lambda: mode)
    assert code(world.command(command(), through=through)[0]) == "not-yet"
    world.dataverse.later(minutes=31)
    assert code(world.command(command(TWO), through=through)[0]) == "earlier-in-doubt"
    assert code(world.command(command(), through=through)[0]) == "in-doubt"
    assert world.dataverse.calls() == 1


def test_an_old_call_whose_invoice_is_there_keeps_nobody_waiting_though_it_left_a_row(world: World) -> None:
    """Its worker died before it said so. The product did not take everything that was expected."""
    ready(world)
    world.dataverse.lose_the_answer(calls_an_action)
    left = Reference("msdyn_actual", ready(world))
    action = world.dataverse.actions[ACTION]

    def leaves_one(rows: Rows, contract: Reference) -> Reference | None:
        rows.put(left, {"msdyn_billingstatus": None})
        made = action(rows, contract)
        rows.put(left, {"msdyn_billingstatus": READY})
        return made

    world.dataverse.actions[ACTION] = leaves_one
    through = recorded(world)
    world.dataverse.after_commit = [lambda: None, lambda: None, lambda: world.dataverse.query_faults.append(GONE)]
    assert code(world.command(command(), through=through)[0]) == GONE.code
    world.dataverse.actions[ACTION] = action
    world.dataverse.later(minutes=31)
    assert give(world, command(TWO), through=through)[0][0] == "created"
    assert len(world.invoices()) == 2
    assert give(world, command(), through=through)[0][0] == "created"


@pytest.mark.parametrize("days", [0, 1])
def test_a_product_that_finds_nothing_past_dated_has_nothing_to_invoice(world: World, days: int) -> None:
    """It may take what is dated today from tomorrow on; whatever it is, the product's word and the rows are told."""
    ready(world, msdyn_startdatetime=world.dataverse.rows.now - timedelta(days=days))
    world.dataverse.fail(Rejected("refused-by-business-rule", PAST_DATED), calls_an_action, times=9)
    for through in (None, recorded(world)):
        (outcome,) = world.command(command(), through=through)
        assert brought(outcome) == ("nothing-to-invoice", [])
        assert isinstance(outcome, Settled)
        because = str(outcome.outcome["because"])
        assert because.startswith(PAST_DATED)
        assert ("from the next day on" in because, "Yet rows are ready (1, 0 of them dated today)" in because) == (
            days == 0,
            days == 1,
        )


def test_a_call_that_was_certainly_not_carried_out_says_on_its_record_why(world: World) -> None:
    ready(world)
    world.dataverse.fail(Throttled("throttled", "Too many requests.", timedelta(seconds=5)), calls_an_action)
    world.command(command(), through=recorded(world))
    state, told = of_attempt(world)
    assert state == "withdrawn"
    assert {name: told[name] for name in ("outcome", "code", "because", "invoices")} == {
        "outcome": "failed",
        "code": "throttled",
        "because": "Too many requests.",
        "invoices": [],
    }
    assert give(world, command(), through=recorded(world))[0][0] == "created"
