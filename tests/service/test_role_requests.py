"""What `role apply` sends, request by request, against mocked HTTP; and the definitions held against the documents."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
import responses

from connector.auth import StaticToken
from connector.dataverse.client import DataverseClient
from connector.errors import Misconfigured
from service.not_configured import NotConfigured
from service.roles.applying import Holder, give, holder, make
from service.roles.definition import Named, Rights, Role, shipped
from service.roles.standing import Standing, standing
from service.settings_sources import load

API = "https://contoso.crm4.dynamics.com/api/data/v9.2/"
UNIT, CHILD = UUID(int=1), UUID(int=2)
READ, CREATE, OWN, ACT = (UUID(int=number) for number in (11, 12, 13, 14))
USER = UUID(int=21)
ROLE = Role(
    "runtime",
    "PSA Connector runtime",
    "the service",
    (
        Rights("msdyn_actual", ("Read", "Create"), "the ledger"),
        Rights("usersettings", ("Read",), "time zone", optional=True),
        Rights("salesorderdetail", ("Read",), "guarded by salesorder"),
        Rights("msdyn_gone", ("Read",), "not there"),
    ),
    (Named("prvActOnBehalfOfAnotherUser", "acts"),),
)
PAGE = (Path(__file__).parents[2] / "docs" / "environment.md").read_text(encoding="utf-8")


def privilege(kind: str, name: str, id: UUID, *depths: str) -> dict[str, Any]:
    can = {f"CanBe{depth}": depth in depths for depth in ("Basic", "Local", "Deep", "Global")}
    return {"PrivilegeType": kind, "Name": name, "PrivilegeId": str(id), **can}


@pytest.fixture
def mock() -> Iterator[responses.RequestsMock]:
    with responses.RequestsMock(assert_all_requests_are_fired=False) as mock:
        tables = {
            "msdyn_actual": [
                privilege("Read", "prvReadmsdyn_actual", READ, "Basic", "Global"),
                privilege("Create", "prvCreatemsdyn_actual", CREATE, "Basic", "Global"),
            ],
            "usersettings": [privilege("Read", "prvReadUserSettings", OWN, "Basic", "Local")],
            "salesorderdetail": [],
        }
        rows = [{"LogicalName": name, "Privileges": them} for name, them in tables.items()]
        mock.get(f"{API}EntityDefinitions", json={"value": rows})
        offered = {"canbebasic": False, "canbelocal": False, "canbedeep": False, "canbeglobal": True}
        named = {"name": "prvActOnBehalfOfAnotherUser", "privilegeid": str(ACT), **offered}
        mock.get(f"{API}privileges", json={"value": [named]})
        mock.get(f"{API}businessunits", json={"value": [{"businessunitid": str(UNIT)}]})
        mock.get(f"{API}solutions", json={"value": []})
        mock.get(f"{API}publishers", json={"value": []})
        yield mock


@pytest.fixture
def client() -> DataverseClient:
    return DataverseClient(API.partition("/api")[0], StaticToken("t"), sleep=lambda _: None)


def roles(mock: responses.RequestsMock, *rows: Mapping[str, object]) -> None:
    mock.get(f"{API}roles", json={"value": list(rows)})


def held(mock: responses.RequestsMock, depths: Mapping[UUID, str]) -> None:
    given = [{"PrivilegeId": str(id), "Depth": depth, "PrivilegeName": f"prv{id.int}"} for id, depth in depths.items()]
    mock.get(f"{API}RetrieveRolePrivilegesRole(RoleId={ROLE.id})", json={"RolePrivileges": given})


def found(client: DataverseClient) -> Standing:
    return standing(client, ROLE, load(), "PSAConnector")


@pytest.mark.usefixtures("all_set")
def test_a_role_that_is_missing_is_made_in_the_root_unit_and_given_what_it_needs(
    mock: responses.RequestsMock, client: DataverseClient
) -> None:
    roles(mock)
    there = found(client)
    assert (there.row, there.absent, there.solution) == (None, ["msdyn_gone"], None)
    assert {one.id: one.depth for one in there.lacking} == {
        READ: "Global",
        CREATE: "Global",
        OWN: "Local",
        ACT: "Global",
    }, "where a privilege can't reach that far, it reaches as far as it can"
    mock.patch(f"{API}roles({ROLE.id})", status=204)
    added = mock.post(f"{API}roles({ROLE.id})/Microsoft.Dynamics.CRM.AddPrivilegesRole", status=204)
    held(mock, {READ: "Global", CREATE: "Basic", OWN: "Local", ACT: "Global"})
    lacking = make(client, there)
    assert [one.id for one in lacking] == [CREATE], "it is looked whether Dataverse did what it was told"
    made = next(call.request for call in mock.calls if call.request.method == "PATCH")
    assert made.headers["If-None-Match"] == "*"
    assert json.loads(made.body or "") == {
        "name": "PSA Connector runtime",
        "isinherited": 1,
        "businessunitid@odata.bind": f"/businessunits({UNIT})",
    }
    body = json.loads(added.calls[0].request.body)
    assert {"PrivilegeId": str(OWN), "Depth": "Local", "BusinessUnitId": str(UNIT)} in body["Privileges"]


@pytest.mark.usefixtures("all_set")
def test_only_what_is_missing_or_too_shallow_is_given_and_what_is_beyond_stays(
    mock: responses.RequestsMock, client: DataverseClient
) -> None:
    roles(mock, {"roleid": str(ROLE.id), "name": ROLE.name})
    held(mock, {READ: "Deep", CREATE: "Global", OWN: "Local", ACT: "Global", UUID(int=99): "Basic"})
    there = found(client)
    assert [one.id for one in there.lacking] == [READ]
    assert there.extra == ["prv99"]


def test_what_the_settings_make_needless_is_not_asked_for(
    mock: responses.RequestsMock, client: DataverseClient, all_set: pytest.MonkeyPatch
) -> None:
    all_set.setenv("PSA_CONNECTOR_ACTUALS__CREATOR", "product")
    all_set.setenv("PSA_CONNECTOR_COMMANDS__ACTING", "service")
    all_set.setenv("PSA_CONNECTOR_COMMANDS__ALLOWED", '["a@contoso.com"]')
    roles(mock)
    assert [one.id for one in found(client).lacking] == [READ, OWN]


@pytest.mark.usefixtures("all_set")
def test_a_role_of_the_same_name_by_somebody_else_is_not_touched(
    mock: responses.RequestsMock, client: DataverseClient
) -> None:
    roles(mock, {"roleid": str(USER), "name": ROLE.name})
    with pytest.raises(Misconfigured, match=f"etn=role&id={USER}"):
        found(client)


@pytest.mark.usefixtures("all_set")
def test_somebody_of_a_unit_below_gets_the_role_as_it_is_there(
    mock: responses.RequestsMock, client: DataverseClient
) -> None:
    roles(mock)
    there = found(client)
    whom = Holder(USER, "Service", CHILD, has_it=False)
    with pytest.raises(Misconfigured, match="has no role"):
        give(client, there, whom)
    mock.remove("GET", f"{API}roles")
    roles(mock, {"roleid": str(CHILD)})
    given = mock.post(f"{API}systemusers({USER})/systemuserroles_association/$ref", status=204)
    give(client, there, whom)
    assert json.loads(given.calls[0].request.body) == {"@odata.id": f"{API}roles({CHILD})"}


def test_a_name_that_two_have_is_refused_with_both(mock: responses.RequestsMock, client: DataverseClient) -> None:
    people = [{"fullname": "O'Hara", "systemuserid": str(id)} for id in (UNIT, CHILD)]
    asked = mock.get(f"{API}systemusers", json={"value": people})
    with pytest.raises(NotConfigured) as refused:
        holder(client, "O'Hara", ROLE.id)
    assert all(str(id) in refused.value.faults[0] for id in (UNIT, CHILD))
    assert "fullname%20eq%20%27O%27%27Hara%27" in str(asked.calls[0].request.url)


@pytest.mark.parametrize("name", ["operator", "registrar"])
def test_the_roles_are_those_of_the_documents(name: str) -> None:
    section = PAGE.partition(f"<!-- role {name} -->")[2].partition("<!-- end -->")[0]
    told = {table: tuple(rights.split(", ")) for table, rights in re.findall(r"\| `(\w+)` \| ([\w, ]+) \|", section)}
    role = shipped(name)
    alike = {one.table for one in role.tables if one.why == "shown with what is marked and invoiced"}
    assert told == {one.table: one.rights for one in role.tables if one.table not in alike}
    assert set(re.findall(r"`(prv\w+)`", section)) == {one.name for one in role.privileges}


def test_whoever_operates_may_read_all_that_the_service_reads() -> None:
    guarded = {"salesorderdetail", "invoicedetail"}
    reads = {one.table for one in shipped("runtime").tables if "Read" in one.rights} - guarded
    assert reads <= {one.table for one in shipped("operator").tables if "Read" in one.rights}
