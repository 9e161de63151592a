"""The same organisation from inside the process."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime
from decimal import Decimal
from uuid import uuid4

import pytest

from sandbox.clock import Clock
from sandbox.dataverse.seed import USERS
from sandbox.dataverse.server import DataverseServer
from sandbox.dataverse.unit_of_work import Cell, Link, Refused, Written


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


def test_racing_creates_of_one_id_let_exactly_one_win(quiet: DataverseServer) -> None:
    id = uuid4()
    start = threading.Barrier(8)

    def create(number: int) -> tuple[int, str]:
        start.wait()
        try:
            with quiet.transaction() as uow:
                uow.create("account", {"name": str(number)}, id)
        except Refused as refusal:
            return refusal.status, refusal.code
        return 204, ""

    with ThreadPoolExecutor(8) as threads:
        outcomes = list(threads.map(create, range(8)))
    assert sorted(outcomes) == [(204, "")] + [(412, "0x80040237")] * 7


def test_listeners_hear_of_commits_in_their_order_and_may_use_the_organisation(quiet: DataverseServer) -> None:
    heard: list[int] = []

    class Listener:
        def on_committed(self, writes: Sequence[Written]) -> None:
            with quiet.transaction() as uow:
                assert uow.get("account", writes[0].id) is not None
            after = writes[0].after
            assert after is not None
            assert isinstance(after["versionnumber"], int)
            heard.append(after["versionnumber"])

    quiet.organisation.listeners.append(Listener())

    def create(number: int) -> None:
        with quiet.transaction() as uow:
            uow.create("account", {"name": str(number)})

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(create, range(100)))
    assert len(heard) == 100
    assert heard == sorted(heard)
