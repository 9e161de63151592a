"""``$metadata``: the schema as an OData document."""

from __future__ import annotations

from typing import TYPE_CHECKING
from xml.etree import ElementTree

import pytest

if TYPE_CHECKING:
    from tests.sandbox.dataverse.conftest import Api

NS = {"e": "http://docs.oasis-open.org/odata/ns/edm"}


@pytest.fixture
def schema(api: Api) -> ElementTree.Element:
    answer = api("GET", "$metadata")
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "application/xml")
    found = ElementTree.fromstring(answer.content).find(".//e:Schema", NS)  # noqa: S314
    assert found is not None
    return found


def entity(schema: ElementTree.Element, name: str) -> ElementTree.Element:
    found = schema.find(f"e:EntityType[@Name='{name}']", NS)
    assert found is not None
    return found


def test_an_entity_has_its_key_its_properties_and_their_types(schema: ElementTree.Element) -> None:
    actual = entity(schema, "msdyn_actual")
    key = actual.find("e:Key/e:PropertyRef", NS)
    assert key is not None
    assert key.get("Name") == "msdyn_actualid"
    types = {one.get("Name"): one.get("Type") for one in actual.findall("e:Property", NS)}
    assert types["msdyn_amount"] == "Edm.Decimal"
    assert types["msdyn_billingstatus"] == "Edm.Int32"
    assert types["_msdyn_project_value"] == "Edm.Guid"
    assert types["versionnumber"] == "Edm.Int64"
    assert types["msdyn_documentdate"] == "Edm.DateTimeOffset"
    invoice = {one.get("Name"): one.get("Type") for one in entity(schema, "invoice").findall("e:Property", NS)}
    assert invoice["duedate"] == "Edm.Date"


def test_navigation_properties_are_told_in_their_real_case_both_ways(schema: ElementTree.Element) -> None:
    found = entity(schema, "msdyn_actual").find("e:NavigationProperty[@Name='msdyn_Project']", NS)
    assert found is not None
    assert found.get("Type") == "mscrm.msdyn_project"
    constraint = found.find("e:ReferentialConstraint", NS)
    assert constraint is not None
    assert constraint.get("Property") == "_msdyn_project_value"
    details = entity(schema, "salesorder").find("e:NavigationProperty[@Name='order_details']", NS)
    assert details is not None
    assert (details.get("Type"), details.get("Partner")) == ("Collection(mscrm.salesorderdetail)", "salesorderid")
    owner = entity(schema, "account").find("e:NavigationProperty[@Name='ownerid']", NS)
    assert owner is not None
    assert owner.get("Type") == "mscrm.principal"


def test_sets_actions_and_alternate_keys_are_part_of_it(api: Api) -> None:
    body = {"SchemaName": "psac_Number", "KeyAttributes": ["accountnumber"]}
    assert api("POST", "EntityDefinitions(LogicalName='account')/Keys", json=body).status_code == 204
    text = api("GET", "$metadata").text
    assert '<EntitySet Name="msdyn_actuals" EntityType="mscrm.msdyn_actual">' in text
    assert '<Action Name="new_Rename" IsBound="true"><Parameter Name="entity" Type="mscrm.account"' in text
    assert '<ActionImport Name="new_Touch" Action="mscrm.new_Touch"/>' in text
    assert '<PropertyValue Property="Name" PropertyPath="accountnumber"/>' in text
    assert api.refused("POST", "$metadata", {})[0] == 405
