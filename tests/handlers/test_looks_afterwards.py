"""The look behind a write, in the write's own request: a request less, and otherwise a look like any other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import pytest

from connector.dataverse.changes import ChangeSet, Committed, Record
from connector.dataverse.query import Query
from connector.errors import ConnectorError, UnknownOutcome
from handlers.fixed_point import FEW, FixedPoint, Settled, Unsettled
from mappings.tables import Ref
from tests.handlers.fake_dataverse import FakeDataverse
from tests.handlers.judging import EIGHT_HOURS
from tests.handlers.keeping_world import KeepingWorld


@dataclass
class Looking:
    """A Dataverse that answers behind a commit; ``looks``: what it was asked there. ``answers``: whether it does."""

    dataverse: FakeDataverse
    answers: bool = True
    answered: list[bool] = field(default_factory=list)
    """Whether each of the next looks is."""
    looks: list[list[Query]] = field(default_factory=list)

    def query(self, questions: Sequence[Query]) -> list[list[Record]]:
        return self.dataverse.query(questions)

    def commit(self, change_sets: Sequence[ChangeSet]) -> list[Committed | ConnectorError]:
        return self.dataverse.commit(change_sets)

    def commit_and_look(
        self, change_sets: Sequence[ChangeSet], questions: Sequence[Query]
    ) -> tuple[list[Committed | ConnectorError], list[list[Record]] | None]:
        outcomes = self.commit(change_sets)
        self.looks.append(list(questions))
        answers = self.dataverse.query(questions)
        self.dataverse.requests.pop()
        is_answered = self.answered.pop(0) if self.answered else self.answers
        return outcomes, answers if is_answered else None


class LookingWorld(KeepingWorld):
    def __init__(self) -> None:
        super().__init__()
        self.line = Looking(self.dataverse)
        self.service = FixedPoint(self.line, seldom_changed=self.seldom_changed)

    def known(self) -> Ref:
        """An approved entry of a project that was met before, longer ago than anything is kept."""
        first, entry = self.approved(), self.approved()
        self.work_on(first)
        self.dataverse.later(minutes=2)
        self.line.looks.clear()
        return entry


@pytest.fixture
def world() -> LookingWorld:
    return LookingWorld()


def test_an_entry_of_a_known_project_takes_two_requests_before_its_write_and_none_behind_it(
    world: LookingWorld,
) -> None:
    entry = world.known()

    (outcome,) = world.work_on(entry)

    assert isinstance(outcome, Settled)
    assert outcome.commits == 1
    assert len(world.dataverse.requests) == 2
    (look,) = world.line.looks
    assert {"msdyn_timeentry", "msdyn_projectapproval", "msdyn_transactionorigin", "msdyn_actual"} <= {
        query.table for query in look
    }
    assert world.live(entry) == EIGHT_HOURS


def test_where_the_look_was_not_answered_it_is_taken_in_a_request_of_its_own(world: LookingWorld) -> None:
    entry, world.line.answers = world.known(), False

    (outcome,) = world.work_on(entry)

    assert isinstance(outcome, Settled)
    assert (len(world.dataverse.requests), len(world.line.looks)) == (3, 1)


def test_what_happens_between_the_write_and_the_look_behind_it_is_seen(world: LookingWorld) -> None:
    entry = world.known()
    world.dataverse.after_commit.append(lambda: world.cancel(entry))

    (outcome,) = world.work_on(entry)

    assert isinstance(outcome, Settled)
    assert outcome.commits == 2, "written, and taken back"
    assert world.live(entry) == []


def test_a_look_is_good_for_one_round_only(world: LookingWorld) -> None:
    """What the second write left is never judged by what was read behind the first."""
    entry = world.known()
    world.dataverse.after_commit.append(lambda: world.cancel(entry))
    world.line.answered = [True, False]

    (outcome,) = world.work_on(entry)

    assert isinstance(outcome, Settled)
    assert (outcome.commits, len(world.line.looks)) == (2, 2)
    assert len(world.dataverse.requests) == 3, "two before the first write, one behind the second"
    assert world.live(entry) == []


def test_what_the_write_did_and_nobody_was_told_is_found_by_the_look(world: LookingWorld) -> None:
    entry = world.known()
    world.dataverse.lose_the_answer()

    (outcome,) = world.work_on(entry)

    assert isinstance(outcome, Settled | Unsettled)
    assert outcome.unsure, "it was never answered, whatever is read"
    assert world.live(entry) == EIGHT_HOURS


def test_a_write_that_the_look_does_not_find_is_written_again_under_the_same_ids(world: LookingWorld) -> None:
    entry = world.known()
    world.dataverse.fail(UnknownOutcome("lost", "The connection was lost."))

    (outcome,) = world.work_on(entry)

    assert isinstance(outcome, Settled)
    assert len(world.line.looks) == 2
    assert world.live(entry) == EIGHT_HOURS


def test_many_entries_are_looked_at_in_a_request_of_their_own(world: LookingWorld) -> None:
    world.known()
    few, many = ([world.approved() for _ in range(count)] for count in (FEW, FEW + 1))

    world.work_on(*few)
    assert len(world.line.looks) == 1
    world.work_on(*many)

    assert len(world.line.looks) == 1
    assert all(world.live(entry) == EIGHT_HOURS for entry in (*few, *many))


def test_the_set_up_is_read_behind_the_write_too_where_none_is_fresh_enough(world: LookingWorld) -> None:
    entry = world.known()
    gather = world.handler.gather

    def slowly(*given: object) -> object:
        facts = gather(*given)  # type: ignore[arg-type]
        world.dataverse.later(minutes=2)
        return facts

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(type(world.handler), "gather", lambda _, *given: slowly(*given))
        world.work_on(entry)

    (look,) = world.line.looks
    assert {"msdyn_project", "salesorderdetail", "salesorder"} <= {query.table for query in look}
    assert world.live(entry) == EIGHT_HOURS


def test_nothing_goes_along_with_what_was_never_looked_at_with_its_set_up(world: LookingWorld) -> None:
    entry = world.approved()
    world.work_on(entry)
    world.line.looks.clear()
    world.seldom_changed.whereabouts._entries = type(world.seldom_changed.whereabouts._entries)(1)

    others = [world.approved() for _ in range(2)]
    world.work_on(*others)

    assert world.line.looks == []
    assert all(world.live(one) == EIGHT_HOURS for one in others)
