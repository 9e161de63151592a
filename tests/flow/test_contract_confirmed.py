"""The product makes a contract's actuals anew when it is confirmed, and takes sales back when it is lost."""

from __future__ import annotations

from decimal import Decimal

import pytest

from connector.settlement import Complete
from handlers.fixed_point import FixedPoint, Settled
from sandbox.company.company import LoadedEntry
from sandbox.dataverse.product import Creation
from sandbox.dataverse.product.switches import Replacements
from tests.flow.world import World, ref

DRAFT, CONFIRMED, LOST = 192350000, 192350003, 192350005
COST, UNBILLED = 192350000, 192350005


def close(world: World, *reasons: int) -> None:
    """The contract's status reason is changed; from now on the product acts on it."""
    world.sandbox.switches.actuals = Creation.LATER
    for reason in reasons:
        world.http("PATCH", f"salesorders({world.company.contracts['C1']})", {"msdyn_psastatusreason": reason})


def said(world: World, entry: LoadedEntry) -> str:
    """What the service says of an entry, having looked at it three times without writing."""
    before = len(world.books()["msdyn_actuals"])
    for _ in range(3):
        assert [type(end) for end in world.work_on(entry)] == [Complete]
    assert len(world.books()["msdyn_actuals"]) == before
    outcome = FixedPoint(world.client).settle(world.mission.entries, [ref(entry)])[ref(entry)]
    assert isinstance(outcome, Settled)
    return outcome.because


@pytest.mark.parametrize("replacements", list(Replacements))
def test_actuals_made_anew_with_a_confirmed_contract_count_instead_of_ours(
    world: World, replacements: Replacements
) -> None:
    entry = world.time("P1", "Ada")
    world.approve(entry)
    world.work_on(entry)
    world.sandbox.switches.replacements = replacements
    close(world, DRAFT, CONFIRMED)
    because = said(world, entry)
    assert "Handled elsewhere" in because
    assert "no quantity differs" in because


def test_an_entry_approved_again_after_the_contract_was_confirmed_is_billed_once(world: World) -> None:
    """Its approval is cancelled, which takes the product's own rows back; what is approved then is made once."""
    entry = world.time("P1", "Ada")
    world.approve(entry)
    world.work_on(entry)
    close(world, DRAFT, CONFIRMED)
    world.cancel(entry)
    world.work_on(entry)
    assert world.live(entry) == []
    world.sandbox.switches.actuals = Creation.NEVER
    world.approve(entry)
    world.work_on(entry, entry)
    assert world.live(entry) == [(COST, Decimal(8)), (UNBILLED, Decimal(8))]


def test_sales_of_a_lost_contract_stay_taken_back_and_the_cost_stays(world: World) -> None:
    entry = world.time("P1", "Ada")
    world.approve(entry)
    world.work_on(entry)
    close(world, LOST)
    assert "adjusted by somebody else" in said(world, entry)
    assert world.live(entry) == [(COST, Decimal(8))]
