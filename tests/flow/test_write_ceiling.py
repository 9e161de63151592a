"""The write ceiling over the queue: what would pass it waits there, nothing goes aside, and the work goes on."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

from sandbox.world import EVENTS
from service.ceiling_settings import WriteCeilingSettings
from tests.flow.queue_world import listen, run_until_drained, run_until_paused
from tests.flow.test_actuals import ONCE
from tests.flow.world import World

TWO_ENTRIES = WriteCeilingSettings(rows=5)
"""Of two actuals each, and one more that no entry has."""


def test_above_the_ceiling_everything_is_kept_also_by_a_restart_until_the_ceiling_is_raised(world: World) -> None:
    listen(world)
    entries = [world.time("P1", "Ada", number) for number in range(4)]
    for entry in entries:
        world.approve(entry)
    for _ in range(2):
        run_until_paused(world, TWO_ENTRIES)
        assert sorted(len(world.live(entry)) for entry in entries) == [0, 0, 2, 2]
        counts = world.sandbox.bus.counts(EVENTS)
        assert counts.active + counts.locked + counts.scheduled >= 2
        assert counts.dead_letter == 0
    run_until_drained(world, ceiling=WriteCeilingSettings(rows=8))
    assert [world.live(entry) for entry in entries] == [ONCE] * 4
    assert world.sandbox.bus.counts(EVENTS).dead_letter == 0
    assert world.faults() == []


def test_a_correction_is_held_back_too_and_the_service_goes_on_by_itself_as_the_day_passes(world: World) -> None:
    listen(world)
    entry = world.time("P1", "Ada")
    world.approve(entry)
    run_until_drained(world, ceiling=WriteCeilingSettings(amount={"USD": Decimal(2400)}))
    world.cancel(entry)

    def next_day() -> None:
        assert world.live(entry) == ONCE
        world.sandbox.clock.advance(timedelta(hours=25))

    run_until_paused(world, WriteCeilingSettings(amount={"USD": Decimal(2400)}), next_day)
    assert world.live(entry) == []
    assert world.sandbox.bus.counts(EVENTS).dead_letter == 0
    assert world.faults() == []
