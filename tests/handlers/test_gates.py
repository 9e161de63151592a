"""What holds a plan back: the grace of whoever else acts on the approval, and the write ceiling."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from uuid import UUID

import pytest

from connector.dataverse.changes import Reference
from connector.errors import Misconfigured, Throttled
from handlers.fixed_point import FixedPoint, Outcome, Settled, Unsettled
from handlers.gate import Gate, Grace
from handlers.write_ceiling import FRESH, WINDOW, WriteCeiling
from mappings.tables import Ref
from tests.handlers.envelopes import NOW
from tests.handlers.judging import EIGHT_HOURS
from tests.handlers.world import USD, World

SERVICE, SOMEBODY = UUID(int=71), UUID(int=72)


class Clock:
    """The time, which stands still until it is moved."""

    def __init__(self) -> None:
        self.time = NOW

    def now(self) -> datetime:
        return self.time


@pytest.fixture
def clock() -> Clock:
    """A standing clock."""
    return Clock()


def ceiling(world: World, clock: Clock, rows: int = 0, usd: int | None = None) -> WriteCeiling:
    """A ceiling for the service's own user; an eight-hour day is two actuals of 800 and 1,600 dollars."""
    amount = None if usd is None else Decimal(usd)
    return WriteCeiling(
        world.dataverse, lambda: SERVICE, clock.now, rows, lambda code: amount if code == "USD" else None
    )


def settle(world: World, gate: Gate, *entries: Ref) -> list[Outcome]:
    """A worker behind this gate handles the entries."""
    outcomes = FixedPoint(world.dataverse, gates=(gate,)).settle(world.rules, list(entries))
    return [outcomes[entry] for entry in entries]


def written_earlier(world: World, when: datetime, by: UUID = SERVICE, amount: int = 100) -> None:
    """Somebody created an actual at some time."""
    world.dataverse.put(
        world.fresh("msdyn_actual"),
        msdyn_amount=Decimal(amount),
        transactioncurrencyid=USD,
        createdby=Reference("systemuser", by),
        createdon=when,
    )


def code(outcome: Outcome) -> str:
    """Under which code an entry was held back."""
    assert isinstance(outcome, Unsettled)
    return outcome.failure.code


def test_an_approval_of_a_moment_ago_is_left_to_others_and_nothing_is_written(world: World, clock: Clock) -> None:
    entry = world.approved()
    world.dataverse.put(world.approval_of(entry), modifiedon=NOW - timedelta(minutes=1))
    gate = Grace(timedelta(minutes=5), clock.now)
    (held,) = settle(world, gate, entry)
    assert isinstance(held, Unsettled)
    assert isinstance(held.failure, Throttled)
    assert held.failure.retry_after == timedelta(minutes=4)
    assert world.live(entry) == []
    clock.time += timedelta(minutes=4)
    assert isinstance(settle(world, gate, entry)[0], Settled)
    assert world.live(entry) == EIGHT_HOURS


def test_below_the_ceiling_everything_is_written_up_to_the_last_row(world: World, clock: Clock) -> None:
    entries = [world.approved(), world.approved()]
    gate = ceiling(world, clock, rows=4, usd=4800)
    assert all(isinstance(one, Settled) for one in settle(world, gate, *entries))


@pytest.mark.parametrize("limits", [{"rows": 3}, {"usd": 4799}])
def test_what_would_pass_the_ceiling_is_not_written_and_is_our_own_fault(
    world: World, clock: Clock, limits: dict[str, int]
) -> None:
    first, second = world.approved(), world.approved()
    gate = ceiling(world, clock, **limits)
    settled, held = settle(world, gate, first, second)
    assert isinstance(settled, Settled)
    assert isinstance(held, Unsettled)
    assert isinstance(held.failure, Misconfigured)
    assert held.failure.code == "write-ceiling"
    assert world.live(second) == []


@pytest.mark.parametrize(
    ("limits", "said", "end"),
    [
        ({"rows": 3}, "created 2 actuals within 24 hours; 2 more would pass the write ceiling of 3.", "move on."),
        ({"usd": 2399}, "created no actual in USD within 24 hours; what is to be written next would pass", "itself."),
        ({"usd": 4799}, "created actuals in USD within 24 hours; what is to be written next would pass", "move on."),
    ],
)
def test_it_says_what_was_written_what_it_would_pass_and_whether_waiting_helps(
    world: World, clock: Clock, limits: dict[str, int], said: str, end: str
) -> None:
    *_, held = settle(world, ceiling(world, clock, **limits), world.approved(), world.approved())
    assert isinstance(held, Unsettled)
    sentence = str(held.failure)
    assert said in sentence
    assert sentence.endswith(end)


def test_the_count_is_dataverses_so_that_a_restart_forgets_nothing(world: World, clock: Clock) -> None:
    for minutes in (1, 60, 1439):
        written_earlier(world, NOW - timedelta(minutes=minutes))
    written_earlier(world, NOW - WINDOW - timedelta(minutes=1))
    written_earlier(world, NOW, by=SOMEBODY)
    entry = world.approved()
    assert code(settle(world, ceiling(world, clock, rows=4), entry)[0]) == "write-ceiling"
    assert isinstance(settle(world, ceiling(world, clock, rows=5), entry)[0], Settled)


def test_a_withdrawal_counts_too_whichever_way_its_amounts_go(world: World, clock: Clock) -> None:
    entry = world.approved()
    settle(world, ceiling(world, clock), entry)
    world.cancel(entry)
    assert code(settle(world, ceiling(world, clock, usd=2399), entry)[0]) == "write-ceiling"
    assert world.live(entry) == EIGHT_HOURS
    assert isinstance(settle(world, ceiling(world, clock, usd=2400), entry)[0], Settled)
    assert world.live(entry) == []


def test_it_opens_again_when_the_window_has_moved_on_and_not_for_one_message_at_a_time(
    world: World, clock: Clock
) -> None:
    for minutes in range(20):
        written_earlier(world, NOW - WINDOW + timedelta(minutes=minutes))
    entry = world.approved()
    gate = ceiling(world, clock, rows=20)
    assert code(settle(world, gate, entry)[0]) == "write-ceiling"
    with pytest.raises(Misconfigured):
        gate.check()
    clock.time += timedelta(minutes=3)
    with pytest.raises(Misconfigured):
        gate.check()
    clock.time += timedelta(minutes=2)
    gate.check()
    assert isinstance(settle(world, gate, entry)[0], Settled)
    gate.check()


def test_work_larger_than_the_part_that_opens_it_again_still_passes_once_nothing_was_written(
    world: World, clock: Clock
) -> None:
    written_earlier(world, NOW - timedelta(hours=1))
    entry = world.approved()
    gate = ceiling(world, clock, rows=2)
    assert code(settle(world, gate, entry)[0]) == "write-ceiling"
    clock.time += WINDOW
    gate.check()
    assert isinstance(settle(world, gate, entry)[0], Settled)


def test_what_others_wrote_is_read_now_and_then_and_always_before_anything_is_held_back(
    world: World, clock: Clock
) -> None:
    gate = ceiling(world, clock, rows=6)
    settle(world, gate, world.approved())
    # Each is created in memory without its author: only what passes the gate is known of it until the next reading.
    settle(world, gate, world.approved())
    settle(world, gate, world.approved())
    readings = _readings(world)
    assert readings == 1
    settle(world, gate, world.approved())
    assert _readings(world) == 2
    clock.time += FRESH
    settle(world, gate, world.approved())
    assert _readings(world) == 3


def _readings(world: World) -> int:
    return sum(
        query.table == "msdyn_actual" and "createdby" in str(query.where)
        for request in world.dataverse.requests
        for query in request
    )


def test_what_passed_but_is_not_in_dataverse_is_counted_until_the_next_reading_only(world: World, clock: Clock) -> None:
    entry = world.approved()
    gate = ceiling(world, clock, rows=2)
    settle(world, gate, entry)
    clock.time += FRESH
    assert isinstance(settle(world, gate, world.approved())[0], Settled)
