"""A billing type that the approval leaves open is what contract line, role and category say."""

from __future__ import annotations

from decimal import Decimal

import pytest

from mappings.tables import Ref
from tests.handlers.judging import refused
from tests.handlers.price_world import LODGING, PricedWorld, figures, settle
from tests.handlers.world import CHARGEABLE, CONTRACT, EUR, LINE, NON_CHARGEABLE, ROLE


@pytest.fixture
def world() -> PricedWorld:
    """Fabrikam and its price lists."""
    return PricedWorld()


def untyped(world: PricedWorld) -> Ref:
    entry = world.submit()
    world.approve(entry, msdyn_billingtype=None)
    return entry


@pytest.mark.parametrize(
    ("on_line", "in_master", "expected"),
    [
        (None, CHARGEABLE, CHARGEABLE),
        (None, NON_CHARGEABLE, NON_CHARGEABLE),
        (NON_CHARGEABLE, CHARGEABLE, NON_CHARGEABLE),
        (CHARGEABLE, NON_CHARGEABLE, CHARGEABLE),
    ],
)
def test_a_billing_type_the_approval_leaves_open_comes_from_line_or_role(
    world: PricedWorld, on_line: int | None, in_master: int, expected: int
) -> None:
    world.dataverse.put(ROLE, msdyn_billingtype=in_master)
    if on_line is not None:
        row = world.fresh("msdyn_orderlineresourcecategory")
        world.dataverse.put(row, msdyn_contractlineid=LINE, msdyn_resourcecategory=ROLE, msdyn_billingtype=on_line)
    entry = untyped(world)
    settle(world, entry)
    assert [billing for _, billing, *_ in figures(world, entry)] == [expected, expected]


def test_a_billing_type_of_an_expense_comes_from_its_category(world: PricedWorld) -> None:
    world.dataverse.put(LODGING, msdyn_billingtype=NON_CHARGEABLE)
    entry = world.hotel(msdyn_billingtype=None, msdyn_salesprice=Decimal(150))
    world.dataverse.put(CONTRACT, transactioncurrencyid=EUR)
    settle(world, entry)
    assert [billing for _, billing, *_ in figures(world, entry)] == [NON_CHARGEABLE, NON_CHARGEABLE]


def test_a_billing_type_nobody_knows_is_held(world: PricedWorld) -> None:
    world.dataverse.put(ROLE, msdyn_billingtype=None)
    assert refused(settle(world, untyped(world))[0]).code == "billing-type-missing"
