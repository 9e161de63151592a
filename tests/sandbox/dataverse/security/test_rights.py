"""What a user sees and may do follows from roles, depths and business units."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING
from uuid import UUID

import pytest

from sandbox.dataverse.security.privileges import privilege_id
from sandbox.dataverse.seed import BUSINESS_UNIT
from sandbox.dataverse.unit_of_work import Link

if TYPE_CHECKING:
    from sandbox.dataverse.server import DataverseServer
    from tests.sandbox.dataverse.conftest import Api
    from tests.sandbox.dataverse.security.conftest import House

USER, UNIT, BELOW, ALL = 1, 2, 4, 8


def names(api: Api) -> list[str]:
    return [row["name"] for row in api.get("accounts?$select=name")["value"]]


def row_of(house: House, name: str) -> UUID:
    with house.server.transaction() as uow:
        (row,) = uow.find("account", name=f"of {name}")
    id = row["accountid"]
    assert isinstance(id, UUID)
    return id


@pytest.mark.parametrize(
    ("depth", "seen"),
    [
        (USER, ["of Sam"]),
        (UNIT, ["of Sam", "of Sue"]),
        (BELOW, ["of Sam", "of Sue", "of Nora"]),
        (ALL, ["of Rita", "of Sam", "of Sue", "of Nora", "of Vera"]),
    ],
)
def test_the_depth_of_reading_says_whose_rows_are_seen(
    house: House, by: Callable[[str], Api], depth: int, seen: list[str]
) -> None:
    house.may("Sam", {"account": {"Read": depth}})
    api = by("Sam")
    assert names(api) == seen
    assert api("GET", "accounts/$count").text == str(len(seen))
    assert len(api.get("accounts?$filter=startswith(name,'of')&$count=true&$top=1")["value"]) == 1
    assert api.get("accounts?$select=name&$orderby=name desc")["value"][0]["name"] == max(seen)


def test_a_row_out_of_reach_is_refused_by_its_id_in_dataverses_words(house: House, by: Callable[[str], Api]) -> None:
    house.may("Sam", {"account": {"Read": UNIT, "Write": USER, "Delete": USER}})
    vera, sue, sam = (row_of(house, name) for name in ("Vera", "Sue", "Sam"))
    api = by("Sam")
    status, code, message = api.refused("GET", f"accounts({vera})")
    assert (status, code) == (403, "0x80040220")
    assert message == (
        f"SecLib::AccessCheckEx failed. Returned hr = -2147187962, ObjectID: {vera}, OwnerId: {house.people['Vera']},  "
        f"OwnerIdType: 8 and CallingUser: {house.people['Sam']}. ObjectTypeCode: 1, objectBusinessUnitId: "
        f"{house.units['service']}, AccessRights: ReadAccess"
    )
    assert api.get(f"accounts({sue})?$select=name")["name"] == "of Sue"
    assert api.refused("PATCH", f"accounts({sue})", {"name": "x"})[:2] == (403, "0x80040220")
    assert api.refused("DELETE", f"accounts({sue})")[:2] == (403, "0x80040220")
    assert api("PATCH", f"accounts({sam})", json={"name": "mine"}).status_code == 204
    assert api("DELETE", f"accounts({sam})").status_code == 204


def test_a_missing_privilege_is_named_with_its_id(house: House, by: Callable[[str], Api]) -> None:
    house.may("Sam", {"account": {"Read": ALL}})
    status, code, message = by("Sam").refused("POST", "accounts", {"name": "x"})
    assert (status, code) == (403, "0x80040220")
    assert re.match(
        rf"Principal user \(Id={house.people['Sam']}, type=8, roleCount=1, privilegeCount=1, .*\), is missing "
        rf"prvCreateAccount privilege \(Id={privilege_id('prvCreateAccount')}\) on OTC=1 for entity 'account'",
        message,
    )
    for method, path in (("GET", "contacts"), ("GET", "contacts/$count"), ("POST", "contacts")):
        assert by("Sam").refused(method, path, {})[:2] == (403, "0x80040220")


def test_who_has_no_role_may_not_even_read(house: House, by: Callable[[str], Api]) -> None:
    assert by("Sam").refused("GET", "accounts")[:2] == (403, "0x80042f09")
    assert by("Sam").get("WhoAmI")["BusinessUnitId"] == str(house.units["sales"])


def test_rows_belong_to_the_business_unit_of_their_owner(house: House, by: Callable[[str], Api]) -> None:
    house.may("Sam", {"account": {"Create": USER, "Read": USER, "Write": USER, "Assign": USER}})
    id = by("Sam").create("accounts", {"name": "new"})
    row = by("Sam").get(f"accounts({id})")
    assert row["_owninguser_value"] == str(house.people["Sam"])
    assert row["_owningbusinessunit_value"] == str(house.units["sales"])
    body = {"ownerid@odata.bind": f"/systemusers({house.people['Vera']})"}
    assert by("Sam")("PATCH", f"accounts({id})", json=body).status_code == 204
    with house.server.transaction() as uow:
        after = uow.get("account", id)
    assert after is not None
    assert str(getattr(after["owningbusinessunit"], "id", None)) == str(house.units["service"])


def test_giving_a_row_away_needs_a_right_of_its_own_and_so_does_making_one_for_others(
    house: House, by: Callable[[str], Api]
) -> None:
    house.may("Sam", {"account": {"Create": USER, "Read": ALL, "Write": ALL}})
    body = {"ownerid@odata.bind": f"/systemusers({house.people['Vera']})"}
    assert (
        "AssignAccess" in by("Sam").refused("PATCH", f"accounts({row_of(house, 'Sam')})", body)[2]
        or "prvAssign" in (by("Sam").refused("PATCH", f"accounts({row_of(house, 'Sam')})", body)[2])
    )
    assert "CreateAccess" in by("Sam").refused("POST", "accounts", {"name": "x", **body})[2]
    assert len(names(by("Sam"))) == 5


def test_pointing_to_a_row_needs_append_here_and_append_to_there(house: House, by: Callable[[str], Api]) -> None:
    base = {"Create": ALL, "Read": ALL}
    body = {"lastname": "x", "parentcustomerid_account@odata.bind": f"/accounts({row_of(house, 'Sam')})"}
    for rights, lacking in (
        ({"contact": base, "account": {"Read": ALL}}, "prvAppendContact"),
        ({"contact": base | {"Append": ALL}, "account": {"Read": ALL}}, "prvAppendToAccount"),
    ):
        house.may("Sam", rights)
        assert lacking in by("Sam").refused("POST", "contacts", body)[2]
    house.may("Sam", {"contact": base | {"Append": ALL}, "account": {"Read": ALL, "AppendTo": ALL}})
    assert by("Sam")("POST", "contacts", json=body).status_code == 204


def test_a_lookup_to_a_hidden_row_does_not_open_it(house: House, by: Callable[[str], Api]) -> None:
    vera = row_of(house, "Vera")
    house.may("Sam", {"contact": {"Read": ALL}, "account": {"Read": UNIT}})
    with house.server.transaction() as uow:
        uow.create("contact", {"lastname": "x", "parentcustomerid": Link("account", vera)})
    found = by("Sam").get("contacts?$select=lastname&$expand=parentcustomerid_account($select=name)")["value"]
    assert [row["parentcustomerid_account"] for row in found] == [None]


def test_a_refused_operation_undoes_its_whole_change_set(house: House, by: Callable[[str], Api]) -> None:
    house.may("Sam", {"account": {"Create": ALL, "Read": ALL}})
    part = "Content-Type: application/http\n\n"
    answer = by("Sam").batch(
        "--b\nContent-Type: multipart/mixed; boundary=c\n\n"
        f'--c\n{part}POST accounts HTTP/1.1\n\n{{"name":"A"}}\n'
        f"--c\n{part}POST contacts HTTP/1.1\n\n{{}}\n--c--\n--b--\n"
    )
    assert b"HTTP/1.1 403 Forbidden" in answer.content
    assert len(names(by("Sam"))) == 5


def test_bulk_messages_ask_for_the_rights_of_each_row(house: House, by: Callable[[str], Api]) -> None:
    house.may("Sam", {"account": {"Read": ALL, "Write": UNIT}})
    rows = [
        {"@odata.type": "Microsoft.Dynamics.CRM.account", "accountid": str(row_of(house, name)), "name": "x"}
        for name in ("Sam", "Vera")
    ]
    path = "accounts/Microsoft.Dynamics.CRM.UpdateMultiple"
    assert by("Sam").refused("POST", path, {"Targets": rows})[:2] == (403, "0x80040220")
    assert "x" not in names(by("Sam"))
    assert by("Sam")("POST", path, json={"Targets": rows[:1]}).status_code == 204


def test_an_action_needs_the_right_to_write_its_row(house: House, by: Callable[[str], Api]) -> None:
    house.may("Sam", {"account": {"Read": ALL, "Write": UNIT}})
    action = "Microsoft.Dynamics.CRM.new_Rename"
    assert by("Sam").refused("POST", f"accounts({row_of(house, 'Vera')})/{action}", {"Name": "x"})[0] == 403
    assert by("Sam")("POST", f"accounts({row_of(house, 'Sue')})/{action}", json={"Name": "x"}).status_code == 200


def test_only_a_customizer_makes_tables(house: House, by: Callable[[str], Api]) -> None:
    house.may("Sam", {"account": {"Read": ALL}})
    assert "prvCreateEntity" in by("Sam").refused("POST", "EntityDefinitions", {})[2]
    path = "EntityDefinitions(LogicalName='account')/Attributes"
    assert "prvCreateAttribute" in by("Sam").refused("POST", path, {})[2]


def test_roles_are_given_taken_and_filled_over_the_web_api(
    house: House, by: Callable[[str], Api], as_user: Callable[[str], Api], server: DataverseServer
) -> None:
    admin = as_user("administrator")
    role = admin.create("roles", {"name": "Reader", "businessunitid@odata.bind": f"/businessunits({BUSINESS_UNIT})"})
    (privilege,) = admin.get("privileges?$select=privilegeid&$filter=name eq 'prvReadAccount'")["value"]
    body = {"Privileges": [{"PrivilegeId": privilege["privilegeid"], "Depth": "Global"}]}
    assert admin("POST", f"roles({role})/Microsoft.Dynamics.CRM.AddPrivilegesRole", json=body).status_code == 204
    link = f"systemusers({house.people['Sam']})/systemuserroles_association"
    assert admin("POST", f"{link}/$ref", json={"@odata.id": f"{admin.root}/roles({role})"}).status_code == 204
    assert len(names(by("Sam"))) == 5
    assert [row["name"] for row in admin.get(f"{link}?$select=name")["value"]] == ["Reader"]
    assert by("Sam").refused("POST", f"{link}/$ref", {"@odata.id": f"{admin.root}/roles({role})"})[0] == 403
    assert admin("DELETE", f"{link}({role})/$ref").status_code == 204
    assert by("Sam").refused("GET", "accounts")[0] == 403
    assert admin.refused("POST", "systemuserrolescollection", {})[:2] == (400, "0x80040800")


def test_the_seeded_users_are_system_administrators_until_somebody_decides_otherwise(
    house: House, as_user: Callable[[str], Api]
) -> None:
    assert len(names(as_user("clerk"))) == 5
    house.may("clerk", {"account": {"Read": USER}})
    assert names(as_user("clerk")) == []


def test_a_row_is_appended_only_to_one_within_reach(house: House, by: Callable[[str], Api]) -> None:
    own = {"Create": USER, "Read": USER, "Write": USER, "Append": USER}
    house.may("Sam", {"contact": own, "account": {"Read": ALL, "AppendTo": UNIT}})
    api = by("Sam")
    ids = {row["name"]: row["accountid"] for row in api.get("accounts?$select=name")["value"]}

    def contact_of(account: str) -> dict[str, str]:
        return {"lastname": "C", "parentcustomerid_account@odata.bind": f"/accounts({ids[account]})"}

    assert api("POST", "contacts", json=contact_of("of Sue")).status_code == 204
    status, code, message = api.refused("POST", "contacts", contact_of("of Vera"))
    assert (status, code) == (403, "0x80040220")
    assert f"ObjectID: {ids['of Vera']}" in message
    assert "AccessRights: AppendToAccess" in message
    assert len(api.get("contacts")["value"]) == 1


def test_who_may_only_create_is_told_that_the_row_is_there_and_not_that_it_is_out_of_reach(
    house: House, by: Callable[[str], Api]
) -> None:
    house.may("Sam", {"account": {"Create": USER, "Read": USER}})
    path = f"accounts({row_of(house, 'Vera')})"
    told = by("Sam").refused("PATCH", path, {"name": "mine"}, If_None_Match="*")
    assert told[:2] == (412, "0x80040237")
    assert by("Sam").refused("PATCH", path, {"name": "mine"})[:2] == (403, "0x80040220")
    house.may("Sam", {"account": {"Read": USER, "Write": USER}})
    assert "prvCreateAccount" in by("Sam").refused("PATCH", path, {"name": "mine"}, If_None_Match="*")[2]
