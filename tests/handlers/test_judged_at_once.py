"""However many rows a command selects, the ledgers behind a few of them are held at a time, and none is misjudged."""

from __future__ import annotations

import gc
from collections.abc import Sequence
from uuid import UUID, uuid4

import pytest

from connector.dataverse.changes import Record
from connector.dataverse.query import Query
from handlers import judged_rows
from handlers.readiness import ReadinessHandler
from mappings.row import Row
from mappings.tables import Ref
from tests.handlers.fake_dataverse import FakeDataverse
from tests.handlers.judging import write
from tests.handlers.test_readiness import of_contract
from tests.handlers.world import COST, UNBILLED, ZONE, World

ENTRIES, AT_ONCE = 60, 6
DOUBLED = 9
"""Of these entries somebody wrote the sales a second time; in the answer they stand far from the first ones."""
BEHIND_ONE = 6
"""Rows read behind one sale at the most: two actuals, or three, and as many origins."""


class Watched:
    """A Reader that tells the most rows that were held whenever it was asked something."""

    def __init__(self, dataverse: FakeDataverse) -> None:
        self._dataverse, self._before = dataverse, alive()
        self.most = 0

    def query(self, questions: Sequence[Query]) -> list[list[Record]]:
        self.most = max(self.most, alive() - self._before)
        return self._dataverse.query(questions)


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
    reader, command = Watched(world.dataverse), of_contract()
    (facts,) = ReadinessHandler(ZONE).gather([command], reader).values()
    assert len(facts.rows) == ENTRIES + DOUBLED
    assert {one.row.id for one in facts.rows if one.is_doubled} == twice
    assert reader.most <= len(facts.rows) + AT_ONCE * BEHIND_ONE
