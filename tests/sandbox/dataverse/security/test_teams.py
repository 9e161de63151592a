"""Roles that come through a team: whose rows they reach, from where, and how a team is made over the Web API."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid4

import pytest

from sandbox.dataverse.security.privileges import ADMINISTRATOR, assign, make_role
from sandbox.dataverse.seed import BUSINESS_UNIT, USERS
from sandbox.dataverse.unit_of_work import Link, Row

if TYPE_CHECKING:
    from tests.sandbox.dataverse.conftest import Api
    from tests.sandbox.dataverse.security.conftest import House

USER, UNIT, DEEP, ALL = 1, 2, 4, 8
NAMES = "accounts?$select=name"


class Team:
    """A team of Sam's in the unit "service", which owns one account; Sam himself is of "sales" and has no role."""

    def __init__(self, house: House, admin: Api) -> None:
        self._house, self._admin = house, admin
        with house.server.transaction() as uow:
            assign(uow, house.people["Sam"])
        self.sam = house.people["Sam"]
        self.id = admin.create(
            "teams",
            {
                "name": "Team",
                "teamtype": 0,
                "businessunitid@odata.bind": f"/businessunits({house.units['service']})",
                "administratorid@odata.bind": f"/systemusers({self.sam})",
            },
        )
        self.account = admin.create("accounts", {"name": "of the team", "ownerid@odata.bind": f"/teams({self.id})"})
        self.associate(f"teams({self.id})/teammembership_association", f"systemusers({self.sam})")

    def associate(self, path: str, other: str) -> None:
        answer = self._admin("POST", f"{path}/$ref", json={"@odata.id": f"{self._admin.root}/{other}"})
        assert answer.status_code == 204, answer.text

    def may(self, rights: Mapping[str, Mapping[str, int]], *, inherited: bool = True) -> UUID:
        with self._house.server.transaction() as uow:
            role = make_role(uow, "role of the team", rights)
            uow.update("role", role, {"isinherited": int(inherited)})
        self.associate(f"teams({self.id})/teamroles_association", f"roles({role})")
        return role


@pytest.fixture
def admin(as_user: Callable[[str], Api]) -> Api:
    return as_user("administrator")


@pytest.fixture
def team(house: House, admin: Api) -> Team:
    return Team(house, admin)


def names(api: Api) -> list[Any]:
    return sorted(row["name"] for row in api.get(NAMES)["value"])


@pytest.mark.parametrize(
    ("depth", "inherited", "seen"),
    [
        (USER, False, ["of the team"]),
        (USER, True, ["of Sam", "of the team"]),
        (UNIT, False, ["of Vera", "of the team"]),
        (UNIT, True, ["of Sam", "of Vera", "of the team"]),
        (ALL, False, ["of Nora", "of Rita", "of Sam", "of Sue", "of Vera", "of the team"]),
    ],
)
def test_a_role_of_the_team_reaches_the_teams_rows_and_unit_and_where_inherited_the_members_own(
    team: Team, by: Callable[[str], Api], depth: int, inherited: bool, seen: list[str]
) -> None:
    team.may({"account": {"Read": depth}}, inherited=inherited)
    assert names(by("Sam")) == seen
    assert by("Sam").get("accounts?$count=true&$top=1")["@odata.count"] == len(seen)


def test_a_deep_role_of_the_team_reaches_down_from_the_teams_unit(
    house: House, admin: Api, by: Callable[[str], Api]
) -> None:
    house.units["service"] = house.units["sales"]  # the team is of "sales", with "north" below it
    Team(house, admin).may({"account": {"Read": DEEP}}, inherited=False)
    assert names(by("Sam")) == ["of Nora", "of Sam", "of Sue", "of the team"]


def test_the_users_own_basic_depth_reaches_the_rows_of_their_teams(
    house: House, team: Team, by: Callable[[str], Api]
) -> None:
    house.may("Sam", {"account": {"Read": USER, "Write": USER}})
    assert names(by("Sam")) == ["of Sam", "of the team"]
    assert by("Sam")("PATCH", f"accounts({team.account})", json={"name": "changed"}).status_code == 204


def test_who_may_only_read_the_teams_rows_cannot_write_them_and_is_told_that_a_team_owns_them(
    house: House, team: Team, by: Callable[[str], Api]
) -> None:
    house.may("Sam", {"account": {"Write": USER}})
    team.may({"account": {"Read": UNIT}})
    with house.server.transaction() as uow:
        who: Row = {
            "businessunitid": Link("businessunit", BUSINESS_UNIT),
            "administratorid": Link("systemuser", USERS["administrator"]),
        }
        other = uow.create("team", who | {"name": "Other", "teamtype": 0})
        account = uow.create("account", {"name": "of another team", "ownerid": Link("team", other)})
    status, code, message = by("Sam").refused("PATCH", f"accounts({account})", {"name": "mine"})
    assert (status, code) == (403, "0x80040220")
    assert f"OwnerId: {other},  OwnerIdType: 9 and CallingUser: {team.sam}." in message


def test_who_leaves_the_team_loses_its_role(team: Team, admin: Api, by: Callable[[str], Api]) -> None:
    team.may({"account": {"Read": ALL}})
    assert by("Sam")("GET", "accounts").status_code == 200
    members = {"Members": [{"@odata.type": "Microsoft.Dynamics.CRM.systemuser", "systemuserid": str(team.sam)}]}
    path = f"teams({team.id})/Microsoft.Dynamics.CRM"
    assert admin("POST", f"{path}.RemoveMembersTeam", json=members).status_code == 204
    status, code, words = by("Sam").refused("GET", "accounts")
    assert (status, code) == (403, "0x80042f09")
    assert words.startswith("SecLib::RetrievePrivilegeForUser failed - no roles are assigned to user.")
    assert admin("POST", f"{path}.AddMembersTeam", json=members).status_code == 204
    assert by("Sam")("GET", "accounts").status_code == 200
    gone = admin("DELETE", f"systemusers({team.sam})/teammembership_association({team.id})/$ref")
    assert gone.status_code == 204
    assert by("Sam").refused("GET", "accounts")[0] == 403


def test_a_role_is_taken_from_a_team_again(team: Team, admin: Api, by: Callable[[str], Api]) -> None:
    role = team.may({"account": {"Read": ALL}})
    listed = admin.get(f"teams({team.id})/teamroles_association?$select=name")["value"]
    assert [row["name"] for row in listed] == ["role of the team"]
    assert admin("DELETE", f"teams({team.id})/teamroles_association({role})/$ref").status_code == 204
    assert by("Sam").refused("GET", "accounts")[0] == 403
    assert admin.get(f"teams({team.id})/teamroles_association")["value"] == []
    assert [row["fullname"] for row in admin.get(f"teams({team.id})/teammembership_association")["value"]] == ["Sam"]


def test_a_team_of_administrators_makes_its_members_administrators(team: Team, by: Callable[[str], Api]) -> None:
    team.associate(f"teams({team.id})/teamroles_association", f"roles({ADMINISTRATOR})")
    assert len(names(by("Sam"))) == 6
    assert by("Sam")("POST", "contacts", json={"lastname": "C"}).status_code == 204


def test_only_who_may_write_the_team_changes_its_members(house: House, team: Team, by: Callable[[str], Api]) -> None:
    house.may("Sue", {"team": {"Read": ALL}, "systemuser": {"Read": ALL}})
    path = f"teams({team.id})/teammembership_association/$ref"
    reference = {"@odata.id": f"{by('Sue').root}/systemusers({house.people['Sue']})"}
    status, code, message = by("Sue").refused("POST", path, reference)
    assert (status, code) == (403, "0x80040220")
    assert "prvWriteTeam" in message
    members = {"Members": [{"systemuserid": str(house.people["Sue"])}]}
    assert by("Sue").refused("POST", f"teams({team.id})/Microsoft.Dynamics.CRM.AddMembersTeam", members)[0] == 403


@pytest.mark.parametrize("body", [{}, {"Members": 7}, {"Members": [{"teamid": "x"}]}])
def test_members_that_make_no_sense_are_refused(team: Team, admin: Api, body: dict[str, Any]) -> None:
    path = f"teams({team.id})/Microsoft.Dynamics.CRM.AddMembersTeam"
    assert admin.refused("POST", path, body)[:2] == (400, "0x80048d19")
    stranger = {"Members": [{"systemuserid": str(uuid4())}]}
    assert admin.refused("POST", path, stranger)[:2] == (404, "0x80040217")


@pytest.mark.parametrize("name", ["GrantAccess", "ModifyAccess", "RevokeAccess"])
def test_sharing_is_refused_by_its_name(admin: Api, name: str) -> None:
    status, code, message = admin.refused("POST", name, {"Target": {}})
    assert (status, code) == (501, "NotSupportedBySandbox")
    assert name in message
