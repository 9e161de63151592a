"""Rows out of reach stay hidden whichever way they are asked for."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any
from uuid import UUID

import pytest

from sandbox.dataverse.unit_of_work import Link

if TYPE_CHECKING:
    from tests.sandbox.dataverse.conftest import Api
    from tests.sandbox.dataverse.security.conftest import House

UNIT, ALL = 2, 8


@pytest.fixture
def sam(house: House, by: Callable[[str], Api]) -> Api:
    """Sam sees the accounts of his unit, and all contacts: x at Vera's account, y at his own."""
    with house.server.transaction() as uow:
        for name, owner in (("x", "Vera"), ("y", "Sam")):
            (account,) = uow.find("account", name=f"of {owner}")
            id = account["accountid"]
            assert isinstance(id, UUID)
            uow.create("contact", {"lastname": name, "parentcustomerid": Link("account", id)})
    house.may("Sam", {"account": {"Read": UNIT}, "contact": {"Read": ALL}})
    return by("Sam")


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("accounts?$select=name&$filter=contact_customer_accounts/any(c:c/lastname eq 'x')", []),
        ("accounts?$select=name&$filter=contact_customer_accounts/any(c:c/lastname eq 'y')", ["of Sam"]),
        ("accounts?$apply=groupby((name))", ["of Sam", "of Sue"]),
        ("contacts?$select=lastname&$filter=parentcustomerid_account/name eq 'of Vera'", []),
        ("contacts?$select=lastname&$filter=parentcustomerid_account/name eq 'of Sam'", ["y"]),
    ],
)
def test_no_query_finds_them(sam: Api, path: str, found: list[str]) -> None:
    assert [row.get("name") or row.get("lastname") for row in sam.get(path)["value"]] == found


def test_they_are_not_counted(sam: Api) -> None:
    assert sam.get("accounts?$apply=aggregate($count as n)")["value"] == [{"n": 2}]
    assert sam.get("accounts?$count=true")["@odata.count"] == 2


def test_no_expansion_shows_them(sam: Api) -> None:
    rows: list[Any] = sam.get("contacts?$select=lastname&$expand=parentcustomerid_account($select=name)")["value"]
    shown = {row["lastname"]: row["parentcustomerid_account"] for row in rows}
    assert shown["x"] is None
    assert shown["y"]["name"] == "of Sam"


def test_changes_are_told_only_to_who_may_read_everything(house: House, sam: Api, by: Callable[[str], Api]) -> None:
    track = {"Prefer": "odata.track-changes"}
    assert sam.refused("GET", "accounts?$select=name", None, **track)[:2] == (403, "0x80040220")
    assert sam("GET", "contacts?$select=lastname", None, None, **track).status_code == 200
