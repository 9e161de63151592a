"""By which facts of the work its price is looked up: dimensions an administrator set, and the units of both sides."""

from __future__ import annotations

from decimal import Decimal

import pytest

from connector.dataverse.changes import Reference
from mappings.profile import Profile, Tie
from tests.handlers.price_world import COST as FOR_COST
from tests.handlers.price_world import HOUR, PricedWorld, figures, settle
from tests.handlers.world import CHARGEABLE, COST, INDIA, UNBILLED, new

UNIT_LISTS = Tie("msdyn_organizationalunit_pricelevel", "msdyn_organizationalunitid", "pricelevelid")
BY_LISTS = [(COST, CHARGEABLE, "110.00", "880.00"), (UNBILLED, CHARGEABLE, "210.00", "1680.00")]


@pytest.fixture
def world() -> PricedWorld:
    """Fabrikam and its price lists."""
    return PricedWorld()


def dimension(world: PricedWorld, name: str, priority: int, kind: int = 192350000) -> Reference:
    row = world.fresh("msdyn_dimension")
    world.dataverse.put(
        row,
        msdyn_name=name,
        msdyn_type=kind,
        msdyn_applicabletocost=True,
        msdyn_applicabletosales=True,
        msdyn_costpriority=priority,
        msdyn_salespriority=priority,
    )
    return row


def test_dimensions_of_the_administrators_are_read_from_entry_and_rows_and_markups_added(world: PricedWorld) -> None:
    """Overtime is 15 percent up on both sides, and seniors cost 130; the entry calls the band by another name."""
    dimension(world, "msdyn_resourcecategory", 2)
    dimension(world, "msdyn_OrganizationalUnit", 3)
    band = dimension(world, "new_Band", 1)
    dimension(world, "new_hours", 4, kind=192350001)
    world.dataverse.put(
        world.fresh("msdyn_dimensionfieldname"),
        msdyn_dimensionid=band,
        msdyn_entitylogicalname="msdyn_timeentry",
        msdyn_fieldname="new_SalaryBand",
    )
    senior = new("new_band", 71)
    world.role_price(world.costs, "130", new_band=senior)
    for price_list in (world.costs, world.sells):
        markup = world.fresh("msdyn_resourcecategorymarkuppricelevel")
        world.dataverse.put(markup, msdyn_pricelist=price_list, new_hours=2, msdyn_percent=Decimal(15))
    plain = world.unpriced(new_salaryband=None, new_hours=1)
    late = world.unpriced(new_salaryband=None, new_hours=2)
    late_senior = world.unpriced(new_salaryband=senior, new_hours=2)
    settle(world, plain, late, late_senior)
    assert figures(world, plain) == BY_LISTS
    assert figures(world, late) == [
        (COST, CHARGEABLE, "126.50", "1012.00"),
        (UNBILLED, CHARGEABLE, "241.50", "1932.00"),
    ]
    assert figures(world, late_senior)[0] == (COST, CHARGEABLE, "149.50", "1196.00")


def test_without_a_role_among_the_dimensions_rows_of_any_role_count(world: PricedWorld) -> None:
    dimension(world, "msdyn_organizationalunit", 1)
    for row in (world.cost_price, world.sales_price):
        world.dataverse.put(row, msdyn_resourcecategory=new("bookableresourcecategory", 98))
    entry = world.unpriced()
    settle(world, entry)
    assert figures(world, entry) == BY_LISTS


@pytest.mark.parametrize("attached", [False, True])
def test_work_for_another_unit_reads_both_units_lists_though_the_approval_is_priced(
    world: PricedWorld, attached: bool
) -> None:
    """The other unit's list hangs on the parameters, or on the unit itself."""
    rupee = new("transactioncurrency", 97)
    world.dataverse.put(rupee, isocurrencycode="INR", currencyprecision=2, exchangerate=Decimal(80))
    world.dataverse.put(INDIA, msdyn_currency=rupee)
    india = world.price_list("India costs", FOR_COST, transactioncurrencyid=rupee)
    world.role_price(india, "1000", msdyn_unit=(day := world.fresh("uom")))
    world.dataverse.put(day, name="Long day", quantity=Decimal(10), baseuom=HOUR)
    world.role_price(world.costs, "67", msdyn_organizationalunit=INDIA)
    if attached:
        ids = {UNIT_LISTS.left: INDIA.id, UNIT_LISTS.right: india.id}
        world.dataverse.put(world.fresh(UNIT_LISTS.table), **ids)
    else:
        world.dataverse.put(world.fresh("msdyn_projectparameterpricelist"), msdyn_pricelist=india)
    entry = world.submit(msdyn_resourceorganizationalunitid=INDIA)
    world.dataverse.put(world.approval_of(entry), msdyn_costprice=Decimal(67), msdyn_salesprice=Decimal(112))
    world.approve(entry)
    settle(world, entry, profile=Profile(unit_cost_lists=UNIT_LISTS))
    assert [(kind, price, amount) for kind, _, price, amount in figures(world, entry)] == [
        (COST, "67.00", "536.00"),
        (UNBILLED, "112.00", "896.00"),
        (192350007, "100.00", "800.00"),
        (192350008, "67.00", "536.00"),
    ]


def test_a_role_that_counts_for_sales_only_does_not_keep_rows_of_others_from_the_costs(world: PricedWorld) -> None:
    role = dimension(world, "msdyn_resourcecategory", 1)
    world.dataverse.put(role, msdyn_applicabletocost=False)
    world.dataverse.put(world.cost_price, msdyn_resourcecategory=new("bookableresourcecategory", 96))
    entry = world.unpriced()
    settle(world, entry)
    assert figures(world, entry) == BY_LISTS
