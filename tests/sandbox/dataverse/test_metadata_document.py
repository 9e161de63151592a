"""``$metadata``: the schema as an OData document."""

from __future__ import annotations

from typing import TYPE_CHECKING
from xml.etree import ElementTree

import pytest

from sandbox.clock import Clock
from sandbox.dataverse import product
from sandbox.dataverse.server import DataverseServer
from tests.sandbox.dataverse.conftest import Api

if TYPE_CHECKING:
    from tests.sandbox.dataverse.conftest import Loop

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


def test_what_an_action_takes_is_told_with_its_type(loop: Loop) -> None:
    server = DataverseServer(Clock(), actions=product.ACTIONS)
    loop.run(server.start())
    api = Api(server, "service")
    schema = ElementTree.fromstring(api("GET", "$metadata").content).find(".//e:Schema", NS)  # noqa: S314
    assert schema is not None
    told = {
        action.get("Name"): {one.get("Name"): one.get("Type") for one in action.findall("e:Parameter", NS)}
        for action in schema.findall("e:Action", NS)
    }
    assert told["msdyn_MarkActualReadyToInvoiceOrNot"] == {
        "Actuals": "Collection(mscrm.msdyn_actual)",
        "ReadyToInvoice": "Edm.Boolean",
    }
    assert told["msdyn_createinvoicefrominvoiceschedule"] == {
        "entity": "mscrm.salesorder",
        "InvoiceSchedules": "Collection(mscrm.msdyn_contractlineinvoiceschedule)",
    }
    assert told["msdyn_NewInvoiceContract"] == {"entity": "mscrm.salesorder"}
    assert {one.get("Name") for one in schema.findall("e:Function", NS)} == {"WhoAmI"}
    types = {one.get("Name") for kind in ("EntityType", "ComplexType") for one in schema.findall(f"e:{kind}", NS)}
    named = {
        kind.removeprefix("Collection(").removesuffix(")") for taken in told.values() for kind in taken.values() if kind
    }
    assert {kind for kind in named if kind.removeprefix("mscrm.") not in types} <= {
        "Edm.String",
        "Edm.Int32",
        "Edm.Boolean",
    }
    refusal = api.refused("POST", "msdyn_TimeEntriesSubmit", {"TimeEntryIds": "x", "Ids": "y"})
    assert refusal[0] == 400
    assert "The parameter 'Ids' in the request payload is not a valid parameter" in refusal[2]
    api.close()
    loop.end(server.stop())
