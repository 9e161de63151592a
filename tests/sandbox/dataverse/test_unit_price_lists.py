"""The cost price lists of organizational units: a many-to-many relationship, tied and parted from both of its ends."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING
from uuid import UUID

import pytest

from sandbox.dataverse.security.privileges import assign, make_role
from sandbox.dataverse.seed import BASE_CURRENCY, USERS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sandbox.dataverse.server import DataverseServer
    from tests.sandbox.dataverse.conftest import Api

TIE = "msdyn_organizationalunit_pricelevel"
ROWS = f"{TIE}set?$select=msdyn_organizationalunitid,pricelevelid"
ALL = 8


class Lists:
    """One organizational unit and two price lists, as an administrator sees them."""

    def __init__(self, api: Api) -> None:
        self.api = api
        currency = {"transactioncurrencyid@odata.bind": f"/transactioncurrencies({BASE_CURRENCY})"}
        own = {"msdyn_currency@odata.bind": f"/transactioncurrencies({BASE_CURRENCY})"}
        self.unit = api.create("msdyn_organizationalunits", {"msdyn_name": "Fabrikam US", **own})
        self.first, self.second = (
            api.create("pricelevels", {"name": name, "msdyn_module": 192350000, **currency}) for name in ("A", "B")
        )
        self.of_unit = f"msdyn_organizationalunits({self.unit})/{TIE}"

    def of_list(self, price_list: UUID) -> str:
        return f"pricelevels({price_list})/{TIE}"

    def tie(self, path: str, other: str, api: Api | None = None) -> int:
        by = api or self.api
        return by("POST", f"{path}/$ref", json={"@odata.id": f"{by.root}/{other}"}).status_code

    def rows(self) -> set[tuple[str, str]]:
        return {(row["msdyn_organizationalunitid"], row["pricelevelid"]) for row in self.api.get(ROWS)["value"]}


@pytest.fixture
def lists(as_user: Callable[[str], Api]) -> Lists:
    return Lists(as_user("administrator"))


def test_lists_are_tied_to_a_unit_from_both_ends_once_and_read_as_rows(lists: Lists) -> None:
    assert lists.tie(lists.of_unit, f"pricelevels({lists.first})") == 204
    assert lists.tie(lists.of_list(lists.second), f"msdyn_organizationalunits({lists.unit})") == 204
    assert lists.tie(lists.of_list(lists.first), f"msdyn_organizationalunits({lists.unit})") == 204
    assert len(lists.api.get(ROWS)["value"]) == 2
    assert lists.rows() == {(str(lists.unit), str(lists.first)), (str(lists.unit), str(lists.second))}
    assert sorted(row["name"] for row in lists.api.get(f"{lists.of_unit}?$select=name")["value"]) == ["A", "B"]
    (unit,) = lists.api.get(f"{lists.of_list(lists.second)}?$select=msdyn_name")["value"]
    assert unit["msdyn_name"] == "Fabrikam US"
    (row,) = lists.api.get(f"{ROWS}&$filter=pricelevelid eq {lists.first}")["value"]
    assert row["msdyn_organizationalunitid"] == str(lists.unit)


def test_lists_are_parted_from_both_ends_and_go_with_either_row(lists: Lists) -> None:
    for one in (lists.first, lists.second):
        lists.tie(lists.of_unit, f"pricelevels({one})")
    assert lists.api("DELETE", f"{lists.of_unit}({lists.first})/$ref").status_code == 204
    assert lists.api("DELETE", f"{lists.of_list(lists.second)}({lists.unit})/$ref").status_code == 204
    assert lists.rows() == set()
    for one in (lists.first, lists.second):
        lists.tie(lists.of_unit, f"pricelevels({one})")
    assert lists.api("DELETE", f"pricelevels({lists.first})").status_code == 204
    assert lists.rows() == {(str(lists.unit), str(lists.second))}
    assert lists.api("DELETE", f"msdyn_organizationalunits({lists.unit})").status_code == 204
    assert lists.rows() == set()


def test_its_rows_are_never_written_themselves(lists: Lists) -> None:
    ids = {"msdyn_organizationalunitid": str(lists.unit), "pricelevelid": str(lists.first)}
    status, code, message = lists.api.refused("POST", f"{TIE}set", ids)
    assert (status, code) == (400, "0x80040800")
    assert TIE in message
    assert lists.rows() == set()


def test_a_row_of_another_table_cannot_be_tied(lists: Lists) -> None:
    assert lists.tie(lists.of_unit, f"msdyn_organizationalunits({lists.unit})") == 400
    assert lists.tie(lists.of_unit, f"pricelevels({lists.unit})") == 404


def test_the_metadata_know_table_and_relationship(lists: Lists) -> None:
    table = f"EntityDefinitions(LogicalName='{TIE}')"
    assert lists.api.get(f"{table}?$select=EntitySetName")["EntitySetName"] == f"{TIE}set"
    columns = lists.api.get(f"{table}/Attributes?$select=LogicalName,AttributeType")["value"]
    types = {column["LogicalName"]: column["AttributeType"] for column in columns}
    assert (types["msdyn_organizationalunitid"], types["pricelevelid"]) == ("Uniqueidentifier", "Uniqueidentifier")
    (relationship,) = lists.api.get("EntityDefinitions(LogicalName='pricelevel')/ManyToManyRelationships")["value"]
    assert relationship["IntersectEntityName"] == TIE
    assert relationship["Entity1IntersectAttribute"] == "msdyn_organizationalunitid"
    assert relationship["Entity2IntersectAttribute"] == "pricelevelid"


@pytest.mark.parametrize(
    ("units", "price_lists", "seen", "tied"),
    [
        ({"Read": ALL, "Append": ALL}, {"Read": ALL, "AppendTo": ALL}, 200, 204),
        ({"Read": ALL, "Append": ALL}, {"Read": ALL}, 200, 403),
        ({"Read": ALL}, {"Read": ALL, "AppendTo": ALL}, 200, 403),
        ({"Read": ALL}, {}, 403, 403),
        ({}, {"Read": ALL}, 403, 403),
    ],
)
def test_the_privileges_of_both_tables_guard_it(
    server: DataverseServer,
    as_user: Callable[[str], Api],
    lists: Lists,
    units: Mapping[str, int],
    price_lists: Mapping[str, int],
    seen: int,
    tied: int,
) -> None:
    with server.transaction() as uow:
        rights = {"msdyn_organizationalunit": units, "pricelevel": price_lists}
        assign(uow, USERS["approver"], make_role(uow, "a role", rights))
    by = as_user("approver")
    assert by("GET", ROWS).status_code == seen
    assert lists.tie(lists.of_unit, f"pricelevels({lists.first})", by) == tied
    assert len(lists.rows()) == (tied == 204)
    if seen == 200:
        assert len(by.get(ROWS)["value"]) == (tied == 204)
