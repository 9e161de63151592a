"""Actions, bound and unbound."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import uuid4

if TYPE_CHECKING:
    from tests.sandbox.dataverse.conftest import Api, Ear

RENAME = "Microsoft.Dynamics.CRM.new_Rename"


def test_a_bound_action_answers_with_the_row_it_returns(api: Api) -> None:
    id = api.create("accounts", {"name": "A"})
    answer = api("POST", f"accounts({id})/{RENAME}", json={"Name": "B"})
    assert answer.status_code == 200
    row = answer.json()
    assert (row["accountid"], row["name"]) == (str(id), "B")
    assert row["@odata.context"] == f"{api.root}/$metadata#accounts/$entity"


def test_an_unbound_action_without_a_result_answers_204(api: Api) -> None:
    answer = api("POST", "new_Touch", json={})
    assert (answer.status_code, answer.content) == (204, b"")
    assert api.get("accounts?$select=name")["value"][0]["name"] == "touched"


def test_an_action_that_refuses_changes_nothing_and_says_why(api: Api, ear: Ear) -> None:
    id = api.create("accounts", {"name": "A"})
    ear.heard.clear()
    refusal = api.refused("POST", f"accounts({id})/{RENAME}", {"Name": "forbidden"})
    assert refusal == (400, "0x80040265", "That name is not allowed.")
    assert ear.heard == []


def test_an_unknown_action_or_one_of_another_table_is_not_found(api: Api) -> None:
    id = api.create("contacts", {"lastname": "A"})
    for path in (f"contacts({id})/{RENAME}", f"contacts({id})/Microsoft.Dynamics.CRM.new_Nothing", "new_Nothing"):
        assert api.refused("POST", path, {})[:2] == (404, "0x8006088a")
    assert api.refused("GET", f"accounts({id})/{RENAME}")[0] == 404


def test_an_action_on_a_row_that_is_not_there_is_refused(api: Api) -> None:
    assert api.refused("POST", f"accounts({uuid4()})/{RENAME}", {"Name": "B"})[:2] == (404, "0x80040217")
