"""Prices that neither approval nor journal line has are read from the environment's lists, over HTTP.

The ledger checker works prices out by role and unit from the lists as well; here are the figures themselves, the lists
they come from, and what it does not know: other dimensions, and markups.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from connector.settlement import Complete, DeadLetter
from sandbox.company.company import LoadedEntry
from tests.flow.world import World

COST, SALES = 192350000, 192350005


def left_open(world: World, entry: LoadedEntry, **prices: object) -> None:
    """The approver clears all prices but these, those of submission are lost, and the entry is approved."""
    origins = world.http("GET", f"msdyn_transactionorigins?$filter=msdyn_origin eq '{entry.id}'").json()["value"]
    for origin in origins:
        if origin["msdyn_transactiontype"] == "msdyn_journalline":
            world.http("PATCH", f"msdyn_journallines({origin['msdyn_transaction']})", {"msdyn_price": None})
    world.release(entry, **({"msdyn_costprice": None, "msdyn_salesprice": None} | prices))
    world.approve(entry)


def written(world: World, entry: LoadedEntry) -> dict[int, tuple[Decimal, Decimal, str]]:
    """Price, amount and price list of each side of an entry."""
    names = {row["pricelevelid"]: row["name"] for row in world.http("GET", "pricelevels").json()["value"]}

    def figures(row: dict[str, Any]) -> tuple[Decimal, Decimal, str]:
        price, amount = Decimal(str(row["msdyn_price"])), Decimal(str(row["msdyn_amount"]))
        return price, amount, names[row["_msdyn_pricelist_value"]]

    return {int(row["msdyn_transactiontypecode"]): figures(row) for row in world.books().live(str(entry.id))}  # type: ignore[call-overload]


def row_id(world: World, table: str, column: str, name: str) -> str:
    (row,) = world.http("GET", f"{table}?$filter={column} eq '{name}'").json()["value"]
    return str(next(value for key, value in row.items() if key in ("pricelevelid", "bookableresourceid", "uomid")))


def test_eight_hours_of_a_developer_are_priced_by_the_lists_of_unit_and_contract(world: World) -> None:
    """100 an hour on the cost list, 200 on Adatum's, by role alone."""
    entry = world.time("P1", "Ada")
    left_open(world, entry)
    (end,) = world.work_on(entry)
    assert isinstance(end, Complete)
    assert written(world, entry) == {
        COST: (Decimal(100), Decimal(800), "Fabrikam US cost 2026"),
        SALES: (Decimal(200), Decimal(1600), "Adatum 2026"),
    }


def dimension(world: World, name: str, priority: int, kind: int = 192350000) -> None:
    world.http(
        "POST",
        "msdyn_dimensions",
        {
            "msdyn_name": name,
            "msdyn_type": kind,
            "msdyn_applicabletocost": False,
            "msdyn_applicabletosales": True,
            "msdyn_applicabletopurchase": False,
            "msdyn_salespriority": priority,
        },
    )


def test_dimensions_that_were_added_markups_and_a_price_by_the_day_count_at_once(world: World) -> None:
    """Ada herself is sold at 2,000 a day of eight hours, which matters more than her role; all work is 10 percent up.

    Whether a dimension counts for costs is its own question: these do not.
    """
    dimension(world, "msdyn_bookableresource", 1)
    dimension(world, "msdyn_resourcecategory", 2)
    dimension(world, "msdyn_OrganizationalUnit", 3)
    dimension(world, "msdyn_transactioncategory", 4, kind=192350001)
    adatum, ada = row_id(world, "pricelevels", "name", "Adatum 2026"), row_id(world, "bookableresources", "name", "Ada")
    world.http(
        "POST",
        "msdyn_resourcecategorypricelevels",
        {
            "msdyn_PriceList@odata.bind": f"/pricelevels({adatum})",
            "msdyn_bookableresource@odata.bind": f"/bookableresources({ada})",
            "msdyn_Unit@odata.bind": f"/uoms({row_id(world, 'uoms', 'name', 'Day')})",
            "msdyn_pricecalculation": 192350000,
            "msdyn_price": 2000,
        },
    )
    world.http(
        "POST",
        "msdyn_resourcecategorymarkuppricelevels",
        {
            "msdyn_pricelist@odata.bind": f"/pricelevels({adatum})",
            "msdyn_pricecalculation": 192350002,
            "msdyn_percent": 10,
        },
    )
    entry, colleague = world.time("P1", "Ada"), world.time("P1", "Ben")
    for one in (entry, colleague):
        left_open(world, one, msdyn_costprice=100)
    world.work_on(entry, colleague)
    assert written(world, entry)[SALES] == (Decimal(275), Decimal(2200), "Adatum 2026")
    assert written(world, colleague)[SALES] == (Decimal(165), Decimal("1237.5"), "Adatum 2026")


def test_a_list_without_an_end_is_named_and_mending_it_is_enough(world: World) -> None:
    entry, adatum = world.time("P1", "Ada"), row_id(world, "pricelevels", "name", "Adatum 2026")
    end = world.http("GET", f"pricelevels({adatum})").json()["enddate"]
    world.http("PATCH", f"pricelevels({adatum})", {"enddate": None})
    left_open(world, entry)
    (held,) = world.work_on(entry)
    assert isinstance(held, DeadLetter)
    assert "Adatum 2026 has no end date and so is never valid" in held.sentence
    world.http("PATCH", f"pricelevels({adatum})", {"enddate": end})
    (done,) = world.work_on(entry)
    assert isinstance(done, Complete)
    assert written(world, entry)[SALES] == (Decimal(200), Decimal(1600), "Adatum 2026")
