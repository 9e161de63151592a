"""An event of an earlier approval comes again when the entry was just approved anew: the product still has its time."""

from __future__ import annotations

import pytest

from sandbox.dataverse.product import Creation
from tests.flow.second_writer import EARLY, GRACE, Shop, ends
from tests.flow.test_actuals import ONCE
from tests.flow.world import World


@pytest.mark.parametrize("verifies", [True, False])
def test_an_old_event_does_not_cut_the_grace_of_a_new_approval_short(world: World, verifies: bool) -> None:
    shop, entry = Shop(world, Creation.LATER, EARLY, verifies=verifies), world.time("P1", "Ada")
    shop.approve(entry)
    shop.passes(GRACE)
    shop.deliver()
    shop.cancel(entry)
    shop.passes(GRACE)
    assert set(ends(shop.deliver())) == {"Complete"}
    shop.approve(entry)
    assert set(ends(shop.deliver())) == {"RedeliverAt"}
    assert world.live(entry) == []
    shop.passes(GRACE)
    assert set(ends(shop.deliver())) == {"Complete"}
    assert world.live(entry) == ONCE
    assert world.faults() == []
