"""Acting for another user: who may, whose rights count, and what the rows say afterwards."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING
from uuid import UUID

import pytest

from sandbox.dataverse.security.privileges import ACT_FOR_OTHERS
from sandbox.dataverse.seed import USERS

if TYPE_CHECKING:
    from tests.sandbox.dataverse.conftest import Api
    from tests.sandbox.dataverse.security.conftest import House

ALL, UNIT = 8, 2
OBJECT = UUID("11111111-2222-3333-4444-555555555555")


@pytest.fixture
def sam(house: House) -> dict[str, str]:
    with house.server.transaction() as uow:
        uow.update("systemuser", house.people["Sam"], {"azureactivedirectoryobjectid": OBJECT})
    return {"CallerObjectId": str(OBJECT)}


def test_the_row_says_for_whom_and_by_whom_it_was_made(
    house: House, as_user: Callable[[str], Api], sam: dict[str, str]
) -> None:
    house.may("Sam", {"account": {"Create": ALL, "Read": ALL, "Write": ALL}})
    service = as_user("service")
    made = service("POST", "accounts", {"name": "A"}, None, **sam)
    assert made.status_code == 204
    id = UUID(made.headers["OData-EntityId"][-37:-1])
    row = service.get(f"accounts({id})")
    assert row["_createdby_value"] == row["_ownerid_value"] == str(house.people["Sam"])
    assert row["_createdonbehalfby_value"] == row["_modifiedonbehalfby_value"] == str(USERS["service"])
    assert service("PATCH", f"accounts({id})", json={"name": "B"}).status_code == 204
    row = service.get(f"accounts({id})")
    assert (row["_modifiedby_value"], row["_modifiedonbehalfby_value"]) == (str(USERS["service"]), None)
    assert row["_createdonbehalfby_value"] == str(USERS["service"])


def test_the_older_header_names_the_user_by_the_rows_id(house: House, as_user: Callable[[str], Api]) -> None:
    caller = {"MSCRMCallerID": str(house.people["Sam"])}
    assert as_user("service").get("WhoAmI", **caller)["UserId"] == str(house.people["Sam"])


def test_who_may_not_act_for_others_is_refused(house: House, by: Callable[[str], Api], sam: dict[str, str]) -> None:
    house.may("Sue", {"account": {"Read": ALL}})
    status, code, message = by("Sue").refused("GET", "accounts", **sam)
    assert (status, code) == (403, "0x80040220")
    assert ACT_FOR_OTHERS in message


def test_only_what_both_may_do_is_allowed(house: House, by: Callable[[str], Api], sam: dict[str, str]) -> None:
    house.may("Sam", {"account": {"Read": ALL, "Write": ALL}, "contact": {"Read": ALL}})
    house.may("Sue", {"account": {"Read": UNIT}, "invoice": {"Read": ALL}}, ACT_FOR_OTHERS)
    api = by("Sue")
    assert [row["name"] for row in api.get("accounts?$select=name", **sam)["value"]] == ["of Sam", "of Sue"]
    assert "prvReadContact" in api.refused("GET", "contacts", **sam)[2]
    assert "prvReadInvoice" in api.refused("GET", "invoices", **sam)[2]
    assert api("GET", "invoices").status_code == 200


def test_an_administrator_acting_for_a_user_has_that_users_rights_only(
    house: House, as_user: Callable[[str], Api], sam: dict[str, str]
) -> None:
    house.may("Sam", {"account": {"Read": UNIT}})
    found = as_user("service").get("accounts?$select=name", **sam)["value"]
    assert [row["name"] for row in found] == ["of Sam", "of Sue"]


def test_a_user_nobody_knows_and_a_disabled_one_cannot_be_acted_for_and_cannot_call(
    house: House, as_user: Callable[[str], Api], by: Callable[[str], Api], sam: dict[str, str]
) -> None:
    service = as_user("service")
    unknown = {"CallerObjectId": "99999999-2222-3333-4444-555555555555"}
    assert service.refused("GET", "accounts", **unknown)[0] == 401
    with house.server.transaction() as uow:
        uow.update("systemuser", house.people["Sam"], {"isdisabled": True})
    assert service.refused("GET", "accounts", **sam)[:2] == (403, "0x80040225")
    assert by("Sam").refused("GET", "WhoAmI")[:2] == (403, "0x80040225")


def test_acting_for_an_administrator_gives_no_more_than_one_has_seen_from_there(
    house: House, by: Callable[[str], Api]
) -> None:
    house.may("Sue", {"account": {"Read": UNIT}}, ACT_FOR_OTHERS)
    found = by("Sue").get("accounts?$select=name", MSCRMCallerID=str(USERS["clerk"]))["value"]
    assert [row["name"] for row in found] == ["of Rita"]


def test_a_batch_is_sent_for_one_user_and_not_each_operation_for_another(
    house: House, as_user: Callable[[str], Api]
) -> None:
    service = as_user("service")
    named = f"MSCRMCallerID: {house.people['Sam']}"
    head = "--b\nContent-Type: application/http\nContent-Transfer-Encoding: binary\n\nGET WhoAmI HTTP/1.1\n"
    refused = service.batch(f"{head}{named}\n\n\n--b--\n")
    assert "HTTP/1.1 501" in refused.text
    assert "mscrmcallerid" in refused.text
    taken = service.batch(f"{head}{named}\n\n\n--b--\n", MSCRMCallerID=str(house.people["Sam"]))
    assert "HTTP/1.1 200" in taken.text
    assert str(house.people["Sam"]) in taken.text
