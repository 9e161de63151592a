"""Runs read from their records: what is shown of each contract, and what is left when one is resumed."""

from __future__ import annotations

import json
from collections.abc import Mapping
from decimal import Decimal
from types import SimpleNamespace
from typing import cast
from uuid import UUID

import pytest

from connector.dataverse.changes import Reference
from handlers import Mission
from handlers.actuals import ActualsHandler
from handlers.command_record import State
from handlers.invoicing import InvoicingHandler
from handlers.readiness import ReadinessHandler
from handlers.run_end import CALLED
from mappings import keys
from mappings.acting import AS_SIGNED_IN
from mappings.ceiling import Ceiling
from mappings.invoice_run import Due, Outcome, Preview, selection
from service.app import App
from service.cli.invoice_runs import _plain, _state
from service.contracts import Contract
from service.invoice_runs import Invoiced, Run
from service.run_records import WITHDRAWN, NoSuchRun, Resumed, end, latest, recorded, resumed, shown
from tests.handlers.test_invoicing import ready
from tests.handlers.world import CONTRACT, GO_LIVE, USD, ZONE, World

RUN = UUID(int=77)
ID = CONTRACT.id
OTHER = UUID(int=5)
CREATED = {"outcome": "created", "invoices": [{"id": str(UUID(int=7)), "number": "INV-7"}], "total": "1600.00"}


@pytest.fixture
def world() -> World:
    world = World()
    begun(world)
    return world


def begun(world: World, *contracts: UUID, confirmed: bool = False) -> None:
    preview = Preview(tuple(Due(id, 1, Decimal(1600), "USD", 2) for id in contracts or (ID,)))
    world.dataverse.put(
        Reference("psac_command", keys.run_row_id(RUN)),
        psac_kind="run",
        psac_subject=str(RUN),
        psac_requestedby="ada",
        psac_state="resolved",
        psac_selection=json.dumps(selection(RUN, preview, confirmed=confirmed)),
    )


def attempt(world: World, state: State, outcome: Mapping[str, object], contract: UUID = ID) -> None:
    command = keys.run_command_id(RUN, contract, 0)
    world.dataverse.put(
        Reference("psac_command", keys.attempt_id(contract, command)),
        psac_kind="attempt",
        psac_subject=str(contract),
        psac_state=state,
        psac_outcome=json.dumps(outcome),
    )


@pytest.mark.parametrize(
    ("state", "outcome", "word", "because"),
    [
        (State.CALLING, {"record": "token"}, Outcome.RUNNING, CALLED),
        (State.CALLED, {}, Outcome.RUNNING, CALLED),
        (State.CALLED, {"record": "token"}, Outcome.RUNNING, CALLED),
        (State.IN_DOUBT, {"outcome": "in-doubt", "because": "Look."}, Outcome.IN_DOUBT, "Look."),
        (State.WITHDRAWN, {}, Outcome.FAILED, WITHDRAWN),
        (
            State.WITHDRAWN,
            {"outcome": "refused", "code": "over-ceiling", "because": "Too much.", "given_up": True},
            Outcome.REFUSED,
            "Too much.",
        ),
        (State.DONE, CREATED, Outcome.CREATED, ""),
        (State.DONE, {"outcome": "failed", "because": "Ada looked."}, Outcome.FAILED, "Ada looked."),
    ],
)
def test_an_attempt_is_shown_by_how_far_it_came(
    world: World, state: State, outcome: Mapping[str, object], word: Outcome, because: str
) -> None:
    attempt(world, state, outcome)
    _, (told,), open = shown(world.dataverse, RUN)
    assert (told.outcome, told.because, open) == (word, because, [])


def test_what_the_run_told_is_shown_where_the_call_came_to_nothing(world: World) -> None:
    attempt(world, State.WITHDRAWN, {})
    contract = Contract(ID, "", "", "USD", 2)
    told = Invoiced(contract, UUID(int=9), Outcome.FAILED, because="Dataverse is busy.")
    assert end(world.dataverse, Run(RUN, [contract], "ada"), [told]) is None
    assert shown(world.dataverse, RUN)[1][0].because == "Dataverse is busy."


@pytest.mark.parametrize("selection", ["{", "[]", '{"run":1}', '{"expected":{}}'])
def test_a_run_whose_row_somebody_changed_is_told_and_hides_no_other(world: World, selection: str) -> None:
    changed = Reference("psac_command", keys.run_row_id(OTHER))
    world.dataverse.put(changed, psac_kind="run", psac_requestedby="eve", psac_selection=selection)
    states = {one.requested_by: _state(one) for one in latest(world.dataverse)}
    assert states == {"ada": "not finished", "eve": "unreadable"}
    with pytest.raises(NoSuchRun, match="can't be read; somebody changed it"):
        recorded(world.dataverse, OTHER)


def test_who_stops_a_resumed_run_early_does_not_unsay_what_came_of_the_others(world: World) -> None:
    begun(world, ID, OTHER)
    attempt(world, State.DONE, CREATED, OTHER)
    run = Run(RUN, [Contract(id, "", "", "USD", 2) for id in (ID, OTHER)], "ada")
    assert end(world.dataverse, run, []) is None
    found = recorded(world.dataverse, RUN)
    assert (found.is_done, found.ended, found.left) == (False, {"created": 1}, 1)


def test_a_run_has_no_end_while_a_message_may_still_bring_a_command_that_was_given_up_here(world: World) -> None:
    contract = Contract(ID, "", "", "USD", 2)
    told = Invoiced(contract, UUID(int=9), Outcome.FAILED, because="Dataverse is busy.", open=True)
    assert end(world.dataverse, Run(RUN, [contract], "ada"), [told]) is None
    row = world.dataverse.get(Reference("psac_command", keys.run_row_id(RUN)))
    assert row["psac_state"] == "resolved"


def test_a_run_keeps_of_how_many_contracts_nobody_could_be_told(world: World) -> None:
    contract = Contract(ID, "", "", "USD", 2)
    told = Invoiced(contract, UUID(int=9), Outcome.CREATED, untold="No such topic.")
    assert end(world.dataverse, Run(RUN, [contract], "ada"), [told]) is None
    found = recorded(world.dataverse, RUN)
    assert (_state(found), _plain(found)["state"]) == ("done, 1 not announced", "done")


def carried_on(world: World, ceiling: int, *, confirmed: bool = False) -> Resumed:
    mission = Mission(
        ActualsHandler(GO_LIVE, ZONE),
        ReadinessHandler(ZONE, AS_SIGNED_IN, Ceiling(250, Decimal(ceiling))),
        InvoicingHandler(lambda: world.dataverse.rows.now, ZONE),
    )
    app = cast(App, SimpleNamespace(dataverse=world.dataverse, mission=mission))
    return resumed(app, RUN, confirmed=confirmed)


def test_a_run_is_resumed_above_the_ceiling_only_with_what_a_person_saw_or_says_now(world: World) -> None:
    ready(world, transactioncurrencyid=USD)
    assert carried_on(world, 1600).over == ()
    found = carried_on(world, 1000)
    assert found.over == ("1,600.00 USD is more than the ceiling of 1,000.",)
    assert (found.due.rows, found.run.confirmed) == (1, False)
    assert carried_on(world, 1000, confirmed=True).run.confirmed
    begun(world, confirmed=True)
    found = carried_on(world, 1000)
    assert (found.over, found.run.confirmed) == ((), True)
    ready(world, transactioncurrencyid=USD)
    assert len(carried_on(world, 1000).over) == 1, "it has grown since"


def test_a_contract_that_a_person_resolved_as_nothing_is_invoiced_by_resuming(world: World) -> None:
    ready(world, transactioncurrencyid=USD)
    attempt(world, State.DONE, {"outcome": "failed", "invoices": [], "resolved_by": "Ada"})
    run = carried_on(world, 9000).run
    assert (run.quiet, run.generations) == (frozenset(), {ID: 1})
