"""The full names of contacts and users follow their parts."""

from __future__ import annotations

from typing import Any

import pytest

from tests.sandbox.dataverse.conftest import Api


@pytest.mark.parametrize(
    ("given", "full"),
    [
        ({"firstname": "Ina", "lastname": "Other"}, "Ina Other"),
        ({"lastname": "Other"}, "Other"),
        ({"firstname": "Ina", "middlename": "M.", "lastname": None}, "Ina"),
        ({"emailaddress1": "ina@other.example"}, None),
    ],
)
def test_a_contact_is_called_by_its_first_and_last_name(given: dict[str, Any], full: str | None, api: Api) -> None:
    contact = api.create("contacts", given)
    assert api.get(f"contacts({contact})?$select=fullname")["fullname"] == full
    assert [row["contactid"] for row in api.get(f"contacts?$filter=fullname eq '{full}'")["value"]] == (
        [str(contact)] if full else []
    )


def test_the_full_name_follows_the_part_that_changes_and_stays_when_something_else_does(api: Api) -> None:
    contact = api.create("contacts", {"firstname": "Ina", "lastname": "Other"})
    for changes, full in (
        ({"lastname": "Else"}, "Ina Else"),
        ({"firstname": None}, "Else"),
        ({"jobtitle": "x"}, "Else"),
    ):
        assert api("PATCH", f"contacts({contact})", changes).status_code == 204
        assert api.get(f"contacts({contact})?$select=fullname")["fullname"] == full
    assert api("PATCH", f"contacts({contact})", {"lastname": None}).status_code == 204
    assert api.get(f"contacts({contact})?$select=fullname")["fullname"] is None


def test_a_user_made_over_the_web_api_has_a_full_name(api: Api) -> None:
    unit = api.get("businessunits?$select=name")["value"][0]["businessunitid"]
    user = api.create(
        "systemusers",
        {
            "firstname": "Ina",
            "lastname": "Other",
            "domainname": "ina@other.example",
            "internalemailaddress": "ina@other.example",
            "businessunitid@odata.bind": f"businessunits({unit})",
        },
    )
    assert api.get(f"systemusers({user})?$select=fullname")["fullname"] == "Ina Other"


def test_the_full_name_itself_may_not_be_written(api: Api) -> None:
    contact = api.create("contacts", {"lastname": "Other"})
    api("PATCH", f"contacts({contact})", {"fullname": "Somebody"})
    assert api.get(f"contacts({contact})?$select=fullname")["fullname"] == "Other"
