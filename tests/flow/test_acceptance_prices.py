"""The acceptance scenarios about prices, through the whole service; numbers are the scenarios'.

The approval carries no price in any of them, so that the lists decide; where the documentation ends in a price of zero,
the service holds the entry with the reason, or writes the zero if it is told to.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest

from connector.settlement import Complete
from handlers.actuals import ActualsHandler
from sandbox.company.names import company_id
from sandbox.company.submitted import Submitted
from sandbox.dataverse.product.choices import PriceCalculation
from sandbox.dataverse.product.entries import EXPENSE, TIME
from sandbox.dataverse.product.submission import submit
from sandbox.dataverse.unit_of_work import Link
from tests.flow.acceptance import DAY, Acceptance, cost, unbilled
from tests.flow.world import World

YEAR = (date(2026, 1, 1), date(2026, 12, 31))


@pytest.fixture
def scenario(world: World) -> Acceptance:
    return Acceptance(world, priced_by_lists=True)


def writes_zeros(world: World) -> None:
    """The administrator says that a price of zero is written all the same."""
    rules = world.mission.entries
    assert isinstance(rules, ActualsHandler)
    world.mission = replace(world.mission, entries=replace(rules, zero_price_is_held=False))


def test_scenario_19_overtime_costs_more_by_its_markup(scenario: Acceptance) -> None:
    """Eight regular hours at 100, two of overtime at 115: a markup of 15 percent for the category of the hours."""
    world = scenario.world
    dimensions: list[tuple[str, int, int]] = [
        ("msdyn_resourcecategory", 192350000, 1),
        ("msdyn_OrganizationalUnit", 192350000, 2),
        ("msdyn_transactioncategory", 192350001, 3),
    ]
    for name, kind, priority in dimensions:
        world.http(
            "POST",
            "msdyn_dimensions",
            {
                "msdyn_name": name,
                "msdyn_type": kind,
                "msdyn_applicabletocost": True,
                "msdyn_applicabletosales": kind == 192350000,
                "msdyn_applicabletopurchase": False,
                "msdyn_costpriority": priority,
                "msdyn_salespriority": priority,
            },
        )
    with scenario.building() as builder:
        builder.category("Overtime")
    costs, overtime = (
        company_id("pricelevel", "Fabrikam US cost 2026"),
        company_id("msdyn_transactioncategory", "Overtime"),
    )
    world.http(
        "POST",
        "msdyn_resourcecategorymarkuppricelevels",
        {
            "msdyn_pricelist@odata.bind": f"/pricelevels({costs})",
            "msdyn_transactioncategory@odata.bind": f"/msdyn_transactioncategories({overtime})",
            "msdyn_pricecalculation": 192350002,
            "msdyn_percent": 15,
        },
    )
    assert scenario.billed(scenario.time()) == [
        cost("8", "100", "800"),
        unbilled("8", "200", "1600", ("8", "100", "800")),
    ]
    with scenario.building() as builder:
        entry = builder.time("P1", "Ada", 120, DAY)
        builder.work.update(
            TIME.table, entry, {"msdyn_transactioncategory": Link("msdyn_transactioncategory", overtime)}
        )
        made = Submitted(
            TIME.table, entry, submit(builder.work, TIME, entry, company_id("msdyn_projectapproval", "19"))
        )
    extra = scenario.entry(made, "P1", "Ada", DAY)
    scenario.approve(extra)
    assert isinstance(scenario.work(extra), Complete)
    assert scenario.rows(extra) == [
        cost("2", "115", "230", category="Overtime"),
        unbilled("2", "200", "400", ("2", "115", "230"), category="Overtime"),
    ]


def test_scenario_20_airfare_is_charged_on_with_its_markup(scenario: Acceptance) -> None:
    of_airfare = {"role": None, "category": "Airfare"}
    assert scenario.billed(scenario.expense("Airfare", "500")) == [
        cost("1", "500", "500", list=None, **of_airfare),
        unbilled("1", "550", "550", ("1", "500", "500"), **of_airfare),
    ]


def mileage(scenario: Acceptance, unit: str) -> Submitted:
    """Ten units of mileage at 4.00 each; the contract has a price of 10.00 for a mile."""
    with scenario.building() as builder:
        builder.unit("Mile")
        builder.unit("Kilometre")
        builder.category("Mileage")
        builder.category_price("Adatum 2026", "Mileage", PriceCalculation.PER_UNIT, price=Decimal(10), unit="Mile")
        entry = builder.expense("P1", "Ada", "Mileage", Decimal(4), DAY, quantity=Decimal(10), unit=unit)
        return Submitted(EXPENSE.table, entry, submit(builder.work, EXPENSE, entry, company_id("approval", unit)))


def test_scenario_21_miles_are_charged_by_the_mile(scenario: Acceptance) -> None:
    entry = scenario.entry(mileage(scenario, "Mile"), "P1", "Ada", DAY)
    of_mileage = {"role": None, "category": "Mileage"}
    assert scenario.billed(entry) == [
        cost("10", "4", "40", list=None, **of_mileage),
        unbilled("10", "10", "100", ("10", "4", "40"), **of_mileage),
    ]


def test_scenario_21_kilometres_never_become_miles(scenario: Acceptance) -> None:
    entry = scenario.entry(mileage(scenario, "Kilometre"), "P1", "Ada", DAY)
    end = scenario.held(entry)
    assert end.code == "price-missing"
    assert "per Mile, the expense was entered per Kilometre, and units of expenses are never converted" in end.sentence
    writes_zeros(scenario.world)
    assert isinstance(scenario.work(entry), Complete)
    of_mileage = {"role": None, "category": "Mileage", "list": None}
    assert scenario.rows(entry) == [
        cost("10", "4", "40", **of_mileage),
        unbilled("10", "0", "0", ("10", "4", "40"), **of_mileage),
    ]


def test_scenario_23_cost_is_in_the_units_currency_and_sales_in_the_contracts(scenario: Acceptance) -> None:
    with scenario.building() as builder:
        yen = builder.currency("JPY", Decimal(123), 0)
        pound = builder.currency("GBP", Decimal("0.8"))
        builder.organizational_unit("Contoso UK", pound)
        builder.price_list("UK cost", pound, *YEAR, cost=True)
        builder.role_price("UK cost", "Developer", Decimal(50))
        builder.price_list("Yen 2026", yen, *YEAR)
        builder.role_price("Yen 2026", "Developer", Decimal(20000))
        builder.account("Wingtip")
        builder.contract("J", "Wingtip", "Wingtip", yen, "Yen 2026")
        builder.project("Y", "Wingtip", yen, "Contoso UK")
        builder.project_line("Y", "J", yen)
        builder.resource("Uma", "Developer", "Contoso UK")
        made = builder.submitted_time("Y", "Uma", 480, DAY, unit="Contoso UK")
    entry = scenario.entry(made, "Y", "Uma", DAY)
    where = {"project": "Wingtip", "contract": "ORD-J", "line": "J Y"}
    assert scenario.billed(entry) == [
        cost("8", "50", "400", currency="GBP", list="UK cost", **where),
        unbilled(
            "8", "20000", "160000", ("8", "7688", "61504"), currency="JPY", list="Yen 2026", customer="Wingtip", **where
        ),
    ]
    (sales,) = (
        row for row in scenario.world.books().live(str(entry.id)) if row["msdyn_transactiontypecode"] != 192350000
    )
    assert Decimal(str(sales["msdyn_amount_base"])) == Decimal("1300.81")


def test_scenario_24_the_price_is_that_of_the_entrys_day_not_of_its_approval(scenario: Acceptance) -> None:
    last, dollar = date(2025, 12, 31), scenario.dollar
    with scenario.building() as builder:
        builder.price_list("Adatum 2025", dollar, date(2025, 1, 1), last)
        builder.role_price("Adatum 2025", "Developer", Decimal(200))
        builder.contract_price_list("C1", "Adatum 2025")
        builder.price_list("Cost 2025", dollar, date(2025, 1, 1), last, cost=True)
        builder.role_price("Cost 2025", "Developer", Decimal(100))
        dearer = company_id("msdyn_resourcecategorypricelevel", "Adatum 2026/Developer")
        builder.work.update("msdyn_resourcecategorypricelevel", dearer, {"msdyn_price": Decimal(220)})
    assert scenario.billed(scenario.time(on=last)) == [
        cost("8", "100", "800", list="Cost 2025", days={last}),
        unbilled("8", "200", "1600", ("8", "100", "800"), list="Adatum 2025", days={last}),
    ]
    assert scenario.billed(scenario.time())[1]["amount"] == Decimal(1760)


@pytest.mark.parametrize("covering", [2, 0])
def test_scenario_25_two_lists_that_cover_the_day_are_as_bad_as_none(scenario: Acceptance, covering: int) -> None:
    dollar, on = scenario.dollar, DAY if covering else date(2027, 2, 3)
    with scenario.building() as builder:
        if covering:
            builder.price_list("Overlap", dollar, date(2026, 2, 1), date(2026, 2, 28))
            builder.role_price("Overlap", "Developer", Decimal(300))
            builder.contract_price_list("C1", "Overlap")
        else:
            builder.price_list("Cost 2027", dollar, date(2027, 1, 1), date(2027, 12, 31), cost=True)
            builder.role_price("Cost 2027", "Developer", Decimal(100))
    entry = scenario.time(on=on)
    end = scenario.held(entry)
    assert end.code == ("price-ambiguous" if covering else "price-missing")
    said = "Adatum 2026 and Overlap of the contract overlap" if covering else "Adatum 2026 is valid from 2026-01-01"
    assert said in end.sentence
    writes_zeros(scenario.world)
    assert isinstance(scenario.work(entry), Complete)
    assert scenario.rows(entry) == [
        cost("8", "100", "800", list="Fabrikam US cost 2026" if covering else "Cost 2027", days={on}),
        unbilled("8", "0", "0", ("8", "100", "800"), list=None, days={on}),
    ]


def test_scenario_27_minutes_are_rounded_to_hours_before_they_are_priced(scenario: Acceptance) -> None:
    assert scenario.billed(scenario.time(100)) == [
        cost("1.67", "100", "167"),
        unbilled("1.67", "200", "334", ("1.67", "100", "167")),
    ]
