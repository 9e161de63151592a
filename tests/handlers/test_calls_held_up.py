"""A call that is known not to have been made, at a time when Dataverse takes nothing down: it is made later, once."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest

from connector.dataverse.changes import ChangeSet, Committed, Create, Record, Reference
from connector.dataverse.query import Query
from connector.errors import ConnectorError, Throttled, Transient, UnknownOutcome
from handlers.fixed_point import Unsettled
from handlers.recorded import InvoiceCalls, Mode
from tests.handlers.fake_dataverse import Fault, calls_an_action
from tests.handlers.test_invoicing import COMMANDS, brought, command, ready
from tests.handlers.test_recorded import ATTEMPT, is_record, state
from tests.handlers.world import CONTRACT, World

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

    def timer(self) -> float:
        return self.now.timestamp()

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


class Looking(Held):
    """Answers behind a commit."""

    def commit_and_look(
        self, change_sets: Sequence[ChangeSet], questions: Sequence[Query]
    ) -> tuple[list[Committed | ConnectorError], list[list[Record]]]:
        return self.commit(change_sets), self.query(questions)


def something() -> list[ChangeSet]:
    return [ChangeSet((Create(Reference("msdyn_actual", uuid4()), {}),))]


CONTRACTS = Query(CONTRACT.table, ("name",))


def kept_for_minutes(line: Held, told: int) -> InvoiceCalls:
    """A process that knows that nothing came of a call, and was told to come back so much later."""
    through = InvoiceCalls(line, lambda: Mode.RECORDED, sleep=line.sleep, timer=line.timer)
    line.dataverse.fail(Throttled("too-many-requests", "429", told * MINUTE), calls_an_action)
    return through


@pytest.mark.parametrize(
    "passes",
    [
        lambda through: through.query([CONTRACTS]),
        lambda through: through.commit(something()),
        lambda through: through.commit_and_look(something(), [CONTRACTS]),
    ],
)
def test_what_is_kept_is_written_down_by_whatever_passes_once_the_wait_is_over(
    world: World, line: Held, passes: Callable[[InvoiceCalls], object]
) -> None:
    line = Looking(world)
    through = kept_for_minutes(line, 6)
    assert isinstance(world.command(command(), through=through)[0], Unsettled)
    assert (state(world), line.slept) == ("calling", [])
    line.held = line.down
    asked = len(world.dataverse.requests)
    through.commit(something())
    assert (state(world), len(world.dataverse.requests)) == ("calling", asked), "the wait that was told is kept"
    world.dataverse.later(minutes=6)
    passes(through)
    assert state(world) == "withdrawn"
    # Another process gets the message next.
    made_once(world, InvoiceCalls(world.dataverse, lambda: Mode.RECORDED))


def put_in_doubt(world: World) -> InvoiceCalls:
    """Another process, to which the message came."""
    other = InvoiceCalls(world.dataverse, lambda: Mode.RECORDED)
    world.dataverse.later(minutes=31)
    assert isinstance(world.command(command(), through=other)[0], Unsettled)
    assert state(world) == "in-doubt"
    return other


def test_whoever_knows_that_nothing_came_of_a_call_ends_the_doubt_of_another_process(world: World, line: Held) -> None:
    through = kept_for_minutes(line, 10)
    assert isinstance(world.command(command(), through=through)[0], Unsettled)
    other = put_in_doubt(world)
    through.query([CONTRACTS])
    assert state(world) == "withdrawn"
    made_once(world, other)


def test_what_a_person_said_of_a_doubt_stays(world: World, line: Held) -> None:
    through = kept_for_minutes(line, 10)
    assert isinstance(world.command(command(), through=through)[0], Unsettled)
    put_in_doubt(world)
    said = world.dataverse.get(ATTEMPT)["psac_outcome"]
    world.dataverse.put(ATTEMPT, psac_state="done", psac_outcome=said)
    through.query([CONTRACTS])
    assert (state(world), world.dataverse.get(ATTEMPT)["psac_outcome"]) == ("done", said)


def test_a_record_that_was_put_in_doubt_before_its_call_is_not_called_for(world: World, line: Held) -> None:
    def doubted() -> None:
        token = json.loads(world.dataverse.get(ATTEMPT)["psac_outcome"])
        world.dataverse.put(ATTEMPT, psac_state="in-doubt", psac_outcome=json.dumps({**token, "because": "Late."}))

    world.dataverse.lose_the_answer(is_record)
    world.dataverse.after_commit = [lambda: None, doubted]
    (outcome,) = world.command(command(), through=InvoiceCalls(line, lambda: Mode.RECORDED, sleep=line.sleep))
    assert isinstance(outcome, Unsettled)
    assert (outcome.failure.code, world.dataverse.calls()) == ("in-doubt", 0)
