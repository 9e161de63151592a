"""The same organisation from inside the process."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from uuid import uuid4

import pytest

from sandbox.clock import Clock
from sandbox.dataverse.seed import USERS
from sandbox.dataverse.server import DataverseServer
from sandbox.dataverse.unit_of_work import Cell, Link, Refused


@pytest.fixture
def quiet() -> DataverseServer:
    return DataverseServer(Clock())


def test_what_is_raised_inside_a_transaction_undoes_it(quiet: DataverseServer) -> None:
    def failing() -> None:
        with quiet.transaction() as uow:
            uow.create("account", {"name": "A"})
            raise Refused("no")

    with pytest.raises(Refused):
        failing()
    with quiet.transaction() as uow:
        assert uow.find("account") == []


def test_cells_come_back_as_they_went_in(quiet: DataverseServer) -> None:
    values: dict[str, Cell] = {
        "name": "I",
        "totalamount": Decimal("12.30"),
        "duedate": date(2026, 1, 31),
        "datedelivered": datetime(2026, 1, 31, 23, 30, tzinfo=UTC),
        "willcall": False,
        "shippingmethodcode": None,
    }
    with quiet.transaction("clerk") as uow:
        account = uow.create("account", {"name": "A"})
        values["customerid"] = Link("account", account)
        id = uow.create("invoice", values)
        row = uow.get("invoice", id)
        assert row is not None
        assert {name: row[name] for name in values} == values
        assert row["ownerid"] == Link("systemuser", USERS["clerk"])
        assert uow.find("invoice", customerid=Link("account", account), willcall=False, duedate=date(2026, 1, 31)) == [
            row
        ]
        assert uow.find("invoice", customerid=Link("contact", account)) == []
        assert uow.find("invoice", shippingmethodcode=None) == [row]
        assert uow.get("invoice", uuid4()) is None


def test_a_loader_may_say_when_a_row_was_created(quiet: DataverseServer) -> None:
    then = datetime(2024, 1, 2, tzinfo=UTC)
    with quiet.transaction() as uow:
        row = uow.get("account", uow.create("account", {"name": "A", "createdon": then}))
    assert row is not None
    assert row["createdon"] == then


def test_cells_of_the_wrong_type_are_refused(quiet: DataverseServer) -> None:
    wrong: list[dict[str, Cell]] = [
        {"name": 1},
        {"numberofemployees": "1"},
        {"numberofemployees": True},
        {"revenue": Decimal("NaN")},
        {"lastusedincampaign": datetime(2026, 1, 1)},  # noqa: DTZ001 - the point
        {"primarycontactid": uuid4()},
        {"primarycontactid": Link("account", uuid4())},
        {"primarycontactid": Link("contact", uuid4())},
        {"territoryid": Link("territory", uuid4())},
        {"nonsense": 1},
    ]
    for values in wrong:
        with pytest.raises(Refused), quiet.transaction() as uow:
            uow.create("account", values)


def test_rows_are_found_in_the_order_of_their_creation(quiet: DataverseServer) -> None:
    with quiet.transaction() as uow:
        ids = [uow.create("account", {"name": "same"}) for _ in range(20)]
        assert [row["accountid"] for row in uow.find("account", name="SAME")] == ids


def test_versions_grow_with_every_write(quiet: DataverseServer) -> None:
    with quiet.transaction() as uow:
        id = uow.create("account", {"name": "A"})
        versions: list[int] = []
        for number in range(3):
            uow.update("account", id, {"name": str(number)})
            row = uow.get("account", id)
            assert row is not None
            assert isinstance(row["versionnumber"], int)
            versions.append(row["versionnumber"])
    assert versions == sorted(set(versions))
