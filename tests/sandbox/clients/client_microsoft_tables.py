"""What Microsoft's own Python client does with tables, columns, keys and relationships. Run by ``make clients``."""

from __future__ import annotations

from enum import IntEnum

import pytest
from PowerPlatform.Dataverse.client import DataverseClient
from PowerPlatform.Dataverse.core.errors import HttpError, MetadataError

from tests.sandbox.clients.microsoft import client as client
from tests.sandbox.clients.microsoft import mark as mark
from tests.sandbox.clients.microsoft import world as world

COLUMNS = {"new_Code": "string", "new_Amount": "decimal", "new_Many": "int", "new_Day": "datetime", "new_Done": "bool"}


class Size(IntEnum):
    """A choice, as the client takes one."""

    SMALL = 1
    LARGE = 2


def made(client: DataverseClient, name: str) -> str:
    """A table of this name with a column of every type; its logical name."""
    return str(client.tables.create(name, COLUMNS | {"new_Size": Size, "new_Text": "memo"}).logical_name)


def test_a_table_is_made_told_and_taken_away(client: DataverseClient) -> None:
    assert made(client, "new_Widget") == "new_widget"
    info = client.tables.get("new_Widget")
    assert info is not None
    assert (info.entity_set_name, info.primary_name_attribute) == ("new_widgets", "new_name")
    widget = client.records.create("new_widget", {"new_name": "w", "new_size": "LARGE", "new_done": True})
    row = client.records.retrieve("new_widget", widget, select=["new_size", "new_done"])
    assert row is not None
    assert (row["new_size"], row["new_done"]) == (2, True)
    assert {"new_Widget"} <= {table["SchemaName"] for table in client.tables.list()}
    with pytest.raises(MetadataError):
        client.tables.create("new_Widget", {})
    client.tables.delete("new_Widget")
    assert client.tables.get("new_Widget") is None


def test_columns_are_added_changed_told_and_taken_away(client: DataverseClient) -> None:
    made(client, "new_Gadget")
    assert client.tables.add_columns("new_Gadget", {"new_Note": "string", "new_Rate": "float"}) == [
        "new_Note",
        "new_Rate",
    ]
    client.tables.update_column("new_Gadget", "new_note", {"max_length": 300})
    client.records.create("new_gadget", {"new_name": "g", "new_note": "x" * 300})
    column = client.tables.get_column("new_Gadget", "new_note", typed=True)
    assert column is not None
    assert (column["MaxLength"], column["@odata.type"].rpartition(".")[2]) == (300, "StringAttributeMetadata")
    names = {one["LogicalName"] for one in client.tables.list_columns("new_Gadget", typed=True)}
    assert names >= {"new_note", "new_size", "new_gadgetid"}
    amounts = client.tables.list_columns("new_Gadget", filter="AttributeType eq 'Decimal'", select=["LogicalName"])
    assert "new_amount" in {one["LogicalName"] for one in amounts}
    client.tables.remove_columns("new_Gadget", ["new_Note", "new_Rate"])
    assert client.tables.get_column("new_Gadget", "new_note") is None


def test_a_lookup_is_made_with_its_relationship(client: DataverseClient, mark: str) -> None:
    made(client, "new_Part")
    relation = client.tables.create_lookup_field("new_part", "new_Owner", "account", display_name="Owner")
    found = client.tables.get_relationship(relation.relationship_schema_name)
    assert found is not None
    assert (found.relationship_id, found.referenced_entity) == (relation.relationship_id, "account")
    account = client.records.create("account", {"name": mark})
    part = client.records.create("new_part", {"new_name": "p", "new_Owner@odata.bind": f"/accounts({account})"})
    row = client.records.retrieve("new_part", part, select=["_new_owner_value"])
    assert row is not None
    assert row["_new_owner_value"] == account
    all_of_it = client.tables.list_table_relationships("new_Part")
    assert relation.relationship_schema_name in {one["SchemaName"] for one in all_of_it}
    client.tables.delete_relationship(relation.relationship_id)
    assert client.tables.get_relationship(relation.relationship_schema_name) is None


def test_keys_are_made_and_dropped(client: DataverseClient) -> None:
    made(client, "new_Tool")
    """The client takes the table's id from the new key's address for that of the key; the list has the right one."""
    client.tables.create_alternate_key("new_Tool", "new_ToolKey", ["new_code"])
    (found,) = client.tables.get_alternate_keys("new_Tool")
    assert (found.schema_name, found.status) == ("new_ToolKey", "Active")
    client.tables.delete_alternate_key("new_Tool", found.metadata_id)
    assert client.tables.get_alternate_keys("new_Tool") == []


def test_many_rows_are_deleted_by_one_job(client: DataverseClient, mark: str) -> None:
    ids = client.records.create("account", [{"name": f"{mark} {number}"} for number in range(5)])
    job = client.records.delete("account", ids[:4])
    assert job is not None
    left = client.records.list("account", filter=f"startswith(name,'{mark}')", select=["name"])
    assert [row["name"] for row in left] == [f"{mark} 4"]
    row = client.records.retrieve("asyncoperation", job, select=["statuscode"])
    assert row is not None
    assert row["statuscode"] == 30


def test_what_the_sandbox_does_not_support_is_told_by_a_code_of_its_own(client: DataverseClient) -> None:
    """Queries in SQL, files and many-to-many relationships."""
    with pytest.raises(HttpError) as told:
        client.query.sql("SELECT name FROM account")
    assert told.value.details["service_error_code"] == "NotSupportedBySandbox"
    with pytest.raises(HttpError) as told:
        client.tables.create("new_Paper", {"new_Scan": "file"})
    assert told.value.details["service_error_code"] == "NotSupportedBySandbox"
