"""What registering sends, request by request, against mocked HTTP."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
import responses

from connector.auth import StaticToken
from connector.dataverse.client import DataverseClient
from connector.errors import Misconfigured
from service.registration import Registered, Result, register
from tests.service.registering_environment import API, EVENTS, FILTERS, UPDATE, Environment, ours

COLUMNS = {
    "psac_name": ("String", 200),
    "psac_kind": ("String", 50),
    "psac_subject": ("String", 100),
    "psac_requestedby": ("String", 200),
    "psac_state": ("String", 50),
    "psac_selection": ("Memo", 1048576),
    "psac_outcome": ("Memo", 1048576),
    "psac_mark": ("Integer", None),
}


@pytest.fixture
def environment() -> Iterator[Environment]:
    with responses.RequestsMock(assert_all_requests_are_fired=False) as mock:
        yield Environment(mock)


def run(*, renew_key: bool = False) -> list[Registered]:
    client = DataverseClient(API.removesuffix("/api/data/v9.2/"), StaticToken("administrator"))
    try:
        return register(client, EVENTS, renew_key=renew_key)
    finally:
        client.close()


def test_an_untouched_environment_gets_table_endpoint_and_three_steps(environment: Environment) -> None:
    done = run()
    assert [(one.what, one.name, one.result) for one in done] == [
        ("table", "psac_command", Result.MADE),
        ("service endpoint", "approvals", Result.MADE),
        ("step", "msdyn_timeentry", Result.MADE),
        ("step", "msdyn_expense", Result.MADE),
        ("step", "msdyn_projectapproval", Result.MADE),
    ]
    assert [method for method, _, _ in environment.writes] == ["POST", "PATCH", "PATCH", "PATCH", "PATCH"]


def test_the_command_table_is_made_with_all_its_columns_in_one_request(environment: Environment) -> None:
    run()
    method, path, body = environment.writes[0]
    assert (method, path) == ("POST", "EntityDefinitions")
    assert (body["@odata.type"], body["SchemaName"]) == ("Microsoft.Dynamics.CRM.EntityMetadata", "psac_Command")
    assert body["OwnershipType"] == "OrganizationOwned"
    assert (body["IsActivity"], body["HasActivities"], body["HasNotes"]) == (False, False, False)
    made = {
        column["SchemaName"].lower(): (column["AttributeType"], column.get("MaxLength"))
        for column in body["Attributes"]
    }
    assert made == COLUMNS
    for column in body["Attributes"]:
        kind = column["AttributeType"]
        assert column["@odata.type"] == f"Microsoft.Dynamics.CRM.{kind}AttributeMetadata"
        assert column["AttributeTypeName"] == {"Value": f"{kind}Type"}
        assert column["DisplayName"]["LocalizedLabels"][0]["LanguageCode"] == 1033
    assert [column["SchemaName"] for column in body["Attributes"] if column.get("IsPrimaryName")] == ["psac_Name"]


def test_the_endpoint_is_a_persistent_queue_that_gets_json_signed_with_a_key(environment: Environment) -> None:
    run()
    method, path, body = environment.writes[1]
    assert method == "PATCH"
    assert re.fullmatch(r"serviceendpoints\([0-9a-f-]{36}\)", path)
    assert environment.headers[1]["If-None-Match"] == "*", "created, never changed by accident"
    assert body == {
        "name": "PSA Connector",
        "contract": 6,
        "connectionmode": 1,
        "authtype": 2,
        "saskeyname": "send-events",
        "saskey": "the-key",
        "namespaceformat": 2,
        "namespaceaddress": "sb://contoso.servicebus.windows.net/",
        "solutionnamespace": "contoso",
        "path": "approvals",
        "messageformat": 2,
        "userclaim": 2,
    }


def test_a_step_is_asynchronous_after_the_operation_and_watches_only_what_decides(environment: Environment) -> None:
    run()
    endpoint = environment.writes[1][1]
    bodies = [body for _, _, body in environment.writes[2:]]
    assert bodies[2] == {
        "name": "PSA Connector: Update of msdyn_projectapproval",
        "stage": 40,
        "mode": 1,
        "rank": 1,
        "supporteddeployment": 0,
        "asyncautodelete": True,
        "filteringattributes": "msdyn_recordstage,msdyn_salesquantity,msdyn_billingtype",
        "eventhandler_serviceendpoint@odata.bind": f"/{endpoint}",
        "sdkmessageid@odata.bind": f"/sdkmessages({UPDATE})",
        "sdkmessagefilterid@odata.bind": f"/sdkmessagefilters({FILTERS['msdyn_projectapproval']})",
    }
    watched = [body["filteringattributes"] for body in bodies[:2]]
    assert watched == ["msdyn_entrystatus", "msdyn_expensestatus"]
    assert len({path for _, path, _ in environment.writes[2:]}) == 3


def test_a_table_that_lacks_a_column_gets_only_that_column(environment: Environment) -> None:
    there = [{"LogicalName": name} for name in COLUMNS if name != "psac_mark"]
    environment.rows["EntityDefinitions"] = [{"LogicalName": "psac_command", "Attributes": there}]
    assert run()[0].result is Result.CHANGED
    method, path, body = environment.writes[0]
    assert (method, path) == ("POST", "EntityDefinitions(LogicalName='psac_command')/Attributes")
    assert (body["SchemaName"], body["MinValue"], body["MaxValue"]) == ("psac_Mark", 0, 2147483647)


def test_an_endpoint_elsewhere_is_moved_here_with_its_key(environment: Environment) -> None:
    environment.rows["serviceendpoints"] = [ours(path="another-queue")]
    assert run()[1].result is Result.CHANGED
    assert environment.headers[1]["If-Match"] == "*"
    assert environment.writes[1][2]["saskey"] == "the-key"


def test_an_environment_without_the_product_is_named_as_such(
    environment: Environment, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delitem(FILTERS, "msdyn_expense")
    with pytest.raises(Misconfigured, match="Updates of msdyn_expense can't be watched"):
        run()


def test_nothing_is_published_because_nothing_that_exists_is_redefined(environment: Environment) -> None:
    run()
    assert not any("Publish" in path for _, path, _ in environment.writes)
