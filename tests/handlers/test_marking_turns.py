"""What one command to mark rows can't read is its own, as long as Dataverse answers others."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from connector.dataverse.query import Query
from connector.errors import ConnectorError, Throttled, Transient
from connector.settlement import Complete, RedeliverAt
from handlers.fixed_point import READING, FixedPoint, Settled, Unsettled
from handlers.marking_turns import settle_in_turn
from handlers.readiness import ReadinessHandler
from mappings.messages import MarkReady
from tests.handlers.envelopes import envelope
from tests.handlers.fake_dataverse import touches
from tests.handlers.service import Service, ends
from tests.handlers.test_readiness import sales
from tests.handlers.world import CONTRACT, ZONE, World

BAD = UUID(int=77, version=4)


class Poisoned:
    """A line on which whatever asks about ``BAD`` fails."""

    def __init__(self, world: World, failure: ConnectorError) -> None:
        self.failure, self.asked = failure, 0
        self._query = world.dataverse.query
        world.dataverse.query = self.query  # type: ignore[method-assign]

    def query(self, questions: Sequence[Query]) -> list[Any]:
        if any(str(BAD) in str(question.where) for question in questions):
            self.asked += 1
            raise self.failure
        return self._query(questions)


def marking(**selected: Any) -> MarkReady:
    given = {"command": uuid4(), "requested_by": "ada", "backlog": "time-and-material", **selected}
    return MarkReady.model_validate({"kind": "mark-ready"} | given)


@pytest.mark.parametrize("place", [0, 11])
@pytest.mark.parametrize("code", ["server-error", "no-answer", "sql-timeout"])
def test_one_command_that_can_not_be_read_holds_up_none_behind_it(
    world: World, service: Service, place: int, code: str
) -> None:
    sales(world)
    Poisoned(world, Transient(code, "Not these."))
    contracts = [CONTRACT.id] * 11
    contracts.insert(place, BAD)
    given = [marking(contracts=[one]).model_dump(mode="json") for one in contracts]
    settled = service.commands.process([envelope(one, message_id=one["command"]) for one in given])
    assert Counter(ends(settled)) == {Complete: 11, RedeliverAt: 1}
    assert isinstance(settled[place], RedeliverAt)


def test_of_commands_that_go_together_only_the_one_that_can_not_be_read_waits(world: World) -> None:
    Poisoned(world, Transient("server-error", "Not this one."))
    good = [marking(rows=[sales(world)]) for _ in range(5)]
    bad = marking(rows=[BAD])
    outcomes = settle_in_turn([*good[:2], bad, *good[2:]], ReadinessHandler(ZONE), FixedPoint(world.dataverse))
    assert [type(outcomes[one]) for one in good] == [Settled] * 5
    assert isinstance(outcomes[bad], Unsettled)


@pytest.mark.parametrize("failure", [Throttled("busy", "Wait.", timedelta(seconds=5)), Transient("unreachable", "No.")])
def test_what_never_reached_dataverse_speaks_for_all(world: World, failure: ConnectorError) -> None:
    sales(world)
    line = Poisoned(world, failure)
    given = [marking(contracts=[BAD]) for _ in range(5)]
    outcomes = settle_in_turn(given, ReadinessHandler(ZONE), FixedPoint(world.dataverse))
    assert list(outcomes.values()) == [Unsettled(failure, operations=READING)] * 5
    assert line.asked == 1


def test_a_write_that_may_still_land_is_not_forgotten_over_what_can_not_be_read_then(world: World) -> None:
    given = [marking(rows=[sales(world)]) for _ in range(3)]
    world.dataverse.lose_the_answer(touches("msdyn_actual"))
    world.dataverse.after_commit = [
        lambda: None,
        lambda: world.dataverse.query_faults.extend([Transient("server-error", "Not now.")]),
    ]
    outcomes = settle_in_turn(given, ReadinessHandler(ZONE), FixedPoint(world.dataverse))
    assert [(type(one), one.unsure) for one in outcomes.values()] == [
        (Settled, True),
        (Settled, False),
        (Settled, False),
    ]


@pytest.mark.parametrize("code", ["no-answer", "sql-timeout", "server-error"])
def test_whoever_is_behind_several_that_can_not_be_read_comes_again_soon_and_spends_no_attempt(
    world: World, service: Service, code: str
) -> None:
    sales(world)
    line = Poisoned(world, Transient(code, "Not these."))
    given = [marking(contracts=[one]).model_dump(mode="json") for one in [CONTRACT.id, *[BAD] * 6, CONTRACT.id]]
    settled = service.commands.process([envelope(one, message_id=one["command"]) for one in given])
    assert isinstance(settled[0], Complete)
    again = [one for one in settled if isinstance(one, RedeliverAt)]
    assert [(one.attempt, one.code) for one in again] == [(1, code)] * 2 + [(0, "behind-unread")] * 5
    assert line.asked <= 6, "two commands, each tried three times at the most"


def test_rows_that_are_named_are_given_back_too_once_the_third_reading_failed(world: World) -> None:
    line = Poisoned(world, Transient("no-answer", "Not these."))
    good = [marking(rows=[sales(world)]) for _ in range(2)]
    bad = [marking(rows=[BAD]) for _ in range(5)]
    outcomes = settle_in_turn([good[0], *bad, good[1]], ReadinessHandler(ZONE), FixedPoint(world.dataverse))
    ends = [one.failure.code if isinstance(one, Unsettled) else "settled" for one in outcomes.values()]
    assert ends == ["settled", "no-answer", "no-answer", *["behind-unread"] * 4]
    assert line.asked == 3
