"""While a write of ours may still land, no message is put aside or done with: what lands is seen by a second look."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from connector.dataverse.changes import ChangeSet
from connector.errors import ConnectorError, Rejected, UnknownOutcome
from connector.settlement import Complete, DeadLetter, RedeliverAt, Settlement
from handlers.pipeline import SECOND_LOOK
from mappings.tables import Ref
from tests.handlers.envelopes import NOW
from tests.handlers.service import POLICY, Service, ends
from tests.handlers.world import World

LOST = UnknownOutcome("no-answer", "No answer.")
REFUSED = Rejected("refused-by-business-rule", "Not today.")


class Late:
    """The first change set gets no answer and lands only when ``land`` is called; what comes after is refused."""

    def __init__(self, world: World, entry: Ref) -> None:
        self.world, self.entry = world, entry
        self._commit, self._held = world.dataverse.commit, list[ChangeSet]()
        world.dataverse.commit = self.commit  # type: ignore[method-assign]

    def commit(self, change_sets: Sequence[ChangeSet]) -> list[Any]:
        failure: ConnectorError = REFUSED if self._held else LOST
        self._held += change_sets
        return [failure for _ in change_sets]

    def land(self) -> None:
        self.world.dataverse.commit = self._commit  # type: ignore[method-assign]
        self._commit(self._held[:1])


@pytest.mark.parametrize("discard", [frozenset[str](), frozenset({REFUSED.code})], ids=["put aside", "done with"])
def test_what_is_refused_after_a_write_that_was_never_answered_is_looked_at_once_more(
    world: World, service: Service, discard: frozenset[str]
) -> None:
    service.events.policy = replace(POLICY, discard=discard)
    entry = world.approved()
    late = Late(world, entry)
    (end,) = service.about(entry)
    assert isinstance(end, RedeliverAt)
    assert (end.when, end.attempt, end.code) == (NOW + SECOND_LOOK, 1, "second-look")
    late.land()
    assert len(world.live(entry)) == 2
    assert ends(service.about(entry, attempt=1)) == [Complete]


@pytest.mark.parametrize("failure", [LOST, REFUSED])
def test_looks_come_to_an_end_though_every_one_loses_an_answer(
    world: World, service: Service, failure: ConnectorError
) -> None:
    entry = world.approved()
    attempt, seen = 0, list[Settlement]()
    while True:
        world.dataverse.faults.clear()
        world.dataverse.fail(LOST)
        world.dataverse.fail(failure, times=99)
        (end,) = service.about(entry, attempt=attempt)
        seen.append(end)
        if not isinstance(end, RedeliverAt):
            break
        attempt = end.attempt
    assert isinstance(end, DeadLetter)
    assert end.code == failure.code
    assert len(seen) == len(POLICY.delays) + 2
