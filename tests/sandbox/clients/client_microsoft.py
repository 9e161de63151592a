"""Microsoft's own Python client, unmodified, against the sandbox. Run by ``make clients``: it brings pandas along."""

from __future__ import annotations

from collections.abc import Iterator
from uuid import uuid4

import pytest
import requests
from PowerPlatform.Dataverse.client import DataverseClient
from PowerPlatform.Dataverse.core.errors import HttpError
from PowerPlatform.Dataverse.models.filters import col
from PowerPlatform.Dataverse.models.upsert import UpsertItem

from sandbox.faults import Faults
from sandbox.world import Sandbox
from tests.sandbox.clients.microsoft import client as client
from tests.sandbox.clients.microsoft import mark as mark
from tests.sandbox.clients.microsoft import world as world

STRING, DECIMAL = "Microsoft.Dynamics.CRM.StringAttributeMetadata", "Microsoft.Dynamics.CRM.DecimalAttributeMetadata"
THING = {
    "@odata.type": "Microsoft.Dynamics.CRM.EntityMetadata",
    "SchemaName": "new_Thing",
    "OwnershipType": "UserOwned",
    "Attributes": [
        {"@odata.type": STRING, "SchemaName": "new_Name", "IsPrimaryName": True, "MaxLength": 100},
        {"@odata.type": STRING, "SchemaName": "new_Code", "MaxLength": 100},
        {"@odata.type": DECIMAL, "SchemaName": "new_Amount", "Precision": 2},
    ],
}


@pytest.fixture
def faults(world: Sandbox) -> Iterator[Faults]:
    yield world.faults
    world.faults.release_all()


def test_a_record_is_made_read_changed_and_deleted(client: DataverseClient, mark: str) -> None:
    account = client.records.create("account", {"name": mark, "telephone1": "1"})
    client.records.update("account", account, {"telephone1": "2"})
    row = client.records.retrieve("account", account, select=["name", "telephone1"])
    assert (row["name"], row["telephone1"]) == (mark, "2")
    client.records.delete("account", account)
    assert client.records.retrieve("account", account) is None


def test_a_row_that_is_not_there_is_told_with_status_and_code(client: DataverseClient) -> None:
    with pytest.raises(HttpError) as told:
        client.records.update("account", str(uuid4()), {"name": "nobody"})
    assert (told.value.status_code, told.value.details["service_error_code"]) == (404, "0x80040217")


def test_a_value_of_the_wrong_type_is_refused(client: DataverseClient) -> None:
    with pytest.raises(HttpError) as told:
        client.records.create("account", {"name": 5})
    assert told.value.status_code == 400


def test_many_records_are_made_and_changed_in_one_request_each(client: DataverseClient, mark: str) -> None:
    made = client.records.create("account", [{"name": f"{mark} {number}"} for number in range(25)])
    assert len(set(made)) == 25
    client.records.update("account", made, {"telephone1": "same"})
    client.records.update("account", made[:2], [{"telephone1": "first"}, {"telephone1": "second"}])
    rows = client.records.list("account", filter=f"startswith(name,'{mark}')", select=["telephone1"])
    assert sorted(row["telephone1"] for row in rows) == sorted(["first", "second"] + ["same"] * 23)


def test_of_many_records_none_is_made_when_one_is_wrong(client: DataverseClient, mark: str) -> None:
    with pytest.raises(HttpError):
        client.records.create("account", [{"name": mark}, {"name": mark, "creditlimit": "much"}])
    assert list(client.records.list("account", filter=f"name eq '{mark}'")) == []


def test_a_table_s_alternate_key_carries_upserts(client: DataverseClient, world: Sandbox) -> None:
    made = requests.post(
        f"{world.dataverse}/api/data/v9.2/EntityDefinitions",
        json=THING,
        headers={"Authorization": f"Bearer {world.tokens['administrator']}"},
        timeout=20,
    )
    assert made.status_code == 204, made.text
    client.tables.create_alternate_key("new_Thing", "new_ThingKey", ["new_code"])
    (key,) = client.tables.get_alternate_keys("new_Thing")
    assert (key.schema_name, key.key_attributes, key.status) == ("new_ThingKey", ["new_code"], "Active")
    client.records.upsert("new_thing", [UpsertItem(alternate_key={"new_code": "a"}, record={"new_amount": 1.5})])
    both = [UpsertItem(alternate_key={"new_code": code}, record={"new_amount": 2.5}) for code in ("a", "b")]
    client.records.upsert("new_thing", both)
    rows = client.records.list("new_thing", orderby=["new_code"], select=["new_code", "new_amount"])
    assert [(row["new_code"], row["new_amount"]) for row in rows] == [("a", 2.5), ("b", 2.5)]
    with pytest.raises(HttpError) as told:
        client.records.create("new_thing", {"new_code": "a"})
    assert (told.value.status_code, told.value.details["service_error_code"]) == (412, "0x80060892")


def test_a_batch_answers_each_operation_and_a_change_set_refers_to_what_it_made(
    client: DataverseClient, mark: str
) -> None:
    batch = client.batch.new()
    batch.records.create("account", {"name": mark})
    with batch.changeset() as changes:
        made = changes.records.create("account", {"name": mark})
        changes.records.update("account", made, {"telephone1": "in the set"})
    batch.records.list("account", filter=f"name eq '{mark}'", select=["telephone1"])
    result = batch.execute()
    assert [response.status_code for response in result.responses] == [204, 204, 204, 200]
    row = client.records.retrieve("account", result.responses[1].entity_id, select=["telephone1"])
    assert row["telephone1"] == "in the set"


def test_a_change_set_that_fails_leaves_nothing_and_the_batch_goes_on_where_it_may(
    client: DataverseClient, mark: str
) -> None:
    batch = client.batch.new()
    with batch.changeset() as changes:
        changes.records.create("account", {"name": mark})
        changes.records.update("account", str(uuid4()), {"name": "nobody"})
    batch.records.create("contact", {"lastname": mark})
    result = batch.execute(continue_on_error=True)
    failed, made = result.responses
    assert (failed.status_code, failed.error_code, made.status_code) == (404, "0x80040217", 204)
    assert list(client.records.list("account", filter=f"name eq '{mark}'")) == []
    assert len(list(client.records.list("contact", filter=f"lastname eq '{mark}'"))) == 1


def test_pages_are_as_large_as_asked_and_come_one_after_the_other(client: DataverseClient, mark: str) -> None:
    client.records.create("account", [{"name": f"{mark} {number:02}"} for number in range(23)])
    pages = client.records.list_pages(
        "account", filter=f"startswith(name,'{mark}')", select=["name"], orderby=["name"], page_size=10
    )
    names = [[row["name"] for row in page] for page in pages]
    assert [len(page) for page in names] == [10, 10, 3]
    assert [name for page in names for name in page] == [f"{mark} {number:02}" for number in range(23)]


def test_queries_are_built_of_conditions_order_and_related_rows(client: DataverseClient, mark: str) -> None:
    account = client.records.create("account", {"name": mark})
    numbers = [
        {"lastname": mark, "firstname": name, "parentcustomerid_account@odata.bind": f"/accounts({account})"}
        for name in ("Ann", "Bob", "Cid")
    ]
    client.records.create("contact", numbers)
    found = (
        client.query.builder("contact")
        .select("firstname")
        .where((col("lastname") == mark) & col("firstname").in_(["Ann", "Cid"]))
        .order_by("firstname", descending=True)
        .expand("parentcustomerid_account")
        .execute()
    )
    rows = list(found)
    assert [row["firstname"] for row in rows] == ["Cid", "Ann"]
    assert {row["parentcustomerid_account"]["name"] for row in rows} == {mark}


def test_labels_of_choices_and_lookups_come_with_the_values(client: DataverseClient) -> None:
    entry = next(
        iter(
            client.query.builder("msdyn_timeentry")
            .select("msdyn_entrystatus", "_msdyn_project_value")
            .include_formatted_values()
            .top(1)
            .execute()
        )
    )
    assert entry["msdyn_entrystatus@OData.Community.Display.V1.FormattedValue"] == "Submitted"
    assert entry["_msdyn_project_value@OData.Community.Display.V1.FormattedValue"]


def test_a_throttled_request_is_told_as_one_to_be_repeated_with_its_wait(
    client: DataverseClient, faults: Faults
) -> None:
    storm = faults.storm(429, times=1, path="/accounts", retry_after=7)
    with pytest.raises(HttpError) as told:
        list(client.records.list("account"))
    assert (told.value.status_code, told.value.is_transient, storm.struck) == (429, True, 1)
    assert told.value.details["retry_after"] == 7
