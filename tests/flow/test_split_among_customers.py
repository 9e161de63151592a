"""Work that somebody split among several customers of a contract: it is told, and never written a second time."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

import pytest

from connector.settlement import Complete
from sandbox.company.company import LoadedEntry
from sandbox.company.names import company_id
from sandbox.dataverse.product import Creation
from tests.flow.acceptance import Acceptance
from tests.flow.checker.books import number
from tests.flow.second_writer import GRACE, Shop
from tests.flow.world import World

THIRDS = (Decimal("3.33"), Decimal("3.33"), Decimal("3.34"))


@pytest.fixture
def customers(world: World) -> list[str]:
    """Two more customers of Adatum's contract; Adatum itself takes what rounding leaves."""
    others = [
        world.http("POST", "accounts", {"name": name}, Prefer="return=representation").json()["accountid"]
        for name in ("B", "C")
    ]
    return [*others, str(company_id("account", "Adatum Corporation"))]


def split(world: World, shop: Shop, customers: Sequence[str]) -> LoadedEntry:
    """Acceptance scenario 13: ten hours at 150, of which each customer pays a third."""
    entry = Acceptance(world).time(600)
    world.release(entry, msdyn_salesprice=150)
    shop.approve(entry)
    world.write_foreign_cost(entry, Decimal(10))
    for customer, hours in zip(customers, THIRDS, strict=False):
        world.write_foreign_sales(entry, "C1", customer, hours, 150)
    shop.passes(GRACE)
    return entry


def named(customers: Sequence[str]) -> str:
    return ", ".join(sorted(f"account({id})" for id in customers))


def test_scenario_13_what_is_split_among_the_customers_agrees_and_is_told(world: World, customers: list[str]) -> None:
    shop = Shop(world, Creation.NEVER, verifies=True)
    entry = split(world, shop, customers)
    (end,) = shop.deliver()
    told = f"Its sales are split among 3 customers: {named(customers)}."
    assert end == Complete(f"The ledger agrees with the approval. {told}")
    assert shop.found() == {}
    sales = [row for row in world.books().live(str(entry.id)) if row["msdyn_transactiontypecode"] == 192350005]
    figures = {row["_msdyn_accountcustomer_value"]: number(row["msdyn_amount"]) for row in sales}
    assert figures == dict(zip(customers, map(Decimal, ("499.50", "499.50", "501.00")), strict=True))
    assert sum(number(row["msdyn_quantity"]) for row in sales) == 10
    assert sum(figures.values()) == 1500


def test_scenario_13_a_customers_part_that_is_lacking_is_found_and_who_has_theirs_is_told(
    world: World, customers: list[str]
) -> None:
    shop = Shop(world, Creation.NEVER, verifies=True)
    split(world, shop, customers[:2])
    (end,) = shop.deliver()
    assert isinstance(end, Complete)
    assert f"Its sales are split among 2 customers: {named(customers[:2])}." in end.because
    assert list(shop.found().values()) == [["differing", "differing"]]


def test_scenario_13_the_service_adds_nothing_to_what_somebody_split(world: World, customers: list[str]) -> None:
    shop = Shop(world, Creation.NEVER)
    entry = split(world, shop, customers)
    before = world.books().live(str(entry.id))
    for end in (*shop.deliver(), *shop.deliver()):
        assert isinstance(end, Complete)
        assert end.because.startswith("Handled elsewhere: ")
        told = f"no quantity differs. Its sales are split among 3 customers: {named(customers)}."
        assert end.because.endswith(told)
    assert world.books().live(str(entry.id)) == before
