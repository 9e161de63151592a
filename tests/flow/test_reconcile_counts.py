"""How many entries a run of reconcile says it looked at."""

from __future__ import annotations

from tests.flow.test_reconcile import A_WHILE, forgotten, kinds, look
from tests.flow.world import World, ref


def test_an_entry_left_open_that_the_window_shows_too_is_looked_at_once(world: World) -> None:
    entry = world.time("P1", "Ada")
    forgotten(world, entry)
    assert kinds(look(world)) == {ref(entry): ["missing", "missing"]}
    world.work_on(entry)
    world.sandbox.clock.advance(A_WHILE)
    again = look(world)
    assert (again.drifts, again.looked_at) == ((), 59)
