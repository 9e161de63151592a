"""How calls are sent: one by one, so many at once; recorded first where needed, withdrawn only when that is certain."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from connector.dataverse.changes import Call, ChangeSet, Committed, Create, Record, Reference
from connector.dataverse.query import Query
from connector.errors import ConnectorError, Misconfigured, Rejected, Throttled, Transient, UnknownOutcome
from handlers.fixed_point import Settled, Unsettled
from handlers.recorded import InvoiceCalls, Mode
from mappings import keys
from tests.handlers.fake_dataverse import FakeDataverse, calls_an_action
from tests.handlers.test_invoicing import COMMANDS, ONE, TWO, brought, command, ready
from tests.handlers.world import CONTRACT, World

ATTEMPT = Reference(COMMANDS, keys.attempt_id(CONTRACT.id, ONE))


def recorded(world: World) -> InvoiceCalls:
    return InvoiceCalls(world.dataverse, lambda: Mode.RECORDED)


def state(world: World) -> str:
    return str(world.dataverse.get(ATTEMPT)["psac_state"])


def is_record(change_set: ChangeSet) -> bool:
    first = change_set.changes[0]
    return isinstance(first, Create) and first.values["psac_kind"] == "attempt"


def test_record_and_call_are_two_commits_and_the_call_has_no_company(world: World) -> None:
    ready(world)
    (outcome,) = world.command(command(), through=recorded(world))
    assert brought(outcome)[0] == "created"
    record, call = [one for one in world.dataverse.committed if is_record(one) or calls_an_action(one)]
    assert not any(isinstance(change, Call) for change in record.changes)
    assert record.changes[0].values["psac_state"] == "calling"  # type: ignore[union-attr]
    assert len(call.changes) == 1


@pytest.mark.parametrize(
    "failure",
    [
        Throttled("busy", "Wait.", timedelta(seconds=5)),
        Transient("sql-timeout", "Rolled back."),
        Transient("unreachable", "Nothing was sent."),
        Misconfigured("missing-privilege", "prvX"),
    ],
)
def test_a_call_that_was_certainly_not_carried_out_is_withdrawn_and_may_be_made(
    world: World, failure: ConnectorError
) -> None:
    ready(world)
    world.dataverse.fail(failure, calls_an_action)
    (outcome,) = world.command(command(), through=recorded(world))
    assert isinstance(outcome, Unsettled)
    assert outcome.failure is failure
    assert state(world) == "withdrawn"
    (outcome,) = world.command(command(), through=recorded(world))
    assert brought(outcome)[0] == "created"
    assert (len(world.invoices()), world.dataverse.calls()) == (1, 1)


@pytest.mark.parametrize("code", ["timed-out", "unavailable", "server-error"])
def test_an_error_that_does_not_say_how_far_the_call_came_is_waited_for(world: World, code: str) -> None:
    ready(world)
    world.dataverse.fail(Transient(code, "Sorry."), calls_an_action, times=9)
    for _ in range(3):
        (outcome,) = world.command(command(), through=recorded(world))
        assert isinstance(outcome, Unsettled)
        assert outcome.failure.code == "not-yet"
    assert state(world) == "calling"
    world.dataverse.faults.clear()
    world.dataverse.later(minutes=31)
    (outcome,) = world.command(command(), through=recorded(world))
    assert isinstance(outcome, Unsettled)
    assert outcome.failure.code == "in-doubt"
    assert (state(world), world.dataverse.calls()) == ("in-doubt", 0)


def test_a_product_that_works_on_after_its_answer_is_waited_for_in_both_modes(world: World) -> None:
    ready(world)
    action = world.dataverse.actions["msdyn_NewInvoiceContract"]
    world.dataverse.actions["msdyn_NewInvoiceContract"] = lambda rows, contract: None
    (outcome,) = world.command(command())
    assert isinstance(outcome, Unsettled)
    assert outcome.failure.code == "not-yet"
    (other,) = world.command(command(TWO))
    assert isinstance(other, Settled)
    assert other.outcome["outcome"] == "already-running"
    action(world.dataverse.rows, CONTRACT)
    (outcome,) = world.command(command())
    assert brought(outcome)[0] == "created"
    assert len(world.invoices()) == 1


def test_that_a_call_was_answered_may_go_unwritten(world: World) -> None:
    ready(world)

    def turns(change_set: ChangeSet) -> bool:
        values = getattr(change_set.changes[0], "values", {})
        return set(values) == {"psac_state", "psac_outcome"} and values["psac_state"] == "called"

    world.dataverse.fail(UnknownOutcome("lost", "Lost."), turns, times=9)
    (outcome,) = world.command(command(), through=recorded(world))
    assert brought(outcome)[0] == "created"
    assert world.dataverse.calls() == 1


def test_a_mode_that_can_not_be_told_holds_the_calls_and_nothing_else(world: World) -> None:
    def unknown() -> Mode:
        raise Transient("busy", "Later.")

    ready(world)
    (outcome,) = world.command(command(), through=InvoiceCalls(world.dataverse, unknown))
    assert isinstance(outcome, Unsettled)
    assert outcome.failure.code == "busy"
    assert world.dataverse.writes_to(COMMANDS) == 1  # the lease
    assert not world.invoices()


class Counting(FakeDataverse):
    """Holds every call until as many as are expected are under way."""

    def __init__(self, expected: int) -> None:
        super().__init__()
        self.barrier = threading.Barrier(expected, timeout=20)
        self.sizes: list[int] = []

    def commit(self, change_sets: Sequence[ChangeSet]) -> list[Any]:
        self.sizes.append(len(change_sets))
        if calls_an_action(change_sets[0]):
            self.barrier.wait()
        return [Committed((None,)) for _ in change_sets]


def test_each_call_has_a_request_of_its_own_and_so_many_are_under_way_at_once() -> None:
    dataverse = Counting(2)
    lease = Reference(COMMANDS, UUID(int=1))
    plain = ChangeSet((Create(lease, {"psac_kind": "lease"}),))
    fences = [
        ChangeSet((Create(Reference(COMMANDS, UUID(int=n)), {"psac_kind": "attempt"}), Call("Do", CONTRACT)))
        for n in range(2, 6)
    ]
    outcomes = InvoiceCalls(dataverse, lambda: Mode.FENCE, 2).commit([plain, *fences, plain])
    assert outcomes == [Committed((None,))] * 6
    assert sorted(dataverse.sizes) == [1, 1, 1, 1, 2]


class Looking(Counting):
    """Answers behind a commit."""

    def commit_and_look(
        self, change_sets: Sequence[ChangeSet], questions: Sequence[Query]
    ) -> tuple[list[Any], list[list[Record]]]:
        return self.commit(change_sets), [[] for _ in questions]


def test_what_is_no_fence_is_looked_at_in_the_request_that_writes_it_and_a_fence_never() -> None:
    lease, attempt = Reference(COMMANDS, UUID(int=1)), Reference(COMMANDS, UUID(int=2))
    plain = ChangeSet((Create(lease, {"psac_kind": "lease"}),))
    fence = ChangeSet((Create(attempt, {"psac_kind": "attempt"}), Call("Do", CONTRACT)))
    questions = [Query(COMMANDS, ["psac_kind"])]

    def looks(dataverse: FakeDataverse, *change_sets: ChangeSet) -> bool:
        calls = InvoiceCalls(dataverse, lambda: Mode.FENCE)
        outcomes, answers = calls.commit_and_look(change_sets, questions)
        assert outcomes == [Committed((None,)) for _ in change_sets]
        return answers is not None

    assert looks(Looking(1), plain)
    assert not looks(Looking(1), plain, fence)
    assert not looks(Counting(1), plain)


def test_a_refusal_is_written_down_on_the_attempt_that_was_recorded(world: World) -> None:
    ready(world)
    world.dataverse.fail(Rejected("refused-by-business-rule", "Not today."), calls_an_action)
    for _ in range(2):
        (outcome,) = world.command(command(), through=recorded(world))
        assert isinstance(outcome, Unsettled)
        assert outcome.failure.code == "refused-by-business-rule"
    assert state(world) == "done"
    assert world.dataverse.calls() == 0
