"""Alternate keys: made through the metadata, then rows written, read and bound by them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid4

import pytest

if TYPE_CHECKING:
    from tests.sandbox.dataverse.conftest import Api

KEYS = "EntityDefinitions(LogicalName='account')/Keys"
NO_ROW = (404, "0x80060891", "A record with the specified key values does not exist in account entity")


def make_key(api: Api, *columns: str, table: str = "account", name: str = "psac_Number") -> None:
    body = {"SchemaName": name, "KeyAttributes": list(columns)}
    answer = api("POST", f"EntityDefinitions(LogicalName='{table}')/Keys", json=body)
    assert answer.status_code == 204, answer.text


@pytest.fixture
def numbered(api: Api) -> UUID:
    """An account with a key on its number; there is one with number A1."""
    make_key(api, "accountnumber")
    return api.create("accounts", {"name": "Adatum", "accountnumber": "A1"})


def test_a_key_made_is_listed_as_active_and_can_be_dropped(api: Api) -> None:
    make_key(api, "accountnumber", "numberofemployees")
    (key,) = api.get(f"{KEYS}?$select=SchemaName,KeyAttributes,EntityKeyIndexStatus")["value"]
    assert key["KeyAttributes"] == ["accountnumber", "numberofemployees"]
    assert (key["SchemaName"], key["EntityKeyIndexStatus"]) == ("psac_Number", "Active")
    assert api.get(f"{KEYS}(LogicalName='psac_number')")["MetadataId"] == key["MetadataId"]
    expanded = api.get("EntityDefinitions(LogicalName='account')?$select=LogicalName&$expand=Keys($select=SchemaName)")
    assert [one["SchemaName"] for one in expanded["Keys"]] == ["psac_Number"]
    assert api("DELETE", f"{KEYS}({key['MetadataId']})").status_code == 204
    assert api.get(KEYS)["value"] == []
    assert api.refused("GET", "accounts(accountnumber='A1',numberofemployees=1)")[1] == "0x80060890"


def test_a_key_whose_values_rows_share_already_fails_and_names_nothing(api: Api) -> None:
    for _ in range(2):
        api.create("accounts", {"name": "x", "accountnumber": "A1"})
    make_key(api, "accountnumber")
    assert api.get(KEYS)["value"][0]["EntityKeyIndexStatus"] == "Failed"
    assert api.refused("GET", "accounts(accountnumber='A1')")[0] == 400


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"SchemaName": "psac_K", "KeyAttributes": []}, "KeyAttributes"),
        ({"SchemaName": "psac_K", "KeyAttributes": ["nothing"]}, "nothing"),
        ({"SchemaName": "psac_K", "KeyAttributes": ["revenue"]}, "cannot be part"),
        ({"SchemaName": "psac_K", "KeyAttributes": ["address1_line1", "address1_line2", "name"]}, "900 bytes"),
        ({"SchemaName": "K", "KeyAttributes": ["accountnumber"]}, "prefix"),
    ],
)
def test_a_key_the_platform_would_not_index_is_refused(api: Api, body: dict[str, Any], words: str) -> None:
    status, _, message = api.refused("POST", KEYS, body)
    assert status == 400
    assert words in message


def test_a_row_is_read_changed_and_deleted_by_its_key(api: Api, numbered: UUID) -> None:
    path = "accounts(accountnumber='A1')"
    row = api.get(f"{path}?$select=name")
    assert row["accountid"] == str(numbered)
    assert api("GET", path, If_None_Match=row["@odata.etag"]).status_code == 304
    assert api("PATCH", path, json={"name": "B"}, If_Match=row["@odata.etag"]).status_code == 204
    assert api.refused("PATCH", path, {"name": "C"}, If_Match=row["@odata.etag"])[:2] == (412, "0x80060882")
    assert api.get(f"accounts({numbered})?$select=name")["name"] == "B"
    assert api.refused("DELETE", path, If_Match=row["@odata.etag"])[:2] == (412, "0x80060882")
    assert api("DELETE", path).status_code == 204
    for method in ("GET", "DELETE"):
        assert api.refused(method, path) == NO_ROW


def test_an_upsert_by_key_creates_with_the_keys_values_and_then_updates(api: Api, numbered: UUID) -> None:
    path = "accounts(accountnumber='A2')"
    made = api("PATCH", path, json={"name": "New"})
    assert (made.status_code, made.headers["OData-EntityId"]) == (204, f"{api.root}/{path}")
    row = api.get(f"{path}?$select=name,accountnumber")
    assert (row["name"], row["accountnumber"]) == ("New", "A2")
    answer = api("PATCH", f"{path}?$select=name", json={"name": "Again"}, Prefer="return=representation")
    assert (answer.status_code, answer.json()["accountid"]) == (200, row["accountid"])
    answer = api("PATCH", "accounts(accountnumber='A3')", json={"name": "C"}, Prefer="return=representation")
    assert answer.status_code == 201
    body_wins = api("PATCH", "accounts(accountnumber='A4')", json={"accountnumber": "A5"})
    assert body_wins.status_code == 204
    assert api.get("accounts(accountnumber='A5')")["accountnumber"] == "A5"
    assert api.refused("GET", "accounts(accountnumber='A4')") == NO_ROW


def test_conditions_on_an_upsert_by_key(api: Api, numbered: UUID) -> None:
    assert api.refused("PATCH", "accounts(accountnumber='A9')", {"name": "x"}, If_Match="*") == NO_ROW
    assert api.refused("PATCH", "accounts(accountnumber='A1')", {"name": "x"}, If_None_Match="*") == (
        412,
        "0x80040237",
        "A record with matching key values already exists.",
    )
    assert api("PATCH", "accounts(accountnumber='A9')", json={"name": "x"}, If_None_Match="*").status_code == 204


def test_a_second_row_with_the_keys_values_is_refused_with_its_own_code(api: Api, numbered: UUID) -> None:
    taken = api.refused("POST", "accounts", {"name": "B", "accountnumber": "a1"})
    assert taken[:2] == (412, "0x80060892")
    assert "psac_Number" in taken[2]
    other = api.create("accounts", {"name": "C", "accountnumber": "A2"})
    assert api.refused("PATCH", f"accounts({other})", {"accountnumber": "A1"})[:2] == (412, "0x80060892")


def test_rows_without_a_value_in_the_key_do_not_stand_in_each_others_way(api: Api, numbered: UUID) -> None:
    for _ in range(2):
        api.create("accounts", {"name": "no number"})


def test_a_bind_may_name_a_row_by_its_key(api: Api, numbered: UUID) -> None:
    bind = {"name": "C", "customerid_account@odata.bind": "/accounts(accountnumber='A1')"}
    contract = api.create("salesorders", bind)
    assert api.get(f"salesorders({contract})")["_customerid_value"] == str(numbered)
    bind["customerid_account@odata.bind"] = "/accounts(accountnumber='A7')"
    assert api.refused("POST", "salesorders", bind) == NO_ROW


def test_a_lookup_and_a_number_may_be_part_of_a_key(api: Api) -> None:
    make_key(api, "parentaccountid", "numberofemployees")
    parent = api.create("accounts", {"name": "P"})
    path = f"accounts(_parentaccountid_value={parent},numberofemployees=3)"
    assert api("PATCH", path, json={"name": "child"}).status_code == 204
    row = api.get(path)
    assert (row["_parentaccountid_value"], row["numberofemployees"], row["name"]) == (str(parent), 3, "child")


@pytest.mark.parametrize(
    "key", ["name='x'", "nothing='x'", "accountnumber=", "accountnumber=7", "accountnumber='a:b'", "'x'", "x"]
)
def test_what_is_no_key_of_the_table_is_refused(api: Api, numbered: UUID, key: str) -> None:
    assert api.refused("GET", f"accounts({key})")[0] == 400


def test_a_key_taken_rolls_a_whole_change_set_back(api: Api, numbered: UUID) -> None:
    rows = "".join(
        f"--c\nContent-Type: application/http\nContent-Transfer-Encoding: binary\nContent-ID: {n}\n\n"
        f'POST {api.root}/accounts HTTP/1.1\nContent-Type: application/json\n\n{{"accountnumber":"{number}"}}\n'
        for n, number in enumerate(("B1", "A1"))
    )
    answer = api.batch(f"--b\nContent-Type: multipart/mixed; boundary=c\n\n{rows}--c--\n--b--\n")
    assert answer.status_code == 400
    assert "0x80060892" in answer.text
    assert api.refused("GET", "accounts(accountnumber='B1')") == NO_ROW


def test_related_rows_inside_the_body_are_made_with_the_row(api: Api) -> None:
    lines = [{"productdescription": "a", "isproductoverridden": True}, {"productdescription": "b"}]
    body = {"name": "A", "primarycontactid": {"lastname": "Contact"}, "account_parent_account": [{"name": "child"}]}
    id = api.create("accounts", body)
    row = api.get(f"accounts({id})?$select=name&$expand=primarycontactid($select=lastname)")
    assert row["primarycontactid"]["lastname"] == "Contact"
    (child,) = api.get(f"accounts?$filter=_parentaccountid_value eq {id}")["value"]
    assert child["name"] == "child"
    contract = api.create("salesorders", {"name": "C", "order_details": lines})
    found = api.get(f"salesorderdetails?$filter=_salesorderid_value eq {contract}")["value"]
    assert {one["productdescription"] for one in found} == {"a", "b"}
    assert api.refused("PATCH", f"accounts({id})", {"primarycontactid": {"lastname": "X"}})[0] == 400
    before = api("GET", "accounts/$count").text
    assert api.refused("POST", "accounts", {"name": "A", "account_parent_account": [{"nothing": 1}]})[0] == 400
    assert api("GET", "accounts/$count").text == before
    assert api.refused("POST", "accounts", {"primarycontactid@odata.bind": f"/contacts({uuid4()})"})[0] == 404
