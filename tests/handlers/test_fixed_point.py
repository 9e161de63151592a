"""Gather, decide, commit, gather again: bounded, one flight per partition, and nothing taken for granted."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from datetime import timedelta

import pytest

from connector.dataverse.access import Reader
from connector.dataverse.changes import ChangeSet, Committed, Create, Record, Reference
from connector.dataverse.query import Query
from connector.errors import (
    Conflict,
    ConnectorError,
    Misconfigured,
    Rejected,
    Throttled,
    Transient,
    UnknownOutcome,
)
from handlers.fixed_point import AgainstTheRules, FixedPoint, Outcome, Settled, Unsettled
from handlers.plan import NOT_YET, Decision, NothingToDo, NotYet, Plan, Refusals, Refuse
from tests.handlers.fake_dataverse import FakeDataverse
from tests.handlers.world import new

ROW, OTHER = new("msdyn_actual", 1), new("msdyn_actual", 2)
BUSY = Transient("busy", "Try later.")


def writes(*rows: Reference, alone: bool = False, partition: str = "p") -> Plan:
    """A plan with a change set per row."""
    return Plan("Because.", tuple(ChangeSet((Create(row, {}),), partition) for row in rows), alone)


class Scripted:
    """A handler that decides what it is told, and then that nothing is left to do."""

    def __init__(self, *decisions: Decision) -> None:
        self.decisions = list(decisions)
        self.gathered: list[list[str]] = []
        self.refusals: list[dict[Reference, Rejected | Conflict | Misconfigured]] = []

    def gather(self, subjects: Sequence[str], dataverse: Reader) -> Mapping[str, None]:
        """Ask one question, and note for whom."""
        dataverse.query([Query("msdyn_actual", ())])
        self.gathered.append(list(subjects))
        return dict.fromkeys(subjects)

    def decide(self, subject: str, facts: None, refusals: Refusals) -> Decision:
        """The next line of the script."""
        self.refusals.append(dict(refusals))
        return self.decisions.pop(0) if self.decisions else NothingToDo("At rest.", {"for": subject})


@pytest.fixture
def dataverse() -> FakeDataverse:
    """An empty Dataverse."""
    return FakeDataverse()


def settle(handler: Scripted, dataverse: FakeDataverse, *subjects: str) -> list[Outcome]:
    """Settle with the default bounds."""
    names = subjects or ("one",)
    outcomes = FixedPoint(dataverse).settle(handler, names)
    return [outcomes[name] for name in names]


def failure(outcome: Outcome) -> ConnectorError:
    """What kept a subject from its fixed point."""
    assert isinstance(outcome, Unsettled)
    return outcome.failure


def test_a_commit_alone_is_not_done_only_a_reading_after_it_is(dataverse: FakeDataverse) -> None:
    handler = Scripted(writes(ROW))
    assert settle(handler, dataverse) == [Settled("At rest.", {"for": "one"}, 1)]
    assert handler.gathered == [["one"], ["one"]]


def test_only_those_who_are_not_at_rest_are_read_again(dataverse: FakeDataverse) -> None:
    handler = Scripted(writes(ROW), NothingToDo("Nothing."), NotYet("In flux."), Refuse("bad", "Mend it."))
    outcomes = settle(handler, dataverse, "a", "b", "c", "d")
    assert handler.gathered == [["a", "b", "c", "d"], ["a"]]
    assert outcomes[1] == Settled("Nothing.")
    assert (failure(outcomes[2]).code, type(failure(outcomes[2]))) == (NOT_YET, Transient)
    assert (failure(outcomes[3]).code, type(failure(outcomes[3]))) == ("bad", AgainstTheRules)


def test_nobody_is_asked_about_nothing(dataverse: FakeDataverse) -> None:
    handler = Scripted()
    assert FixedPoint(dataverse).settle(handler, []) == {}
    assert not dataverse.requests


def test_rounds_are_bounded(dataverse: FakeDataverse) -> None:
    handler = Scripted(*(writes(new("msdyn_actual", number)) for number in range(100, 200)))
    (outcome,) = settle(handler, dataverse)
    assert (failure(outcome).code, len(handler.gathered)) == ("restless", 8)
    assert isinstance(failure(outcome), Transient)


def test_three_conflicts_on_one_row_end_it_and_name_the_row(dataverse: FakeDataverse) -> None:
    dataverse.put(ROW)
    (outcome,) = settle(Scripted(*[writes(ROW)] * 9), dataverse)
    assert isinstance(failure(outcome), Conflict)
    assert str(ROW) in str(getattr(failure(outcome), "record", ""))
    assert len(dataverse.requests) == 3


def test_conflicts_are_counted_per_row(dataverse: FakeDataverse) -> None:
    for row in (ROW, OTHER):
        dataverse.put(row)
    handler = Scripted(writes(ROW), writes(OTHER), writes(ROW), writes(OTHER))
    assert isinstance(settle(handler, dataverse)[0], Settled)


def test_a_conflict_that_names_no_row_is_traced_to_the_rows_in_the_way(dataverse: FakeDataverse) -> None:
    dataverse.put(ROW)
    dataverse.fail(Conflict("exists", "A row exists."), times=9)
    (outcome,) = settle(Scripted(*[writes(ROW)] * 9), dataverse)
    assert isinstance(failure(outcome), Conflict)
    assert str(ROW) in f"{getattr(failure(outcome), 'record', '')} {failure(outcome).sentence}"


@pytest.mark.parametrize(
    "error",
    [BUSY, Throttled("slow", "Wait.", timedelta(seconds=9)), Misconfigured("role", "No role."), Rejected("no", "No.")],
)
def test_any_other_failure_of_a_commit_ends_the_run_as_it_is(dataverse: FakeDataverse, error: ConnectorError) -> None:
    dataverse.fail(error)
    handler = Scripted(writes(ROW))
    assert failure(settle(handler, dataverse)[0]) is error
    assert len(handler.gathered) == 1


def test_an_unknown_outcome_is_looked_at_once_and_then_given_back(dataverse: FakeDataverse) -> None:
    lost = UnknownOutcome("lost", "Lost.")
    dataverse.fail(lost, times=2)
    handler = Scripted(writes(ROW), writes(ROW), writes(ROW))
    assert failure(settle(handler, dataverse)[0]) is lost
    assert len(handler.gathered) == 2


def test_a_failed_reading_is_the_outcome_of_everybody_who_waits(dataverse: FakeDataverse) -> None:
    dataverse.query_faults.append(BUSY)
    handler = Scripted()
    assert [failure(outcome) for outcome in settle(handler, dataverse, "a", "b")] == [BUSY, BUSY]


def test_a_reading_that_fails_after_the_commit_leaves_the_rest_for_a_redelivery(dataverse: FakeDataverse) -> None:
    dataverse.after_commit.append(lambda: dataverse.query_faults.append(BUSY))
    handler = Scripted(writes(ROW), NothingToDo("Quiet."))
    first, second = settle(handler, dataverse, "a", "b")
    assert failure(first) is BUSY
    assert second == Settled("Quiet.")
    assert ROW in dataverse.rows.cells


def test_where_each_stands_alone_a_refusal_is_shown_to_the_next_decision(dataverse: FakeDataverse) -> None:
    refusal = Rejected("closed", "The project is closed.")
    dataverse.fail(refusal)
    handler = Scripted(writes(ROW, OTHER, alone=True))
    assert settle(handler, dataverse) == [Settled("At rest.", {"for": "one"}, 1)]
    assert handler.refusals == [{}, {ROW: refusal}]


def test_refusals_are_not_shown_to_other_subjects(dataverse: FakeDataverse) -> None:
    dataverse.fail(Rejected("closed", "Closed."))
    handler = Scripted(writes(ROW, alone=True), writes(OTHER, alone=True))
    settle(handler, dataverse, "a", "b")
    assert [list(shown) for shown in handler.refusals] == [[], [], [ROW], []]


class Watched(FakeDataverse):
    """A Dataverse that knows how many commits are in flight at once."""

    def __init__(self, together: int) -> None:
        super().__init__()
        self.in_flight = 0
        self.most = 0
        self._lock = threading.Lock()
        self._gate = threading.Barrier(together) if together > 1 else None

    def commit(self, change_sets: Sequence[ChangeSet]) -> list[Committed | ConnectorError]:
        """Commit, and wait for the others where they may be here at the same time."""
        with self._lock:
            self.in_flight += 1
            self.most = max(self.most, self.in_flight)
        if self._gate is not None:
            self._gate.wait(timeout=60)
        with self._lock:
            outcomes = super().commit(change_sets)
            self.in_flight -= 1
        return outcomes

    def query(self, questions: Sequence[Query]) -> list[list[Record]]:
        """Read under the same lock."""
        with self._lock:
            return super().query(questions)


def race(dataverse: Watched, partitions: Sequence[str]) -> list[Outcome]:
    """One thread per partition, all with one fixed point."""
    fixed_point = FixedPoint(dataverse)
    outcomes: list[Outcome] = []

    def work(number: int, partition: str) -> None:
        handler = Scripted(writes(new("msdyn_actual", 50 + number), partition=partition))
        outcomes.extend(fixed_point.settle(handler, [f"subject {number}"]).values())

    threads = [threading.Thread(target=work, args=(n, partition)) for n, partition in enumerate(partitions)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    return outcomes


def test_one_project_never_has_two_commits_in_flight() -> None:
    dataverse = Watched(together=1)
    outcomes = race(dataverse, ["p"] * 8)
    assert [type(outcome) for outcome in outcomes] == [Settled] * 8
    assert dataverse.most == 1


def test_two_projects_may_commit_at_the_same_time() -> None:
    dataverse = Watched(together=2)
    outcomes = race(dataverse, ["p", "q"])
    assert [type(outcome) for outcome in outcomes] == [Settled] * 2
    assert dataverse.most == 2
