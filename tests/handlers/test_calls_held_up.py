"""A call that is known not to have been made, at a time when Dataverse takes nothing down: it is made later, once."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import pytest

from connector.dataverse.changes import ChangeSet, Committed
from connector.dataverse.query import Query
from connector.errors import ConnectorError, Throttled, Transient, UnknownOutcome
from handlers.fixed_point import Unsettled
from handlers.recorded import InvoiceCalls, Mode
from tests.handlers.fake_dataverse import Fault, calls_an_action
from tests.handlers.test_invoicing import COMMANDS, brought, command, ready
from tests.handlers.test_recorded import ATTEMPT, is_record, state
from tests.handlers.world import World

MINUTE = timedelta(minutes=1)


class Held:
    """A line that lets nothing through for as long as an answer said; ``down``: that long from now, nobody answers."""

    def __init__(self, world: World) -> None:
        self.dataverse = world.dataverse
        self.slept: list[float] = []
        self.held = self.down = datetime.min.replace(tzinfo=world.dataverse.rows.now.tzinfo)

    @property
    def now(self) -> datetime:
        return self.dataverse.rows.now

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.dataverse.later(seconds=seconds)

    def _let_in(self) -> None:
        if self.now < self.held:
            raise Throttled("own-budget", "Not now.", self.held - self.now)
        if self.now < self.down:
            raise Transient("unreachable", "Nothing was sent.")

    def query(self, questions: Sequence[Any]) -> list[Any]:
        self._let_in()
        return self.dataverse.query(questions)

    def commit(self, change_sets: Sequence[ChangeSet]) -> list[Committed | ConnectorError]:
        try:
            self._let_in()
        except ConnectorError as failure:
            return [failure for _ in change_sets]
        outcomes = self.dataverse.commit(change_sets)
        for one in outcomes:
            if isinstance(one, ConnectorError) and one.retry_after is not None:
                self.held = self.now + one.retry_after
            if isinstance(one, Transient) and one.code == "unreachable":
                self.down = self.now + MINUTE / 3
        return outcomes


@pytest.fixture
def line(world: World) -> Held:
    ready(world)
    return Held(world)


def made_once(world: World, through: InvoiceCalls) -> None:
    """The same command, given again."""
    (outcome,) = world.command(command(), through=through)
    assert brought(outcome)[0] == "created"
    assert (len(world.invoices()), world.dataverse.calls()) == (1, 1)


@pytest.mark.parametrize(
    ("failure", "slept"),
    [(Throttled("too-many-requests", "429", MINUTE), [60]), (Transient("unreachable", "No route."), [1, 2, 4, 8, 16])],
)
def test_that_nothing_came_of_a_call_is_written_down_once_dataverse_takes_it(
    world: World, line: Held, failure: ConnectorError, slept: list[float]
) -> None:
    world.dataverse.fail(failure, calls_an_action)
    (outcome,) = world.command(command(), through=InvoiceCalls(line, lambda: Mode.RECORDED, sleep=line.sleep))
    assert isinstance(outcome, Unsettled)
    assert outcome.failure is failure
    assert (state(world), line.slept) == ("withdrawn", slept)
    # Whoever gets it next is another process.
    made_once(world, InvoiceCalls(line, lambda: Mode.RECORDED))


def test_what_can_not_be_written_down_in_time_is_before_the_next_look(world: World, line: Held) -> None:
    through = InvoiceCalls(line, lambda: Mode.RECORDED, sleep=line.sleep)
    world.dataverse.fail(Throttled("too-many-requests", "429", 10 * MINUTE), calls_an_action)
    assert isinstance(world.command(command(), through=through)[0], Unsettled)
    assert (state(world), line.slept) == ("calling", [])
    world.dataverse.later(minutes=31)
    made_once(world, through)


def test_a_record_that_was_written_and_held_up_is_withdrawn_and_the_call_is_made_later(
    world: World, line: Held
) -> None:
    through = InvoiceCalls(line, lambda: Mode.RECORDED, sleep=line.sleep)
    world.dataverse.faults.append(Fault(UnknownOutcome("broken-off", "503", MINUTE), is_record, True, 1))
    (outcome,) = world.command(command(), through=through)
    assert isinstance(outcome, Unsettled)
    assert (outcome.failure.code, outcome.unsure) == ("broken-off", True)
    assert (state(world), line.slept) == ("withdrawn", [60])
    made_once(world, InvoiceCalls(line, lambda: Mode.RECORDED))


def test_a_record_that_lands_after_everything_is_withdrawn_too(world: World, line: Held) -> None:
    through = InvoiceCalls(line, lambda: Mode.RECORDED, sleep=line.sleep)
    late: list[ChangeSet] = []

    def loses(change_set: ChangeSet) -> bool:
        if is_record(change_set):
            late.append(change_set)
        return is_record(change_set)

    world.dataverse.fail(UnknownOutcome("broken-off", "503", MINUTE), loses)
    assert isinstance(world.command(command(), through=through)[0], Unsettled)
    assert isinstance(world.dataverse.commit(late)[0], Committed)
    assert state(world) == "calling"
    made_once(world, through)


@pytest.mark.parametrize(
    "written", ["No invoice, says Ada.", "[]", '{"record":["one"]}', '{"called_at":"lately","record":"one"}']
)
def test_an_attempt_that_somebody_rewrote_by_hand_is_left_alone_and_keeps_nobody_from_asking(
    world: World, line: Held, written: str
) -> None:
    through = InvoiceCalls(line, lambda: Mode.RECORDED, sleep=line.sleep)
    world.dataverse.fail(Throttled("too-many-requests", "429", 10 * MINUTE), calls_an_action)
    assert isinstance(world.command(command(), through=through)[0], Unsettled)
    world.dataverse.put(ATTEMPT, psac_outcome=written, psac_state="done")
    world.dataverse.later(minutes=11)
    asked = len(world.dataverse.requests)
    for _ in range(2):
        assert through.query([Query(COMMANDS, ("psac_kind",), top=1)])[0]
    assert world.dataverse.get(ATTEMPT)["psac_outcome"] == written
    assert len(world.dataverse.requests) == asked + 3, "it is looked for once, and then nothing is kept of it"
