"""A billing type that the approval leaves open is what contract line, role and category say."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from mappings.profile import Profile, Tie
from mappings.tables import Ref
from tests.handlers.judging import refused
from tests.handlers.price_world import LODGING, PricedWorld, figures, settle
from tests.handlers.world import CHARGEABLE, CONTRACT, EUR, LINE, NON_CHARGEABLE, ROLE, new

TASK = new("msdyn_projecttask", 61)


@pytest.fixture
def world() -> PricedWorld:
    """Fabrikam and its price lists."""
    return PricedWorld()


def untyped(world: PricedWorld, **changes: Any) -> Ref:
    entry = world.submit(**changes)
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


@pytest.mark.parametrize(
    ("task", "expected"), [(CHARGEABLE, CHARGEABLE), (NON_CHARGEABLE, NON_CHARGEABLE), (None, None)]
)
def test_a_task_that_a_line_selects_must_be_chargeable_too_where_its_table_tells(
    world: PricedWorld, task: int | None, expected: int | None
) -> None:
    tie = Tie("new_linetask", "new_line", "new_task", "new_type")
    profile = Profile(line_tasks=tie)
    world.dataverse.put(ROLE, msdyn_billingtype=CHARGEABLE)
    world.dataverse.put(world.fresh("new_linetask"), new_line=LINE, new_task=TASK, new_type=task)
    entry = untyped(world, msdyn_projecttask=TASK)
    (outcome,) = settle(world, entry, profile=profile)
    if expected is None:
        assert refused(outcome).code == "billing-type-missing"
        assert "master of its task" in refused(outcome).sentence
    else:
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
