"""However many rows commands select, those of one are held at a time, and the ledgers behind a few of them."""

from __future__ import annotations

import gc
from collections.abc import Sequence
from uuid import UUID, uuid4

import pytest

from connector.dataverse.changes import ChangeSet, Committed, Record
from connector.dataverse.query import Query
from connector.errors import ConnectorError, Rejected
from handlers import Mission, judged_rows
from handlers.fixed_point import READING, FixedPoint, Settled, Unsettled
from handlers.invoicing import InvoicingHandler
from handlers.marking_turns import settle_in_turn, turns
from handlers.readiness import ReadinessHandler
from mappings.messages import MarkReady
from mappings.row import Row
from mappings.tables import Ref
from tests.handlers.fake_dataverse import FakeDataverse
from tests.handlers.judging import write
from tests.handlers.service import BUSY
from tests.handlers.test_readiness import command, of_contract, sales
from tests.handlers.world import COST, DAY, UNBILLED, ZONE, World

ENTRIES, AT_ONCE = 60, 6
DOUBLED = 9
"""Of these entries somebody wrote the sales a second time; in the answer they stand far from the first ones."""
BEHIND_ONE = 6
"""Rows read behind one sale at the most: two actuals, or three, and as many origins."""


class Watched:
    """A Dataverse that tells the most rows that were held whenever it was asked something."""

    def __init__(self, dataverse: FakeDataverse) -> None:
        self._dataverse, self._before = dataverse, alive()
        self.most = 0

    def query(self, questions: Sequence[Query]) -> list[list[Record]]:
        self.most = max(self.most, alive() - self._before)
        return self._dataverse.query(questions)

    def commit(self, change_sets: Sequence[ChangeSet]) -> list[Committed | ConnectorError]:
        return self._dataverse.commit(change_sets)


def alive() -> int:
    """Rows that somebody holds."""
    return sum(isinstance(one, Row) for one in gc.get_objects())


def test_what_is_held_beside_the_selected_rows_does_not_grow_with_them(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    entries = [Ref("msdyn_timeentry", uuid4()) for _ in range(ENTRIES)]
    twice: set[UUID] = set()
    for entry in entries:
        write(world, entry, COST)
        first = write(world, entry, UNBILLED).id
        twice |= {first} if entry in entries[:DOUBLED] else set()
    twice |= {write(world, entry, UNBILLED).id for entry in entries[:DOUBLED]}
    monkeypatch.setattr(judged_rows, "AT_ONCE", AT_ONCE)
    reader = Watched(world.dataverse)
    (facts,) = ReadinessHandler(ZONE).gather([of_contract()], reader).values()
    assert len(facts.rows) == ENTRIES + DOUBLED
    assert {one.row.id for one in facts.rows if one.is_doubled} == twice
    assert reader.most <= len(facts.rows) + AT_ONCE * BEHIND_ONE


def test_commands_of_one_batch_do_not_hold_their_rows_side_by_side(world: World) -> None:
    for _ in range(ENTRIES):
        sales(world)
    reader, given = Watched(world.dataverse), [mark_all() for _ in range(5)]
    mission = Mission(world.rules, ReadinessHandler(ZONE), InvoicingHandler(lambda: DAY, ZONE))
    outcomes = mission.settle([*given], FixedPoint(reader))
    assert [len(done(outcomes[one], "marked")) for one in given] == [ENTRIES, 0, 0, 0, 0]
    assert reader.most <= ENTRIES + AT_ONCE


def test_commands_that_name_few_rows_are_carried_out_together(world: World) -> None:
    given = [command(sales(world), id=uuid4()) for _ in range(20)]
    assert turns(given) == [given]
    first, alone, last = given[0], mark_all(), given[1]
    assert turns([first, alone, last]) == [[first], [alone], [last]]


def test_when_nothing_can_be_read_it_is_found_out_once_for_all_commands(world: World) -> None:
    sales(world)
    given = [mark_all() for _ in range(5)]
    world.dataverse.query_faults += [BUSY] * 9
    outcomes = settle_in_turn(given, ReadinessHandler(ZONE), FixedPoint(world.dataverse))
    assert [outcomes[one] for one in given] == [Unsettled(BUSY, operations=READING)] * 5
    assert len(world.dataverse.requests) == 2, "the first command's, and a look whether that is its own fault"


def test_a_question_that_is_refused_holds_up_only_whoever_asked_it(world: World) -> None:
    sales(world)
    first, second = mark_all(), mark_all()
    world.dataverse.query_faults.append(Rejected("too-many-rows", "Ask for less."))
    outcomes = settle_in_turn([first, second], ReadinessHandler(ZONE), FixedPoint(world.dataverse))
    assert isinstance(outcomes[first], Unsettled)
    assert len(done(outcomes[second], "marked")) == 1


def mark_all() -> MarkReady:
    """A command of its own to mark whatever is open on the contract."""
    return of_contract().model_copy(update={"command": uuid4()})


def done(outcome: object, what: str) -> list[str]:
    """The rows that this came of."""
    assert isinstance(outcome, Settled), outcome
    rows = outcome.outcome[what]
    assert isinstance(rows, list)
    return rows
