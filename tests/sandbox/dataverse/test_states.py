"""State and status move together."""

from __future__ import annotations

from typing import Any

import pytest

from tests.sandbox.dataverse.conftest import Api

REFUSED = "0x80048408"


@pytest.mark.parametrize("changes", [{"statecode": 1}, {"statecode": 1, "statuscode": 2}])
def test_a_row_is_deactivated_by_its_state_with_or_without_the_status(changes: dict[str, Any], api: Api) -> None:
    account = api.create("accounts", {"name": "A"})
    assert api("PATCH", f"accounts({account})", changes).status_code == 204
    row = api.get(f"accounts({account})?$select=statecode,statuscode")
    assert (row["statecode"], row["statuscode"]) == (1, 2)
    assert api("PATCH", f"accounts({account})", {"statecode": 0}).status_code == 204
    assert api.get(f"accounts({account})?$select=statuscode")["statuscode"] == 1


@pytest.mark.parametrize(
    ("changes", "state"),
    [({"statecode": 1, "statuscode": 1}, "Inactive"), ({"statuscode": 2}, "Active")],
)
def test_a_status_of_another_state_is_refused_and_nothing_changes(
    changes: dict[str, Any], state: str, api: Api
) -> None:
    account = api.create("accounts", {"name": "A"})
    status, code, message = api.refused("PATCH", f"accounts({account})", changes)
    assert (status, code) == (400, REFUSED)
    assert f"{changes['statuscode']} is not a valid status code for state code accountState.{state}" in message
    row = api.get(f"accounts({account})?$select=statecode,statuscode")
    assert (row["statecode"], row["statuscode"]) == (0, 1)


def test_a_new_row_may_not_have_the_status_of_another_state(api: Api) -> None:
    assert api.refused("POST", "accounts", {"name": "A", "statecode": 0, "statuscode": 2})[:2] == (400, REFUSED)
