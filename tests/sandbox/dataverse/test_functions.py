"""Functions of the platform: what a user may do by the names of privileges, and the time on a zone's clocks."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from sandbox.dataverse.security.privileges import assign, make_role, privilege_id
from sandbox.dataverse.seed import BUSINESS_UNIT, USERS
from sandbox.dataverse.unit_of_work import Link

if TYPE_CHECKING:
    from sandbox.dataverse.server import DataverseServer
    from tests.sandbox.dataverse.conftest import Api

SERVICE = USERS["service"]
READ, WRITE = "prvReadAccount", "prvWriteAccount"


def by_names(api: Api, *names: str) -> dict[str, str]:
    function = "Microsoft.Dynamics.CRM.RetrieveUserSetOfPrivilegesByNames(PrivilegeNames=@n)"
    rows = api.get(f"systemusers({SERVICE})/{function}?@n={json.dumps(names)}")["RolePrivileges"]
    assert all(row["PrivilegeId"] == str(privilege_id(row["PrivilegeName"])) for row in rows)
    return {row["PrivilegeName"]: row["Depth"] for row in rows}


def test_an_administrator_holds_everything_for_the_organization(api: Api) -> None:
    assert by_names(api, READ, WRITE) == {READ: "Global", WRITE: "Global"}


def test_the_true_depth_is_told_of_what_comes_through_roles_and_teams(api: Api, server: DataverseServer) -> None:
    with server.transaction() as uow:
        reader = {name: {"Read": 1} for name in ("account", "systemuser")}
        assign(uow, SERVICE, make_role(uow, "own", reader))
        unit = Link("businessunit", BUSINESS_UNIT)
        team = uow.create("team", {"name": "T", "businessunitid": unit, "administratorid": Link("systemuser", SERVICE)})
        uow.create("teammembership", {"teamid": team, "systemuserid": SERVICE})
        role = make_role(uow, "of the team", {"account": {"Read": 4}})
        uow.create("teamroles", {"teamid": team, "roleid": role})
    assert by_names(api, READ, WRITE) == {READ: "Deep"}


def test_a_privilege_that_does_not_exist_is_refused(api: Api) -> None:
    function = "Microsoft.Dynamics.CRM.RetrieveUserSetOfPrivilegesByNames(PrivilegeNames=@n)"
    answer = api("GET", f'systemusers({SERVICE})/{function}?@n=["prvNo"]')
    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "0x80040217")
    assert api("GET", f"systemusers({SERVICE})/{function}").status_code == 400


def test_the_privileges_of_a_table_are_told_by_its_definition(api: Api) -> None:
    tables: dict[str, Any] = {
        name: api.get(f"EntityDefinitions(LogicalName='{name}')?$select=Privileges")["Privileges"]
        for name in ("account", "msdyn_organizationalunit_pricelevel")
    }
    assert {one["PrivilegeType"]: one["Name"] for one in tables["account"]}["Read"] == READ
    assert tables["msdyn_organizationalunit_pricelevel"] == []


@pytest.mark.parametrize(
    ("code", "utc", "local"),
    [(110, "2026-01-15T12:00:00Z", "2026-01-15T13:00:00Z"), (35, "2026-07-15T12:00:00Z", "2026-07-15T08:00:00Z")],
)
def test_the_time_in_a_zone_follows_its_summer_time(api: Api, code: int, utc: str, local: str) -> None:
    path = f"LocalTimeFromUtcTime(TimeZoneCode=@c,UtcTime=@t)?@c={code}&@t={utc}"
    assert api.get(path)["LocalTime"] == local


def test_a_zone_that_is_not_known_and_a_time_that_is_none_are_refused(api: Api) -> None:
    assert (
        api("GET", "LocalTimeFromUtcTime(TimeZoneCode=@c,UtcTime=@t)?@c=9999&@t=2026-01-15T12:00:00Z").status_code
        >= 400
    )
    assert api("GET", "LocalTimeFromUtcTime(TimeZoneCode=@c,UtcTime=@t)?@c=110&@t=soon").status_code == 400
