"""Prices and settings that an approval leaves open are read from the lists: when, how often, and what comes of it."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from handlers.actuals import ActualsHandler
from handlers.fixed_point import FixedPoint, Settled
from mappings.profile import Profile, SeveralCostLists, Tie
from mappings.tables import Ref
from tests.handlers.judging import refused
from tests.handlers.price_world import COST as FOR_COST
from tests.handlers.price_world import EACH, LODGING, PricedWorld, figures, settle
from tests.handlers.world import (
    CHARGEABLE,
    CONTRACT,
    COST,
    EUR,
    GO_LIVE,
    UNBILLED,
    UNIT,
    USD,
    ZONE,
    new,
)

UNIT_LISTS = Tie("msdyn_organizationalunit_pricelevel", "msdyn_organizationalunitid", "pricelevelid")


@pytest.fixture
def world() -> PricedWorld:
    """Fabrikam and its price lists."""
    return PricedWorld()


BY_LISTS = [(COST, CHARGEABLE, "110.00", "880.00"), (UNBILLED, CHARGEABLE, "210.00", "1680.00")]
AS_APPROVED = [(COST, CHARGEABLE, "100.00", "800.00"), (UNBILLED, CHARGEABLE, "200.00", "1600.00")]


def test_prices_the_approval_leaves_open_come_from_the_lists_and_the_rows_name_them(world: PricedWorld) -> None:
    entry = world.unpriced()
    settle(world, entry)
    assert figures(world, entry) == BY_LISTS
    lists = {cells["msdyn_transactiontypecode"]: cells["msdyn_pricelist"] for cells in world.actuals(entry).values()}
    assert lists == {COST: world.costs, UNBILLED: world.sells}


def test_two_requests_more_for_any_number_of_entries(world: PricedWorld) -> None:
    def requests(*entries: Ref) -> int:
        world.dataverse.requests.clear()
        ActualsHandler(GO_LIVE, ZONE).gather(entries, world.dataverse)
        return len(world.dataverse.requests)

    plain = requests(world.approved())
    one = requests(world.unpriced())
    assert one == plain + 2
    many = [world.unpriced() for _ in range(30)] + [world.hotel() for _ in range(30)]
    assert requests(*many, *(world.approved() for _ in range(30))) == one


def test_entries_with_and_without_prices_of_their_own_go_together(world: PricedWorld) -> None:
    open_one, closed = world.unpriced(), world.approved()
    settle(world, open_one, closed)
    assert (figures(world, open_one), figures(world, closed)) == (BY_LISTS, AS_APPROVED)


def test_only_the_side_left_open_is_priced_from_the_lists(world: PricedWorld) -> None:
    entry = world.submit()
    world.approve(entry, msdyn_salesprice=None)
    settle(world, entry)
    assert figures(world, entry) == [AS_APPROVED[0], BY_LISTS[1]]


def test_nothing_is_remembered_a_list_that_was_mended_counts_at_once(world: PricedWorld) -> None:
    entry = world.unpriced()
    world.dataverse.put(world.sales_price, statecode=1)
    handler, fixed_point = ActualsHandler(GO_LIVE, ZONE), FixedPoint(world.dataverse)
    held = refused(fixed_point.settle(handler, [entry])[entry])
    assert held.code == "price-missing"
    assert "Adatum 2026 covers 2026-02-10, but has no row for the role." in held.sentence
    world.dataverse.put(world.sales_price, statecode=0)
    assert isinstance(fixed_point.settle(handler, [entry])[entry], Settled)
    assert figures(world, entry) == BY_LISTS


@pytest.mark.parametrize(
    ("released", "code"),
    [({"msdyn_salesprice": Decimal(0)}, "price-zero"), ({"msdyn_salesprice": None}, "price-missing")],
)
def test_a_zero_and_a_missing_price_are_held_with_what_the_lists_say(
    world: PricedWorld, released: dict[str, Any], code: str
) -> None:
    world.dataverse.put(world.sells, enddate=None)
    entry = world.submit()
    world.approve(entry, **released)
    held = refused(settle(world, entry)[0])
    assert held.code == code
    assert "Adatum 2026 has no end date and so is never valid" in held.sentence
    assert not world.actuals(entry)


def test_two_lists_for_one_day_are_named_or_written_as_zero(world: PricedWorld) -> None:
    second = world.price_list("Adatum special", 192350002)
    world.dataverse.put(world.fresh("msdyn_orderpricelist"), msdyn_contract=CONTRACT, msdyn_pricelist=second)
    entry = world.unpriced()
    held = refused(settle(world, entry)[0])
    assert held.code == "price-ambiguous"
    assert "Adatum 2026 and Adatum special of the contract overlap" in held.sentence
    settle(world, entry, zero_price_is_held=False)
    assert figures(world, entry) == [BY_LISTS[0], (UNBILLED, CHARGEABLE, "0.00", "0.00")]


@pytest.mark.parametrize("table", ["msdyn_orderpricelist", "msdyn_projectparameterpricelist"])
def test_a_tie_that_was_deactivated_ties_nothing(world: PricedWorld, table: str) -> None:
    for tie in world.dataverse.rows.of(table):
        world.dataverse.put(tie, statecode=1)
    assert refused(settle(world, world.unpriced())[0]).code == "price-missing"


def test_rows_of_other_roles_and_lists_are_not_even_read(world: PricedWorld) -> None:
    stranger = world.role_price(world.sells, "1", role=new("bookableresourcecategory", 99))
    world.role_price(world.price_list("Nobody's", 192350002), "2")
    for_anyone = world.role_price(world.sells, "150", role=None)
    entry = world.unpriced()
    settle(world, entry)
    questions = [
        query
        for request in world.dataverse.requests
        for query in request
        if query.table == "msdyn_resourcecategorypricelevel"
    ]
    read = {record.row for question in questions for record in world.dataverse.query([question])[0]}
    assert read == {world.cost_price, world.sales_price, for_anyone}
    assert stranger not in read
    assert figures(world, entry) == BY_LISTS


def test_a_list_on_the_contracting_unit_counts_before_the_parameters(world: PricedWorld) -> None:
    """The tie is the table behind a many-to-many relationship: it has bare ids, not lookups."""
    own = world.price_list("Robotics costs", FOR_COST)
    world.role_price(own, "95")
    tie = world.fresh(UNIT_LISTS.table)
    world.dataverse.put(tie, **{UNIT_LISTS.left: UNIT.id, UNIT_LISTS.right: own.id})
    with_tie, without = world.unpriced(), world.unpriced()
    settle(world, with_tie, profile=Profile(unit_cost_lists=UNIT_LISTS))
    settle(world, without)
    assert figures(world, with_tie)[0] == (COST, CHARGEABLE, "95.00", "760.00")
    assert figures(world, without)[0] == BY_LISTS[0]


def test_of_two_cost_lists_the_profile_says_what_counts(world: PricedWorld) -> None:
    world.dataverse.later(days=1)
    newer = world.price_list("Newer costs", FOR_COST)
    world.role_price(newer, "120")
    world.dataverse.put(world.fresh("msdyn_projectparameterpricelist"), msdyn_pricelist=newer)
    entry = world.unpriced()
    assert refused(settle(world, entry)[0]).code == "price-ambiguous"
    settle(world, entry, profile=Profile(several_cost_lists=SeveralCostLists.MOST_RECENT))
    assert figures(world, entry)[0] == (COST, CHARGEABLE, "120.00", "960.00")


@pytest.mark.parametrize("agnostic", [False, True])
def test_the_parameter_that_cost_lists_count_whatever_their_currency_is_read(
    world: PricedWorld, agnostic: bool
) -> None:
    world.dataverse.put(world.costs, transactioncurrencyid=EUR)
    parameter = world.fresh("msdyn_projectparameter")
    world.dataverse.put(parameter, msdyn_pricelistdefaultingiscurrencyagnostic=agnostic)
    entry = world.unpriced()
    (outcome,) = settle(world, entry)
    if agnostic:
        assert figures(world, entry) == BY_LISTS
    else:
        assert "No active cost price list in USD is attached to the project parameters" in refused(outcome).sentence


def category_price(world: PricedWorld, **values: Any) -> None:
    row = world.fresh("msdyn_transactioncategorypricelevel")
    plain = {"msdyn_pricelist": world.sells, "msdyn_transactioncategory": LODGING, "msdyn_unit": EACH}
    world.dataverse.put(row, **(plain | {"transactioncurrencyid": USD} | values))


@pytest.mark.parametrize(
    ("values", "price"),
    [
        ({"msdyn_pricecalculation": 192350001}, "159.57"),
        ({"msdyn_pricecalculation": 192350002, "msdyn_percent": Decimal(10)}, "175.53"),
        ({"msdyn_pricecalculation": 192350000, "msdyn_price": Decimal(180)}, "180.00"),
    ],
)
def test_an_expense_is_sold_by_the_category_behind_its_own(
    world: PricedWorld, values: dict[str, Any], price: str
) -> None:
    """150 euros at 0.94 to the dollar."""
    category_price(world, **values)
    entry = world.hotel()
    settle(world, entry)
    assert figures(world, entry) == [
        (COST, CHARGEABLE, "150.00", "150.00"),
        (UNBILLED, CHARGEABLE, price, price),
    ]
    assert {cells["transactioncurrencyid"] for cells in world.actuals(entry).values()} == {USD, EUR}


@pytest.mark.parametrize(
    ("zone", "late"),
    [
        ("America/New_York", datetime(2027, 1, 1, 4, 30, tzinfo=UTC)),
        ("Pacific/Honolulu", datetime(2027, 1, 1, 9, 30, tzinfo=UTC)),
        ("Pacific/Apia", datetime(2026, 12, 31, 10, 30, tzinfo=UTC)),
        ("Europe/Berlin", datetime(2026, 12, 31, 22, 30, tzinfo=UTC)),
    ],
)
def test_work_at_half_past_eleven_of_the_last_day_is_priced_by_the_list_of_that_day(
    world: PricedWorld, zone: str, late: datetime
) -> None:
    """The contracting unit's zone decides, whatever the service's own."""
    where = ZoneInfo(zone)

    def midnight(year: int, month: int, day: int) -> datetime:
        return datetime(year, month, day, tzinfo=where).astimezone(UTC)

    for price_list in (world.costs, world.sells):
        world.dataverse.put(price_list, begindate=midnight(2026, 1, 1), enddate=midnight(2026, 12, 31))
    following = {"begindate": midnight(2027, 1, 1), "enddate": midnight(2027, 12, 31)}
    next_year = world.price_list("Adatum 2027", 192350002, **following)
    world.role_price(next_year, "999")
    world.dataverse.put(world.fresh("msdyn_orderpricelist"), msdyn_contract=CONTRACT, msdyn_pricelist=next_year)
    entry = world.unpriced(msdyn_date=late)
    settle(world, entry, unit_zones={UNIT.id: where})
    assert figures(world, entry) == BY_LISTS
