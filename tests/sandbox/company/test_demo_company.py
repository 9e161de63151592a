"""The demo company is what its sheet says, priced and submitted by the product's own rules."""

from __future__ import annotations

from collections import Counter
from datetime import date
from decimal import Decimal

import pytest

from sandbox.clock import Clock
from sandbox.company import COMPLIMENTARY, CUT, RAISED, Company, company, load
from sandbox.dataverse.product.business_dates import day_of
from sandbox.dataverse.product.choices import BillingType, MilestoneStatus, Stage
from sandbox.dataverse.server import DataverseServer
from sandbox.dataverse.unit_of_work import Row


@pytest.fixture(scope="module")
def server() -> DataverseServer:
    return DataverseServer(Clock())


@pytest.fixture(scope="module")
def loaded(server: DataverseServer) -> Company:
    return load(server)


def approval(server: DataverseServer, loaded: Company, key: str) -> Row:
    with server.transaction() as work:
        row = work.get("msdyn_projectapproval", loaded.entries[key].approval)
    assert row is not None
    return row


def test_it_has_fifty_nine_entries_in_the_numbers_of_the_sheet(loaded: Company) -> None:
    counts = Counter(entry.project for entry in loaded.entries.values())
    assert counts == {"P1": 31, "P2": 11, "P3": 10, "P4": 6, None: 1}


def test_every_entry_falls_on_a_weekday_of_the_first_three_months(loaded: Company) -> None:
    days = [entry.day for entry in loaded.entries.values()]
    assert {day.month for day in days} == {1, 2, 3}
    assert all(day.weekday() < 5 and day.year == 2026 for day in days)
    assert date(2026, 1, 1) not in days


def test_every_entry_waits_for_approval(server: DataverseServer, loaded: Company) -> None:
    with server.transaction() as work:
        for entry in loaded.entries.values():
            row, decided = work.get(entry.table, entry.id), work.get("msdyn_projectapproval", entry.approval)
            assert row is not None
            assert decided is not None
            submitted = row.get("msdyn_entrystatus") == 192350003 or row.get("msdyn_expensestatus") == 192350001
            assert submitted
            assert decided["msdyn_recordstage"] == Stage.SUBMITTED
            assert decided["msdyn_costquantity"] == decided["msdyn_salesquantity"]


def test_dates_are_new_york_midnights_before_and_after_daylight_saving_time(
    server: DataverseServer, loaded: Company
) -> None:
    for key, hour in (("P1/Ada 8 h/2026-02-10", 5), ("P1/Ada 8 h/2026-03-10", 4)):
        moment = approval(server, loaded, key)["msdyn_date"]
        assert getattr(moment, "hour", None) == hour
    with server.transaction() as work:
        for entry in loaded.entries.values():
            row = work.get("msdyn_projectapproval", entry.approval)
            assert row is not None
            moment = row["msdyn_date"]
            assert not isinstance(moment, str | int)
            assert day_of(moment) == entry.day  # type: ignore[arg-type]


def test_the_approver_has_three_decisions_to_make(loaded: Company) -> None:
    assert loaded.decided(CUT).key == "P1/Ada 8 h/2026-02-10"
    assert loaded.decided(RAISED).resource == "Ben"
    assert loaded.decided(COMPLIMENTARY).project == "P1"
    assert sum(entry.decision is not None for entry in loaded.entries.values()) == 3


@pytest.mark.parametrize(
    ("key", "cost", "sales", "billing_type"),
    [
        ("P1/Ada 8 h/2026-01-06", "100", "200", BillingType.CHARGEABLE),
        ("P1/Ben 7.5 h/2026-01-05", "80", "150", BillingType.CHARGEABLE),
        ("P1/Cora 5 h/2026-01-05", "40", "90", BillingType.NON_CHARGEABLE),
        ("P1/Hotel/2026-01-06", "120", "120", BillingType.CHARGEABLE),
        ("P1/Airfare/2026-01-05", "500", "550", BillingType.CHARGEABLE),
        ("P2/Ada 8 h/2026-01-07", "100", None, BillingType.CHARGEABLE),
        ("P2/Hotel/2026-02-04", "150", None, BillingType.CHARGEABLE),
        ("P3/Ada 4 h/2026-01-08", "100", "180", BillingType.CHARGEABLE),
        ("P3/Hotel/2026-03-05", "90", None, BillingType.NOT_AVAILABLE),
        ("P4/Cora 5 h/2026-01-06", "40", None, BillingType.NOT_AVAILABLE),
        ("none/Ben 8 h/2026-01-02", None, None, BillingType.NOT_AVAILABLE),
    ],
)
def test_prices_and_chargeability_are_those_of_the_sheet(
    server: DataverseServer, loaded: Company, key: str, cost: str | None, sales: str | None, billing_type: int
) -> None:
    row = approval(server, loaded, key)
    assert row["msdyn_costprice"] == (None if cost is None else Decimal(cost))
    assert row["msdyn_salesprice"] == (None if sales is None else Decimal(sales))
    assert row["msdyn_billingtype"] == billing_type


def test_a_hundred_minutes_are_one_and_sixty_seven_hundredths_of_an_hour(
    server: DataverseServer, loaded: Company
) -> None:
    """Scenario 27."""
    row = approval(server, loaded, "P1/Ada 100 min/2026-02-02")
    assert row["msdyn_costquantity"] == Decimal("1.67")
    assert row["msdyn_salesamount"] == Decimal("334.00")


def test_contracts_belong_to_the_approver_and_milestones_are_not_ready(
    server: DataverseServer, loaded: Company
) -> None:
    with server.transaction() as work:
        for id in loaded.contracts.values():
            contract = work.get("salesorder", id)
            assert contract is not None
            owner = contract["ownerid"]
            person = work.get("systemuser", owner.id)  # type: ignore[union-attr]
            assert person is not None
            assert person["fullname"] == "Paula Approver"
        amounts = []
        for id in loaded.milestones.values():
            milestone = work.get("msdyn_contractlinescheduleofvalue", id)
            assert milestone is not None
            assert milestone["msdyn_invoicestatus"] == MilestoneStatus.NOT_READY
            amounts.append(milestone["msdyn_amount"])
        assert amounts == [Decimal(5000), Decimal(7500)]


def test_loading_twice_changes_nothing(server: DataverseServer, loaded: Company) -> None:
    with server.transaction() as work:
        before = len(work.find("msdyn_projectapproval"))
    assert load(server) == loaded == company()
    with server.transaction() as work:
        assert len(work.find("msdyn_projectapproval")) == before
