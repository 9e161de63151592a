"""Where the product creates actuals the service verifies them, with every event and every run, and writes nothing."""

from __future__ import annotations

from connector.settlement import Complete
from sandbox.dataverse.product import Creation
from tests.flow.second_writer import EARLY, GRACE, LATE, Shop, ends
from tests.flow.test_actuals import ONCE
from tests.flow.world import World, ref


def test_below_the_grace_the_products_rows_agree_and_nothing_is_written(world: World) -> None:
    shop, entry = Shop(world, Creation.LATER, EARLY, verifies=True), world.time("P1", "Ada")
    shop.approve(entry)
    assert ends(shop.deliver()) == ["RedeliverAt"]
    shop.passes(GRACE)
    (end,) = shop.deliver()
    assert end == Complete("The ledger agrees with the approval.")
    assert world.live(entry) == ONCE


def test_above_the_grace_they_are_missing_until_they_are_there(world: World) -> None:
    shop, entry = Shop(world, Creation.LATER, LATE, verifies=True), world.time("P1", "Ada")
    shop.approve(entry)
    shop.passes(GRACE)
    assert ends(shop.deliver()) == ["actuals-missing"]
    assert shop.found() == {ref(entry): ["missing", "missing"]}
    shop.passes(LATE)
    assert ends(shop.deliver()) == ["Complete"]
    assert shop.found() == {}


def test_a_row_the_product_made_twice_is_named(world: World) -> None:
    shop, entry = Shop(world, Creation.AT_ONCE, verifies=True), world.time("P1", "Ada")
    shop.approve(entry)
    world.write_foreign_cost(entry)
    shop.passes(GRACE)
    assert ends(shop.deliver()) == ["doubled"]
    assert "doubled" in shop.found()[ref(entry)]


def test_sales_the_product_made_twice_are_kept_from_being_marked_ready(world: World) -> None:
    shop, twice, once = (
        Shop(world, Creation.AT_ONCE, verifies=True),
        world.time("P1", "Ada"),
        world.time("P1", "Ada", 1),
    )
    shop.approve(twice)
    shop.approve(once)
    world.write_foreign_sales(twice, "C1")
    shop.passes(GRACE)
    assert ends(shop.deliver()) == ["doubled", "Complete"]
    outcome = shop.ready()
    assert len(outcome["marked"]) == 1
    assert len(outcome["refused"]) == 2


def test_a_whole_company_that_the_product_billed_agrees_to_the_cent(world: World) -> None:
    shop = Shop(world, Creation.AT_ONCE, verifies=True)
    for project in ("P1", "P2", "P3", "P4"):
        for entry in world.company.of_project(project):
            shop.approve(entry)
    shop.passes(GRACE)
    assert set(ends(shop.deliver())) == {"Complete"}
    assert shop.found() == {}
