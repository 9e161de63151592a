"""References between rows, and single properties, by their own addresses."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import UUID, uuid4

import pytest

if TYPE_CHECKING:
    from tests.sandbox.dataverse.conftest import Api

PEOPLE = "contact_customer_accounts"


@pytest.fixture
def account(api: Api) -> UUID:
    return api.create("accounts", {"name": "A", "revenue": 1.5})


@pytest.fixture
def contact(api: Api) -> UUID:
    return api.create("contacts", {"lastname": "C"})


def people(api: Api, account: UUID) -> list[str]:
    return [row["contactid"] for row in api.get(f"accounts({account})/{PEOPLE}?$select=contactid")["value"]]


def test_a_single_reference_is_set_read_and_taken_away(api: Api, account: UUID, contact: UUID) -> None:
    address = f"accounts({account})/primarycontactid/$ref"
    assert api("GET", address).status_code == 204
    body = {"@odata.id": f"{api.root}/contacts({contact})"}
    assert api("PUT", address, json=body).status_code == 204
    assert api.get(address) == {"@odata.context": f"{api.root}/$metadata#$ref", **body}
    assert api.get(f"accounts({account})")["_primarycontactid_value"] == str(contact)
    assert api("PUT", address, json={"@odata.id": f"contacts({contact})"}).status_code == 204
    assert api("DELETE", address).status_code == 204
    assert api.get(f"accounts({account})")["_primarycontactid_value"] is None


def test_a_row_is_put_into_a_collection_and_taken_out_in_both_ways(api: Api, account: UUID, contact: UUID) -> None:
    body = {"@odata.id": f"{api.root}/contacts({contact})"}
    assert api("POST", f"accounts({account})/{PEOPLE}/$ref", json=body).status_code == 204
    assert people(api, account) == [str(contact)]
    assert api.get(f"accounts({account})/{PEOPLE}/$ref")["value"] == [body]
    assert api("DELETE", f"accounts({account})/{PEOPLE}({contact})/$ref").status_code == 204
    assert people(api, account) == []
    api("POST", f"accounts({account})/{PEOPLE}/$ref", json=body)
    assert api("DELETE", f"accounts({account})/{PEOPLE}/$ref?$id={body['@odata.id']}").status_code == 204
    assert people(api, account) == []
    assert api.get(f"contacts({contact})")["_parentcustomerid_value"] is None


def test_references_that_make_no_sense_are_refused_and_change_nothing(api: Api, account: UUID, contact: UUID) -> None:
    here, there = f"accounts({account})/{PEOPLE}/$ref", f"{api.root}/contacts({contact})"
    assert api.refused("POST", here, {"@odata.id": f"{api.root}/accounts({account})"})[0] == 400
    assert api.refused("POST", here, {"@odata.id": f"{api.root}/contacts({uuid4()})"})[0] == 404
    assert api.refused("POST", here, {})[0] == 400
    assert api.refused("DELETE", f"accounts({account})/{PEOPLE}({contact})/$ref")[0] == 404
    assert api.refused("DELETE", here)[0] == 405
    assert api.refused("POST", f"accounts({account})/primarycontactid/$ref", {"@odata.id": there})[0] == 405
    assert api.refused("PUT", f"accounts({account})/nothing/$ref", {"@odata.id": there})[0] == 404
    assert api.refused("PUT", f"accounts({uuid4()})/primarycontactid/$ref", {"@odata.id": there})[0] == 404
    wrong = {"@odata.id": f"{api.root}/accounts({account})"}
    assert api.refused("PUT", f"accounts({account})/primarycontactid/$ref", wrong)[0] == 400
    assert people(api, account) == []


def test_a_single_property_is_read_written_and_emptied(api: Api, account: UUID) -> None:
    name = f"accounts({account})/name"
    context = f"{api.root}/$metadata#accounts({account})/name"
    assert api.get(name) == {"@odata.context": context, "value": "A"}
    assert (api("GET", f"{name}/$value").text, api("GET", f"accounts({account})/revenue/$value").text) == ("A", "1.50")
    assert api("PUT", name, json={"value": "B"}).status_code == 204
    assert api.get(name)["value"] == "B"
    assert api("DELETE", name).status_code == 204
    assert api("GET", name).status_code == 204
    assert api.get(f"accounts({account})")["name"] is None
    assert api.refused("PUT", name, {"value": 5})[0] == 400
    assert api.refused("PUT", name, {"name": "x"})[0] == 400
    assert api.refused("POST", name, {"value": "x"})[0] == 405


def test_a_single_property_is_written_under_a_condition(api: Api, account: UUID) -> None:
    etag = api.get(f"accounts({account})")["@odata.etag"]
    assert api("PUT", f"accounts({account})/name", json={"value": "B"}, If_Match=etag).status_code == 204
    refusal = api.refused("PUT", f"accounts({account})/name", {"value": "C"}, If_Match=etag)
    assert refusal[:2] == (412, "0x80060882")


def test_references_can_be_set_inside_a_change_set_to_rows_made_there(api: Api, account: UUID) -> None:
    answer = api.batch(
        f"""--b
Content-Type: multipart/mixed; boundary=c

--c
Content-Type: application/http
Content-Transfer-Encoding: binary
Content-ID: 1

POST {api.root}/contacts HTTP/1.1
Content-Type: application/json

{{"lastname":"made"}}
--c
Content-Type: application/http
Content-Transfer-Encoding: binary
Content-ID: 2

PUT {api.root}/accounts({account})/primarycontactid/$ref HTTP/1.1
Content-Type: application/json

{{"@odata.id":"$1"}}
--c--

--b--
"""
    )
    assert answer.status_code == 200, answer.text
    row = api.get(f"accounts({account})?$select=name&$expand=primarycontactid($select=lastname)")
    assert row["primarycontactid"]["lastname"] == "made"
