"""Solutions: what is made under their name belongs to them, what is there can be added, and they are exported."""

from __future__ import annotations

import base64
import io
import zipfile
from collections.abc import Callable
from typing import TYPE_CHECKING, Any
from uuid import UUID
from xml.etree.ElementTree import Element, fromstring

import pytest

if TYPE_CHECKING:
    from tests.sandbox.dataverse.conftest import Api

PUBLISHER = {
    "uniquename": "contoso",
    "friendlyname": "Contoso",
    "customizationprefix": "con",
    "customizationoptionvalueprefix": 12345,
}
TABLE = {
    "SchemaName": "con_Thing",
    "OwnershipType": "OrganizationOwned",
    "Attributes": [
        {
            "@odata.type": "Microsoft.Dynamics.CRM.StringAttributeMetadata",
            "SchemaName": "con_Name",
            "IsPrimaryName": True,
            "MaxLength": 50,
        }
    ],
}
ENDPOINT = {
    "name": "E",
    "contract": 6,
    "connectionmode": 1,
    "authtype": 2,
    "messageformat": 2,
    "userclaim": 2,
    "namespaceaddress": "sb://contoso.servicebus.windows.net/",
    "path": "q",
    "saskeyname": "send",
    "saskey": "TheSecretKey",
    "solutionnamespace": "contoso",
    "namespaceformat": 2,
}


@pytest.fixture
def admin(as_user: Callable[[str], Api]) -> Api:
    return as_user("administrator")


@pytest.fixture
def solution(admin: Api) -> UUID:
    publisher = admin.create("publishers", PUBLISHER)
    values = {"uniquename": "Mine", "friendlyname": "Mine", "version": "1.0.0.0"}
    return admin.create("solutions", values | {"publisherid@odata.bind": f"/publishers({publisher})"})


def components(admin: Api, solution: UUID) -> list[tuple[int, str]]:
    rows = admin.get(f"solutioncomponents?$filter=_solutionid_value eq {solution}")["value"]
    return sorted((row["componenttype"], row["objectid"]) for row in rows)


def exported(admin: Api, *, managed: bool) -> tuple[dict[str, bytes], Element]:
    answer = admin("POST", "ExportSolution", {"SolutionName": "Mine", "Managed": managed})
    assert answer.status_code == 200, answer.text
    with zipfile.ZipFile(io.BytesIO(base64.b64decode(answer.json()["ExportSolutionFile"]))) as file:
        files = {name: file.read(name) for name in file.namelist()}
    return files, fromstring(files["solution.xml"])  # noqa: S314


def test_what_is_made_under_a_solutions_name_belongs_to_it_until_it_is_deleted(admin: Api, solution: UUID) -> None:
    by: dict[str, Any] = {"MSCRM.SolutionUniqueName": "mine"}
    made = admin("POST", "EntityDefinitions", TABLE, **by)
    assert made.status_code == 204, made.text
    table = made.headers["OData-EntityId"].rsplit("(", 1)[1].rstrip(")")
    endpoint = "0b6a3e0e-0000-4000-8000-000000000001"
    assert admin("PATCH", f"serviceendpoints({endpoint})", ENDPOINT, **by).status_code == 204
    assert components(admin, solution) == [(1, table), (95, endpoint)]
    admin("PATCH", f"serviceendpoints({endpoint})", {"path": "r"}, **by)
    assert len(components(admin, solution)) == 2, "it belongs to it once"
    assert admin("DELETE", f"serviceendpoints({endpoint})").status_code == 204
    assert admin("DELETE", "EntityDefinitions(LogicalName='con_thing')").status_code == 204
    assert components(admin, solution) == []


def test_what_is_there_already_is_added_and_goes_out_with_the_solution(admin: Api, solution: UUID) -> None:
    endpoint = admin.create("serviceendpoints", ENDPOINT)
    added = {"ComponentId": str(endpoint), "ComponentType": 95, "SolutionUniqueName": "Mine"}
    others = {"AddRequiredComponents": False, "DoNotIncludeSubcomponents": None}
    assert admin("POST", "AddSolutionComponent", added | others).status_code == 200
    files, manifest = exported(admin, managed=True)
    assert set(files) == {"[Content_Types].xml", "solution.xml", "customizations.xml"}
    assert manifest.findtext("SolutionManifest/Managed") == "1"
    assert manifest.findtext("SolutionManifest/Publisher/CustomizationPrefix") == "con"
    (root,) = manifest.iter("RootComponent")
    assert (root.get("type"), root.get("id")) == ("95", f"{{{endpoint}}}")
    inside = fromstring(files["customizations.xml"])  # noqa: S314
    assert inside.findtext("ServiceEndpoints/ServiceEndpoint/SASKeyName") == "send"
    assert not any(b"TheSecretKey" in content for content in files.values()), "a key is never exported"
    assert admin("DELETE", f"solutions({solution})").status_code == 204
    assert admin.get(f"serviceendpoints({endpoint})")["path"] == "q", "an unmanaged solution only holds its components"


@pytest.mark.usefixtures("solution")
def test_a_solution_nobody_knows_and_what_is_not_understood_are_refused(admin: Api) -> None:
    unknown: dict[str, Any] = {"MSCRM.SolutionUniqueName": "Yours"}
    assert "Yours does not exist" in admin.refused("POST", "serviceendpoints", ENDPOINT, **unknown)[2]
    assert admin.get("serviceendpoints")["value"] == []
    body = {"ComponentId": "0b6a3e0e-0000-4000-8000-000000000001", "SolutionUniqueName": "Mine"}
    assert admin.refused("POST", "AddSolutionComponent", body | {"ComponentType": 95})[0] == 404
    assert "type 61" in admin.refused("POST", "AddSolutionComponent", body | {"ComponentType": 61})[2]
    assert admin.refused("POST", "ExportSolution", {"SolutionName": "Mine"})[0] == 400
    assert "more than" in admin.refused("POST", "ExportSolution", {"SolutionName": "Mine", "TargetVersion": "9"})[2]


def test_a_role_tells_its_privileges_with_their_depth_and_goes_out_with_them(admin: Api, solution: UUID) -> None:
    unit = admin.get("WhoAmI")["BusinessUnitId"]
    values = {"name": "R", "businessunitid@odata.bind": f"/businessunits({unit})"}
    role = admin.create("roles", values)
    (read,) = admin.get("privileges?$select=privilegeid&$filter=name eq 'prvReadmsdyn_actual'")["value"]
    given = {"Privileges": [{"PrivilegeId": read["privilegeid"], "Depth": "Deep", "BusinessUnitId": unit}]}
    assert admin("POST", f"roles({role})/Microsoft.Dynamics.CRM.AddPrivilegesRole", given).status_code == 204
    (held,) = admin.get(f"RetrieveRolePrivilegesRole(RoleId={role})")["RolePrivileges"]
    assert (held["PrivilegeName"], held["Depth"], held["BusinessUnitId"]) == ("prvReadmsdyn_actual", "Deep", unit)
    admin("POST", "AddSolutionComponent", {"ComponentId": str(role), "ComponentType": 20, "SolutionUniqueName": "Mine"})
    assert [kind for kind, _ in components(admin, solution)] == [20]
    inside = fromstring(exported(admin, managed=False)[0]["customizations.xml"])  # noqa: S314
    (privilege,) = inside.iter("RolePrivilege")
    assert (privilege.get("name"), privilege.get("level")) == ("prvReadmsdyn_actual", "Deep")
    assert admin.refused("GET", f"RetrieveRolePrivilegesRole(RoleId={solution})")[0] == 404
