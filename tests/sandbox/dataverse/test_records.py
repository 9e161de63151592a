"""Rows through the Web API: create, read, update, upsert, delete, and the conditions on them."""

from __future__ import annotations

import hmac
import re
from collections.abc import Callable
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest

from sandbox.dataverse.seed import USERS

if TYPE_CHECKING:
    from sandbox.dataverse.server import DataverseServer
    from tests.sandbox.dataverse.conftest import Api, Ear


def test_a_create_answers_204_with_the_address_of_the_row_and_no_body(api: Api) -> None:
    answer = api("POST", "accounts", json={"name": "Adatum"})
    assert (answer.status_code, answer.content) == (204, b"")
    assert re.fullmatch(re.escape(api.root) + r"/accounts\([0-9a-f-]{36}\)", answer.headers["OData-EntityId"])
    assert answer.headers["OData-Version"] == "4.0"
    assert answer.headers["x-ms-dop-hint"].isdigit()
    assert "x-ms-service-request-id" in answer.headers


def test_a_create_with_a_chosen_id_keeps_it_and_a_second_one_is_a_duplicate(api: Api) -> None:
    chosen = uuid4()
    assert api.create("accounts", {"accountid": str(chosen), "name": "Adatum"}) == chosen
    assert api.refused("POST", "accounts", {"accountid": str(chosen), "name": "Again"}) == (
        412,
        "0x80040237",
        "A record with matching key values already exists.",
    )
    assert api.get(f"accounts({chosen})?$select=name")["name"] == "Adatum"


def test_a_new_row_is_stamped_owned_active_and_versioned(api: Api) -> None:
    row = api.get(f"accounts({api.create('accounts', {'name': 'Adatum'})})")
    service = str(USERS["service"])
    assert (row["_createdby_value"], row["_modifiedby_value"], row["_ownerid_value"]) == (service, service, service)
    assert row["_owninguser_value"] == service
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", row["createdon"])
    assert (row["statecode"], row["statuscode"]) == (0, 1)
    assert row["@odata.etag"] == f'W/"{row["versionnumber"]}"'
    assert row["@odata.context"] == f"{api.root}/$metadata#accounts/$entity"


def test_representation_is_returned_when_preferred(api: Api) -> None:
    made = api("POST", "accounts?$select=name", json={"name": "Adatum"}, Prefer="return=representation")
    assert (made.status_code, made.json()["name"]) == (201, "Adatum")
    assert made.headers["Preference-Applied"] == "return=representation"
    id = made.json()["accountid"]
    changed = api("PATCH", f"accounts({id})?$select=name", json={"name": "B"}, Prefer="return=representation")
    assert (changed.status_code, changed.json()["name"]) == (200, "B")
    fresh = api("PATCH", f"accounts({uuid4()})", json={"name": "C"}, Prefer="return=representation")
    assert fresh.status_code == 201


def test_an_update_changes_what_it_names_and_moves_the_version_and_stamps(
    as_user: Callable[[str], Api], server: DataverseServer
) -> None:
    api, clerk = as_user("service"), as_user("clerk")
    id = api.create("accounts", {"name": "Adatum", "telephone1": "1"})
    before = api.get(f"accounts({id})")
    assert clerk("PATCH", f"accounts({id})", json={"telephone1": "2"}).status_code == 204
    after = api.get(f"accounts({id})")
    assert (after["name"], after["telephone1"]) == ("Adatum", "2")
    assert after["versionnumber"] > before["versionnumber"]
    assert after["_modifiedby_value"] == str(USERS["clerk"])
    assert after["_createdby_value"] == str(USERS["service"])


def test_a_patch_on_an_unknown_id_creates_the_row(api: Api) -> None:
    id = uuid4()
    assert api("PATCH", f"accounts({id})", json={"name": "Adatum"}).status_code == 204
    assert api.get(f"accounts({id})?$select=name")["name"] == "Adatum"


def test_if_match_star_only_updates(api: Api) -> None:
    status, code, message = api.refused("PATCH", f"accounts({uuid4()})", {"name": "A"}, If_Match="*")
    assert (status, code) == (404, "0x80040217")
    assert re.fullmatch(r"Entity 'account' With Id = [0-9a-f-]{36} Does Not Exist", message)


def test_if_match_with_an_older_etag_is_a_version_mismatch(api: Api) -> None:
    id = api.create("accounts", {"name": "A"})
    etag = api.get(f"accounts({id})")["@odata.etag"]
    assert api("PATCH", f"accounts({id})", json={"name": "B"}, If_Match=etag).status_code == 204
    refusal = api.refused("PATCH", f"accounts({id})", {"name": "C"}, If_Match=etag)
    assert refusal == (
        412,
        "0x80060882",
        "The version of the existing record doesn't match the RowVersion property provided.",
    )
    assert api.refused("DELETE", f"accounts({id})", If_Match=etag)[0] == 412
    assert api.get(f"accounts({id})?$select=name")["name"] == "B"


def test_if_none_match_star_only_creates(api: Api) -> None:
    id = uuid4()
    assert api("PATCH", f"accounts({id})", json={"name": "A"}, If_None_Match="*").status_code == 204
    assert api.refused("PATCH", f"accounts({id})", {"name": "B"}, If_None_Match="*")[:2] == (412, "0x80040237")
    assert api.get(f"accounts({id})?$select=name")["name"] == "A"


def test_a_held_version_reads_as_not_modified(api: Api) -> None:
    id = api.create("accounts", {"name": "A"})
    etag = api.get(f"accounts({id})")["@odata.etag"]
    assert api("GET", f"accounts({id})", If_None_Match=etag).status_code == 304


def test_a_deleted_row_is_gone(api: Api) -> None:
    id = api.create("accounts", {"name": "A"})
    assert api("DELETE", f"accounts({id})").status_code == 204
    assert api.refused("GET", f"accounts({id})")[:2] == (404, "0x80040217")
    assert api.refused("DELETE", f"accounts({id})")[:2] == (404, "0x80040217")


def test_a_row_others_point_to_cannot_be_deleted(api: Api) -> None:
    id = api.create("accounts", {"name": "A"})
    api.create("salesorders", {"name": "C", "customerid_account@odata.bind": f"/accounts({id})"})
    status, _, message = api.refused("DELETE", f"accounts({id})")
    assert status == 400
    assert "salesorder" in message


def test_a_state_change_brings_its_status_along(api: Api) -> None:
    id = api.create("accounts", {"name": "A"})
    api("PATCH", f"accounts({id})", json={"statecode": 1})
    row = api.get(f"accounts({id})?$select=statecode,statuscode")
    assert (row["statecode"], row["statuscode"]) == (1, 2)


def test_a_state_whose_status_is_not_known_asks_for_both(api: Api) -> None:
    id = api.create("invoices", {"name": "I"})
    assert "statuscode" in api.refused("PATCH", f"invoices({id})", {"statecode": 3})[2]
    assert api("PATCH", f"invoices({id})", json={"statecode": 3, "statuscode": 100003}).status_code == 204


def test_a_wrong_token_is_refused_with_a_challenge(api: Api) -> None:
    answer = api("GET", "WhoAmI", Authorization="Bearer nobody")
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"].startswith("Bearer ")


def test_a_token_is_compared_in_a_time_that_tells_nothing_of_it(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    compared: list[bytes] = []

    def compare(one: bytes, other: bytes) -> bool:
        compared.append(other)
        return one == other

    monkeypatch.setattr(hmac, "compare_digest", compare)
    assert api("GET", "WhoAmI", Authorization="Bearer näher").status_code == 401
    assert compared == ["näher".encode()] * len(USERS)


def test_who_am_i_tells_the_user_of_the_token(as_user: Callable[[str], Api]) -> None:
    for name, id in USERS.items():
        assert as_user(name).get("WhoAmI")["UserId"] == str(id)


def test_a_caller_may_act_for_a_known_user(as_user: Callable[[str], Api]) -> None:
    api = as_user("service")
    clerk = str(USERS["clerk"])
    answer = api("POST", "accounts", json={"name": "A"}, Prefer="return=representation", MSCRMCallerID=clerk)
    assert answer.json()["_createdby_value"] == clerk
    assert api.refused("GET", "WhoAmI", MSCRMCallerID=str(uuid4()))[0] == 401


def test_names_of_sets_are_case_sensitive(api: Api) -> None:
    assert api.refused("GET", "Accounts") == (404, "0x8006088a", "Resource not found for the segment 'Accounts'.")
    assert api.refused("POST", "nothings", {})[:2] == (404, "0x8006088a")


def test_methods_that_do_not_fit_are_refused(api: Api) -> None:
    assert api.refused("POST", "WhoAmI")[0] == 404
    assert api.refused("PUT", f"accounts({uuid4()})", {})[0] == 405
    assert api.refused("DELETE", "accounts")[0] == 405


def test_what_the_sandbox_does_not_support_says_so_with_a_code_of_its_own(api: Api) -> None:
    for path in ("accounts?fetchXml=%3Cfetch/%3E", "accounts?sql=select"):
        assert api.refused("GET", path)[:2] == (501, "NotSupportedBySandbox"), path
    bypass = {"MSCRM.BypassCustomPluginExecution": "true"}
    assert api.refused("POST", "accounts", {"name": "B"}, **bypass)[0] == 501


def test_committed_writes_are_told_with_tag_user_and_both_sides(api: Api, ear: Ear) -> None:
    ear.heard.clear()
    id = api.create("accounts", {"name": "A"})
    api("PATCH", f"accounts({id})?tag=mine", json={"name": "B"})
    api("PATCH", f"accounts({id})", json={"name": "C"}, If_Match='W/"1"')
    api("DELETE", f"accounts({id})")
    writes = [write for writes in ear.heard for write in writes]
    assert [write.message for write in writes] == ["Create", "Update", "Delete"]
    created, updated, deleted = writes
    assert (created.before, created.after is not None and created.after["name"]) == (None, "A")
    assert {"name", "accountid", "createdon"} <= created.changed
    assert updated.changed == {"name"}
    assert updated.before is not None
    assert updated.after is not None
    assert (updated.before["name"], updated.after["name"]) == ("A", "B")
    assert updated.shared_variables == {"tag": "mine"}
    assert created.shared_variables == {}
    assert (deleted.after, deleted.user) == (None, USERS["service"])
