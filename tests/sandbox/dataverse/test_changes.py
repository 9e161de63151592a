"""Change tracking: a first reading, then what changed and what went."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tests.sandbox.dataverse.conftest import Api

TRACK = "odata.track-changes"


def follow(api: Api, link: str, prefer: str = "") -> Any:
    return api.get(link.removeprefix(f"{api.root}/"), **({"Prefer": prefer} if prefer else {}))


def test_the_first_reading_is_everything_with_a_link_to_what_comes_after(api: Api) -> None:
    ada = api.create("accounts", {"name": "Ada"})
    bea = api.create("accounts", {"name": "Bea"})
    first = api.get("accounts?$select=name", Prefer=TRACK)
    assert first["@odata.context"] == f"{api.root}/$metadata#accounts(name)/$delta"
    assert {row["name"] for row in first["value"]} == {"Ada", "Bea"}
    assert follow(api, first["@odata.deltaLink"])["value"] == []
    cid = api.create("accounts", {"name": "Cid"})
    api("PATCH", f"accounts({bea})", json={"name": "Bert"})
    api("DELETE", f"accounts({ada})")
    short = api.create("accounts", {"name": "Short"})
    api("DELETE", f"accounts({short})")
    second = follow(api, first["@odata.deltaLink"])
    assert [row.get("name") for row in second["value"]] == ["Cid", "Bert", None, None]
    assert [row["id"] for row in second["value"][2:]] == [str(ada), str(short)]
    assert second["value"][2]["@odata.context"] == f"{api.root}/$metadata#accounts/$deletedEntity"
    assert second["value"][2]["reason"] == "deleted"
    token = first["@odata.deltaLink"].partition("$deltatoken=")[2]
    assert api("GET", f"accounts/$count?$deltatoken={token}").text == "4"
    third = follow(api, second["@odata.deltaLink"])
    assert third["value"] == []
    api("PATCH", f"accounts({cid})", json={"name": "Carl"})
    assert [row["name"] for row in follow(api, third["@odata.deltaLink"])["value"]] == ["Carl"]


def test_a_tracked_reading_comes_in_pages_and_misses_nothing_written_meanwhile(api: Api) -> None:
    ids = [api.create("accounts", {"name": str(number)}) for number in range(5)]
    prefer = f"{TRACK},odata.maxpagesize=2"
    page = api.get("accounts?$select=name", Prefer=prefer)
    seen = [row["name"] for row in page["value"]]
    api("PATCH", f"accounts({ids[4]})", json={"name": "late"})
    api("PATCH", f"accounts({ids[0]})", json={"name": "again"})
    while "@odata.nextLink" in page:
        assert "@odata.deltaLink" not in page
        page = follow(api, page["@odata.nextLink"], prefer)
        seen += [row["name"] for row in page["value"]]
    assert seen == ["0", "1", "2", "3"]
    later = follow(api, page["@odata.deltaLink"])
    assert [row["name"] for row in later["value"]] == ["late", "again"]


@pytest.mark.parametrize("option", ["$filter=name eq 'x'", "$orderby=name", "$expand=createdby", "$top=1"])
def test_only_a_selection_can_be_tracked(api: Api, option: str) -> None:
    status, _, message = api.refused("GET", f"accounts?{option}", Prefer=TRACK)
    assert status == 400
    assert "change tracking" in message


def test_a_token_is_answered_for_seven_days(api: Api) -> None:
    refusal = api.refused("GET", "accounts?$deltatoken=1!01/01/2020 00:00:00")
    assert refusal[:2] == (400, "0x80044352")
    assert api.refused("GET", "accounts?$deltatoken=x")[0] == 400


def test_a_table_without_change_tracking_says_so(api: Api) -> None:
    assert api.refused("GET", "usersettingscollection", Prefer=TRACK)[0] == 400
    facts = api.get("EntityDefinitions(LogicalName='account')?$select=ChangeTrackingEnabled")
    assert facts["ChangeTrackingEnabled"] is True


def test_what_was_rolled_back_is_no_change(api: Api) -> None:
    link = api.get("accounts?$select=name", Prefer=TRACK)["@odata.deltaLink"]
    id = api.create("accounts", {"name": "A"})
    api.create("salesorders", {"name": "C", "customerid_account@odata.bind": f"/accounts({id})"})
    assert api.refused("DELETE", f"accounts({id})")[0] == 400
    assert [row.get("name") for row in follow(api, link)["value"]] == ["A"]
