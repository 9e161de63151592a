"""A run whose commands came as messages ends once each contract has its outcome; what has none is told at last."""

from __future__ import annotations

import json
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, cast
from uuid import UUID

import pytest

from connector.dataverse.changes import Reference
from connector.envelope import Envelope
from connector.inbox import Outgoing
from connector.settlement import Complete
from handlers.command_record import State
from handlers.fanning_out import FanningOut
from handlers.fixed_point import FixedPoint, Outcome, Settled, Unsettled
from handlers.parsing import parse_command
from handlers.replies import Ended
from handlers.run_attempts import attempts_of
from handlers.run_end import CALLED, NO_RECORD, RunEnds
from mappings import keys
from mappings.invoice_run import Due, Preview, selection
from mappings.messages import CreateManyInvoices, LookAtRun
from tests.handlers.world import World

RUN = UUID(int=77)
A, B, C = (UUID(int=number) for number in (1, 2, 3))
CREATED = {"outcome": "created", "invoices": [{"id": "7", "number": "INV-7"}]}
NOTHING: Mapping[str, object] = {"outcome": "nothing-to-invoice", "invoices": []}
RESOLVED: Mapping[str, object] = {"outcome": "failed", "invoices": [], "because": "Ada looked.", "resolved_by": "Ada"}


def begun(world: World) -> None:
    preview = Preview(tuple(Due(id, 1, Decimal(250), "USD", 2) for id in (A, B, C)))
    world.dataverse.put(
        Reference("psac_command", keys.run_row_id(RUN)),
        psac_kind="run",
        psac_subject=str(RUN),
        psac_requestedby="ada",
        psac_state="resolved",
        psac_selection=json.dumps(selection(RUN, preview, confirmed=False)),
    )


def recorded(
    world: World, contract: UUID, outcome: Mapping[str, object], state: State = State.DONE, generation: int = 0
) -> None:
    command = keys.run_command_id(RUN, contract, generation)
    world.dataverse.put(
        Reference("psac_command", keys.attempt_id(contract, command)),
        psac_kind="attempt",
        psac_state=state,
        psac_outcome=json.dumps(outcome),
    )


def look(world: World) -> Outcome:
    subject = LookAtRun(run=RUN)
    return FixedPoint(world.dataverse).settle(RunEnds(lambda: world.dataverse.rows.now), [subject])[subject]


def row(world: World) -> tuple[str, Any]:
    cells = world.dataverse.get(Reference("psac_command", keys.run_row_id(RUN)))
    return cells["psac_state"], json.loads(cells.get("psac_outcome") or "null")


def test_a_run_ends_with_the_outcome_of_its_last_contract(world: World) -> None:
    begun(world)
    recorded(world, A, CREATED)
    recorded(world, B, NOTHING)
    waiting = look(world)
    assert isinstance(waiting, Unsettled)
    assert (waiting.failure.code, row(world)) == ("not-yet", ("resolved", None))
    assert waiting.failure.sentence == "1 of 3 contracts have no outcome yet."
    recorded(world, C, {"outcome": "in-doubt", "because": "Nobody knows."}, State.IN_DOUBT)
    assert isinstance(look(world), Settled)
    end = row(world)
    assert end == (
        "done",
        {
            "outcome": "done",
            "ended": {"created": 1, "in-doubt": 1, "nothing-to-invoice": 1},
            "failed": {str(C): ["in-doubt", "Nobody knows."]},
        },
    )
    recorded(world, C, CREATED)
    assert isinstance(look(world), Settled)
    assert row(world) == end, "who resumes it writes its end anew"


def test_what_has_no_outcome_after_half_a_day_is_told_and_the_run_is_broken_off(world: World) -> None:
    begun(world)
    recorded(world, A, CREATED)
    recorded(world, B, {"record": "token"}, State.CALLING)
    world.dataverse.later(hours=12)
    assert isinstance(look(world), Settled)
    failed = {str(B): ["in-doubt", CALLED], str(C): ["failed", NO_RECORD]}
    assert row(world) == ("done", {"outcome": "broken-off", "ended": {"created": 1}, "failed": failed})


def test_a_command_that_was_put_aside_keeps_no_run_from_its_end(world: World) -> None:
    begun(world)
    recorded(world, A, CREATED)
    recorded(world, B, {"outcome": "failed", "because": "Busy.", "given_up": True}, State.WITHDRAWN)
    over = {"outcome": "refused", "code": "over-ceiling", "because": "Too much.", "given_up": True}
    recorded(world, C, over, State.WITHDRAWN)
    assert isinstance(look(world), Settled)
    ended = {"created": 1, "failed": 1, "refused": 1}
    failed = {str(B): ["failed", "Busy."], str(C): ["refused", "Too much."]}
    assert row(world)[1] == {"outcome": "done", "ended": ended, "failed": failed}


def test_a_look_at_a_run_that_is_not_there_ends(world: World) -> None:
    assert isinstance(look(world), Settled)


@pytest.mark.parametrize(
    ("outcome", "again"),
    [(RESOLVED, True), ({"outcome": "refused", "code": "x", "because": "No."}, True), (CREATED, False)],
    ids=["a person found nothing", "refused", "created"],
)
def test_a_contract_of_which_nothing_came_gets_a_command_of_its_own_when_the_run_is_resumed(
    world: World, outcome: Mapping[str, object], again: bool
) -> None:
    recorded(world, A, outcome)
    assert attempts_of(RUN, [A, B], world.dataverse)[A].is_refused is again
    recorded(world, A, CREATED, generation=1)
    latest = attempts_of(RUN, [A, B], world.dataverse)
    assert set(latest) == {A}
    assert (latest[A].generation, latest[A].is_refused) == (int(again), False)


@pytest.mark.parametrize("confirmed", [False, True])
def test_the_commands_of_a_run_say_what_it_said_and_after_them_the_end_is_looked_for(confirmed: bool) -> None:
    sent: list[Outgoing] = []
    asked = CreateManyInvoices(command=RUN, requested_by="ada", everything=True, confirmed=confirmed)
    message = Envelope("1", b"", "application/json", queue="commands")
    ended = Ended(message, asked, Complete("done"), {"contracts": [str(A), str(B)]})
    FanningOut(lambda _, messages: sent.extend(messages), "commands").answer([ended])
    *commands, last = (parse_command(Envelope(one.message_id, one.body, one.content_type)) for one in sent)
    assert [(cast(Any, one).contract, cast(Any, one).confirmed) for one in commands] == [(A, confirmed), (B, confirmed)]
    assert last == LookAtRun(run=RUN)
