"""Business days far from New York: UTC+13, UTC-10, the nights the clocks change, and the last night of a price list.

The company's price lists begin and end at midnights of its own zone. Each entry stands late on the evening before a
change of lists: a service that told days in UTC, or in the zone of its host, would take the other list.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest

from connector.settlement import Complete
from handlers.actuals import ActualsHandler
from sandbox.company.company import LoadedEntry
from sandbox.company.names import company_id
from sandbox.company.submitted import Submitted
from sandbox.dataverse.product.entries import TIME
from sandbox.dataverse.product.submission import submit
from tests.flow.acceptance import Acceptance
from tests.flow.ledger_checker import faults
from tests.flow.world import World

AUCKLAND, HONOLULU, NEW_YORK = ZoneInfo("Pacific/Auckland"), ZoneInfo("Pacific/Honolulu"), ZoneInfo("America/New_York")
LISTS = ("Adatum 2026", "Fabrikam US cost 2026")


def in_zone(scenario: Acceptance, zone: ZoneInfo, change: date) -> None:
    """The service tells days in ``zone``; the lists end before ``change``, when dearer ones begin."""
    world = scenario.world
    rules = world.mission.entries
    assert isinstance(rules, ActualsHandler)
    world.mission = replace(world.mission, entries=replace(rules, zone=zone, start_from=date(2025, 1, 1)))
    dollar = scenario.dollar
    with scenario.building() as builder:
        builder.price_list("Dearer", dollar, change, date(2026, 12, 31))
        builder.role_price("Dearer", "Developer", Decimal(300))
        builder.contract_price_list("C1", "Dearer")
        builder.price_list("Dearer cost", dollar, change, date(2026, 12, 31), cost=True)
        builder.role_price("Dearer cost", "Developer", Decimal(150))
        for name in LISTS:
            dates = {"begindate": midnight(date(2025, 6, 1), zone), "enddate": midnight(change - timedelta(1), zone)}
            builder.work.update("pricelevel", company_id("pricelevel", name), dates)
        for name in ("Dearer", "Dearer cost"):
            dates = {"begindate": midnight(change, zone), "enddate": midnight(date(2026, 12, 31), zone)}
            builder.work.update("pricelevel", company_id("pricelevel", name), dates)


def midnight(day: date, zone: ZoneInfo) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=zone).astimezone(UTC)


def entered_at(scenario: Acceptance, instant: datetime) -> LoadedEntry:
    """Eight hours of Ada's that carry this instant."""
    with scenario.building() as builder:
        entry = builder.time("P1", "Ada", 480, date(2026, 2, 10))
        builder.work.update(TIME.table, entry, {"msdyn_date": instant, "msdyn_start": instant})
        made = Submitted(TIME.table, entry, submit(builder.work, TIME, entry, company_id("approval", str(entry))))
    return scenario.entry(made, "P1", "Ada", instant.date())


CHANGES = [
    pytest.param(AUCKLAND, date(2026, 1, 1), id="UTC+13, new year"),
    pytest.param(HONOLULU, date(2026, 1, 1), id="UTC-10, new year"),
    pytest.param(AUCKLAND, date(2026, 4, 5), id="Auckland's longest day"),
    pytest.param(AUCKLAND, date(2026, 4, 6), id="the day after Auckland's longest"),
    pytest.param(AUCKLAND, date(2026, 9, 28), id="the day after Auckland's shortest"),
    pytest.param(NEW_YORK, date(2026, 3, 8), id="New York's shortest day"),
    pytest.param(NEW_YORK, date(2026, 3, 9), id="the day after New York's shortest"),
    pytest.param(NEW_YORK, date(2026, 11, 2), id="the day after New York's longest"),
]


@pytest.mark.parametrize(("zone", "change"), CHANGES)
def test_half_past_eleven_on_the_last_night_of_a_list_is_still_that_day(
    world: World, zone: ZoneInfo, change: date
) -> None:
    scenario = Acceptance(world, priced_by_lists=True)
    in_zone(scenario, zone, change)
    new_day = midnight(change, zone)
    nights = {
        -timedelta(minutes=30): (change - timedelta(1), Decimal(200), Decimal(100)),
        timedelta(0): (change, Decimal(300), Decimal(150)),
        timedelta(minutes=30): (change, Decimal(300), Decimal(150)),
    }
    for by, (day, price, paid) in nights.items():
        entry = entered_at(scenario, new_day + by)
        scenario.approve(entry)
        assert isinstance(scenario.work(entry), Complete)
        rows = scenario.rows(entry, zone)
        assert [(row["kind"], row["days"], row["price"], row["amount"]) for row in rows] == [
            ("cost", {day}, paid, 8 * paid),
            ("unbilled", {day}, price, 8 * price),
        ]
    assert faults(world.books(), zone) == []


def test_the_contracting_units_own_zone_decides_its_days(world: World) -> None:
    """The same instant is the last night of the list for one unit, and the new year for everybody else."""
    scenario = Acceptance(world, priced_by_lists=True)
    in_zone(scenario, HONOLULU, date(2026, 1, 1))
    rules = world.mission.entries
    assert isinstance(rules, ActualsHandler)
    own = {world.company.organizational_unit: HONOLULU}
    world.mission = replace(world.mission, entries=replace(rules, zone=AUCKLAND, unit_zones=own))
    entry = entered_at(scenario, datetime(2026, 1, 1, 9, 30, tzinfo=UTC))
    scenario.approve(entry)
    assert isinstance(scenario.work(entry), Complete)
    assert [(row["days"], row["price"]) for row in scenario.rows(entry, HONOLULU)] == [
        ({date(2025, 12, 31)}, Decimal(100)),
        ({date(2025, 12, 31)}, Decimal(200)),
    ]
