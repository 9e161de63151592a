"""Messages of the metadata service, and bulk deletion."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any
from urllib.parse import quote
from uuid import UUID, uuid4

import pytest

from tests.sandbox.dataverse.test_definitions import CRM, attribute, table

if TYPE_CHECKING:
    from tests.sandbox.dataverse.conftest import Api


def complex_table(name: str) -> dict[str, Any]:
    column = attribute("ComplexString", f"{name}Text", MaxLength=10)
    body = table(column)
    body["Attributes"][0] = body["Attributes"][0] | {"@odata.type": f"{CRM}ComplexStringAttributeMetadata"}
    return body | {"@odata.type": f"{CRM}ComplexEntityMetadata", "SchemaName": name}


def test_several_tables_are_made_at_once_or_none(api: Api) -> None:
    both = {"Entities": [complex_table("psac_One"), complex_table("psac_Two")]}
    answer = api("POST", "CreateEntities", json=both)
    assert answer.status_code == 204, answer.text
    assert api("POST", "psac_ones", json={"psac_onetext": "x"}).status_code == 204
    again = {"Entities": [complex_table("psac_Three"), complex_table("psac_Two")]}
    assert api.refused("POST", "CreateEntities", again)[1] == "0x80044363"
    assert api.refused("GET", "psac_threes")[0] == 404
    assert api("POST", "PublishAllXml", json={}).status_code == 204


def changes(api: Api, query: dict[str, Any]) -> Any:
    return api.get(f"RetrieveMetadataChanges(Query=@p1)?@p1={quote(json.dumps(query))}")


def condition(name: str, value: str) -> dict[str, Any]:
    typed = {"Type": "System.String", "Value": value}
    return {"Conditions": [{"PropertyName": name, "ConditionOperator": "Equals", "Value": typed}]}


def test_chosen_facts_of_a_table_and_its_columns_come_in_one_answer(api: Api) -> None:
    query = {
        "Properties": {"PropertyNames": ["LogicalName", "Attributes"]},
        "Criteria": condition("LogicalName", "account"),
        "AttributeQuery": {
            "Properties": {"PropertyNames": ["MaxLength", "OptionSet"]},
            "Criteria": condition("LogicalName", "name"),
        },
    }
    (found,) = changes(api, query)["EntityMetadata"]
    (column,) = found["Attributes"]
    assert (found["LogicalName"], "EntitySetName" in found) == ("account", False)
    assert column["@odata.type"] == f"#{CRM}StringAttributeMetadata"
    assert (column["LogicalName"], column["MaxLength"]) == ("name", 160)
    assert changes(api, query | {"Criteria": condition("LogicalName", "nothing")})["EntityMetadata"] == []


@pytest.mark.parametrize(
    "query",
    [
        {"LabelQuery": {}},
        {"Criteria": {"Conditions": [{"PropertyName": "LogicalName", "ConditionOperator": "GreaterThan"}]}},
        {"Criteria": {"Filters": [{}]}},
    ],
)
def test_what_is_not_understood_in_such_a_query_is_refused(api: Api, query: dict[str, Any]) -> None:
    address = f"RetrieveMetadataChanges(Query=@p1)?@p1={quote(json.dumps(query))}"
    assert api.refused("GET", address)[:2] == (501, "NotSupportedBySandbox")
    assert api.refused("GET", "RetrieveMetadataChanges(Query=@p1)?@p1=nonsense")[:2] == (400, "0x80060888")


def bulk_deletion(ids: list[UUID], column: str = "accountid", operator: str = "In") -> dict[str, Any]:
    values = [{"Value": str(id), "Type": "System.Guid"} for id in ids]
    condition = {"AttributeName": column, "Operator": operator, "Values": values}
    query = {"EntityName": "account", "Criteria": {"FilterOperator": "And", "Conditions": [condition]}}
    return {"JobName": "away", "RecurrencePattern": "", "QuerySet": [query]}


def test_a_bulk_deletion_deletes_what_may_go_and_leaves_a_job(api: Api) -> None:
    free, held, kept = (api.create("accounts", {"name": name}) for name in ("free", "held", "kept"))
    api.create("contacts", {"parentcustomerid_account@odata.bind": f"/accounts({held})"})
    answer = api("POST", "BulkDelete", json=bulk_deletion([free, held, uuid4()]))
    assert answer.status_code == 200, answer.text
    left = {row["accountid"] for row in api.get("accounts?$select=accountid")["value"]}
    assert left == {str(held), str(kept)}
    job = api.get(f"asyncoperations({answer.json()['JobId']})")
    assert (job["name"], job["operationtype"], job["statecode"], job["statuscode"]) == ("away", 13, 3, 30)
    assert "1 rows could not be deleted" in job["message"]


def test_a_bulk_deletion_by_more_than_equality_is_refused(api: Api) -> None:
    id = api.create("accounts", {"name": "stays"})
    assert api.refused("POST", "BulkDelete", bulk_deletion([id], operator="NotIn"))[0] == 501
    recurring = bulk_deletion([id]) | {"RecurrencePattern": "FREQ=DAILY"}
    assert api.refused("POST", "BulkDelete", recurring)[0] == 501
    assert api.refused("POST", "BulkDelete", {"QuerySet": []})[0] == 400
    assert api.get(f"accounts({id})")["name"] == "stays"
