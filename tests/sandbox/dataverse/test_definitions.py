"""Metadata: what tables say of themselves, and tables made at run time."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest

from sandbox.clock import Clock
from sandbox.dataverse.server import DataverseServer

if TYPE_CHECKING:
    from tests.sandbox.dataverse.conftest import Api, Ear, Loop

CRM = "Microsoft.Dynamics.CRM."


def label(text: str) -> dict[str, Any]:
    return {"LocalizedLabels": [{"Label": text, "LanguageCode": 1033}]}


def table(*attributes: dict[str, Any]) -> dict[str, Any]:
    name = {
        "@odata.type": f"{CRM}StringAttributeMetadata",
        "SchemaName": "psac_Name",
        "IsPrimaryName": True,
        "MaxLength": 50,
        "DisplayName": label("Name"),
    }
    return {
        "@odata.type": f"{CRM}EntityMetadata",
        "SchemaName": "psac_Command",
        "DisplayName": label("Command"),
        "DisplayCollectionName": label("Commands"),
        "OwnershipType": "UserOwned",
        "HasActivities": False,
        "HasNotes": False,
        "Attributes": [name, *attributes],
    }


def attribute(kind: str, name: str, **facts: Any) -> dict[str, Any]:
    return {"@odata.type": f"{CRM}{kind}AttributeMetadata", "SchemaName": name, **facts}


COLUMNS = [
    attribute("Memo", "psac_Outcome", MaxLength=4000),
    attribute("Integer", "psac_Attempts", MinValue=0, MaxValue=10),
    attribute("Decimal", "psac_Amount", Precision=2),
    attribute("Picklist", "psac_State", OptionSet={"Options": [{"Value": 1, "Label": label("Open")}]}),
    attribute("DateTime", "psac_Until", Format="DateAndTime", DateTimeBehavior={"Value": "UserLocal"}),
    attribute("DateTime", "psac_Day", Format="DateOnly", DateTimeBehavior={"Value": "DateOnly"}),
    attribute("Boolean", "psac_Done"),
]


def test_a_table_made_at_run_time_takes_rows_like_any_other(api: Api) -> None:
    answer = api("POST", "EntityDefinitions", json=table(*COLUMNS))
    assert answer.status_code == 204, answer.text
    assert answer.headers["OData-EntityId"].startswith(f"{api.root}/EntityDefinitions(")
    id = uuid4()
    values = {
        "psac_name": "mark",
        "psac_outcome": "fine",
        "psac_attempts": 1,
        "psac_amount": 1.239,
        "psac_state": 1,
        "psac_until": "2026-01-02T03:04:05Z",
        "psac_day": "2026-01-02",
        "psac_done": True,
    }
    assert api("PATCH", f"psac_commands({id})", json=values, If_None_Match="*").status_code == 204
    row = api.get(f"psac_commands({id})")
    assert {name: row[name] for name in values} == values | {"psac_amount": 1.24}
    assert (row["statecode"], row["statuscode"], row["psac_commandid"]) == (0, 1, str(id))
    assert row["_ownerid_value"] is not None
    for wrong in ({"psac_attempts": 11}, {"psac_state": 2}, {"psac_name": "x" * 51}, {"psac_Name": "x"}):
        assert api.refused("PATCH", f"psac_commands({id})", wrong)[0] == 400


def test_a_made_table_says_what_it_is(api: Api) -> None:
    api("POST", "EntityDefinitions", json=table(*COLUMNS))
    found = api.get(
        "EntityDefinitions?$select=LogicalName,EntitySetName,PrimaryIdAttribute,PrimaryNameAttribute,SchemaName"
        "&$filter=LogicalName eq 'psac_command'&$expand=Attributes($select=LogicalName,AttributeType),"
        "ManyToOneRelationships($select=ReferencingAttribute,ReferencedEntity,ReferencingEntityNavigationPropertyName)"
    )["value"]
    assert len(found) == 1
    facts = found[0]
    assert facts["EntitySetName"] == "psac_commands"
    assert facts["PrimaryIdAttribute"] == "psac_commandid"
    assert facts["PrimaryNameAttribute"] == "psac_name"
    assert facts["SchemaName"] == "psac_Command"
    kinds = {one["LogicalName"]: one["AttributeType"] for one in facts["Attributes"]}
    assert kinds["psac_state"] == "Picklist"
    assert kinds["psac_day"] == "DateTime"
    assert kinds["psac_commandid"] == "Uniqueidentifier"
    assert {one["ReferencingAttribute"] for one in facts["ManyToOneRelationships"]} >= {"createdby", "ownerid"}


def test_columns_can_be_added_and_rows_keep_their_values(api: Api) -> None:
    api("POST", "EntityDefinitions", json=table())
    id = api.create("psac_commands", {"psac_name": "old"})
    answer = api("POST", "EntityDefinitions(LogicalName='psac_command')/Attributes", json=COLUMNS[1])
    assert answer.status_code == 204, answer.text
    assert api("PATCH", f"psac_commands({id})", json={"psac_attempts": 3}).status_code == 204
    row = api.get(f"psac_commands({id})?$select=psac_name,psac_attempts")
    assert (row["psac_name"], row["psac_attempts"]) == ("old", 3)
    again = api.refused("POST", "EntityDefinitions(LogicalName='psac_command')/Attributes", COLUMNS[1])
    assert "already exists" in again[2]


def test_a_made_table_can_have_steps_and_is_heard_of(api: Api, ear: Ear) -> None:
    api("POST", "EntityDefinitions", json=table())
    found = api.get("sdkmessagefilters?$filter=primaryobjecttypecode eq 'psac_command'")["value"]
    assert len(found) == 5
    ear.heard.clear()
    api.create("psac_commands", {"psac_name": "x"})
    assert [write.table for writes in ear.heard for write in writes] == ["psac_command"]


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"SchemaName": "Command"}, "publisher's prefix"),
        (table() | {"Attributes": []}, "IsPrimaryName"),
        (table(attribute("File", "psac_File")), "does not support making columns"),
        (table(attribute("Picklist", "psac_State")), "OptionSet"),
        (table(attribute("String", "psac_Text", MaxLength=5000)), "MaxLength"),
    ],
)
def test_a_table_described_wrongly_is_refused(api: Api, body: dict[str, Any], words: str) -> None:
    status, _, message = api.refused("POST", "EntityDefinitions", body)
    assert status in (400, 501)
    assert words in message
    assert api.refused("GET", "psac_commands")[0] == 404


def test_the_same_table_cannot_be_made_twice(api: Api) -> None:
    assert api("POST", "EntityDefinitions", json=table()).status_code == 204
    assert "already exists" in api.refused("POST", "EntityDefinitions", table())[2]


def test_one_table_is_read_by_its_name(api: Api) -> None:
    facts = api.get("EntityDefinitions(LogicalName='msdyn_actual')?$select=LogicalName,EntitySetName,MetadataId")
    assert (facts["LogicalName"], facts["EntitySetName"]) == ("msdyn_actual", "msdyn_actuals")
    same = api.get(f"EntityDefinitions({facts['MetadataId']})?$select=LogicalName")
    assert same["LogicalName"] == "msdyn_actual"
    assert api.refused("GET", "EntityDefinitions(LogicalName='nothing')")[0] == 404


def test_navigation_properties_are_told_in_their_real_case(api: Api) -> None:
    path = "EntityDefinitions(LogicalName='msdyn_actual')/ManyToOneRelationships"
    facts = api.get(path)["value"]
    names = {one["ReferencingAttribute"]: one["ReferencingEntityNavigationPropertyName"] for one in facts}
    assert names["msdyn_project"] == "msdyn_Project"
    assert names["msdyn_salescontractlineid"] == "msdyn_SalesContractLineId"
    order = api.get("EntityDefinitions(LogicalName='salesorder')/ManyToOneRelationships")["value"]
    customers = {
        one["ReferencingEntityNavigationPropertyName"] for one in order if one["ReferencingAttribute"] == "customerid"
    }
    assert customers == {"customerid_account", "customerid_contact"}


def test_what_belongs_to_one_type_of_attribute_needs_the_cast(api: Api) -> None:
    root = "EntityDefinitions(LogicalName='invoice')/Attributes"
    assert "DateTimeBehavior" in api.refused("GET", f"{root}?$select=LogicalName,DateTimeBehavior")[2]
    cast = api.get(f"{root}/{CRM}DateTimeAttributeMetadata?$select=LogicalName,DateTimeBehavior")["value"]
    behaviors = {one["LogicalName"]: one["DateTimeBehavior"]["Value"] for one in cast}
    assert behaviors["duedate"] == "DateOnly"
    assert behaviors["createdon"] == "UserLocal"
    options = f"{root}/{CRM}StateAttributeMetadata?$select=LogicalName&$expand=OptionSet($select=Options)"
    (state,) = api.get(options)["value"]
    assert [one["Value"] for one in state["OptionSet"]["Options"]] == [0, 1, 2, 3]


def test_a_table_made_at_run_time_is_there_after_a_restart(tmp_path: Path, loop: Loop) -> None:
    from tests.sandbox.dataverse.conftest import Api

    database = str(tmp_path / "dataverse.db")
    first = DataverseServer(Clock(), database=database)
    loop.run(first.start())
    api = Api(first, "service")
    assert api("POST", "EntityDefinitions", json=table(*COLUMNS)).status_code == 204
    id = api.create("psac_commands", {"psac_name": "kept", "psac_amount": 1.5})
    before = api.get(f"psac_commands({id})")["@odata.etag"]
    api.close()
    loop.run(first.stop())
    second = DataverseServer(Clock(), database=database)
    loop.run(second.start())
    api = Api(second, "service")
    row = api.get(f"psac_commands({id})")
    assert (row["psac_name"], row["psac_amount"], row["@odata.etag"]) == ("kept", 1.5, before)
    assert api("PATCH", f"psac_commands({id})", json={"psac_done": False}, If_Match=before).status_code == 204
    assert api.get(f"psac_commands({id})")["@odata.etag"] != before
    api.close()
    loop.run(second.stop())


def test_an_environment_may_block_unmanaged_customizations(api: Api, server: DataverseServer) -> None:
    server.switches.block_unmanaged_customizations = True
    status, code, message = api.refused("POST", "EntityDefinitions", {})
    assert (status, code) == (403, "")
    assert message.startswith("This environment doesn't allow unmanaged customizations.")
    assert api.get("EntityDefinitions?$select=LogicalName&$filter=LogicalName eq 'account'")["value"]


def test_tables_and_columns_made_can_be_taken_away_again(api: Api) -> None:
    api("POST", "EntityDefinitions", json=table(*COLUMNS))
    api.create("psac_commands", {"psac_name": "x", "psac_attempts": 1})
    root = "EntityDefinitions(LogicalName='psac_command')"
    facts = api.get(f"{root}/Attributes(LogicalName='psac_attempts')?$select=MetadataId,SchemaName")
    assert facts["SchemaName"] == "psac_Attempts"
    assert api("DELETE", f"{root}/Attributes({facts['MetadataId']})").status_code == 204
    (row,) = api.get("psac_commands")["value"]
    assert row["psac_name"] == "x"
    assert "psac_attempts" not in row
    for kept in ("psac_name", "psac_commandid", "createdon", "statuscode"):
        assert api.refused("DELETE", f"{root}/Attributes(LogicalName='{kept}')")[0] == 400
    id = api.get(f"{root}?$select=MetadataId")["MetadataId"]
    assert api("DELETE", f"EntityDefinitions({id})").status_code == 204
    assert api.refused("GET", "psac_commands")[0] == 404
    assert api.refused("GET", root)[0] == 404
    assert api.refused("DELETE", "EntityDefinitions(LogicalName='account')")[0] == 400
    assert api("POST", "EntityDefinitions", json=table(*COLUMNS)).status_code == 204


def test_the_options_of_a_choice_are_read_as_the_python_client_reads_them(api: Api) -> None:
    api("POST", "EntityDefinitions", json=table(*COLUMNS))
    cast = f"{CRM}PicklistAttributeMetadata?$select=LogicalName&$expand=OptionSet($select=Options)"
    (choice,) = api.get(f"EntityDefinitions(LogicalName='psac_command')/Attributes/{cast}")["value"]
    (option,) = choice["OptionSet"]["Options"]
    assert (choice["LogicalName"], option["Value"]) == ("psac_state", 1)
    assert option["Label"]["UserLocalizedLabel"]["Label"] == "Open"
    one = f"EntityDefinitions(LogicalName='psac_command')/Attributes(LogicalName='psac_state')/{cast}"
    assert api.get(one)["OptionSet"] == choice["OptionSet"]
    info = "MetadataId,LogicalName,SchemaName,EntitySetName,PrimaryNameAttribute,PrimaryIdAttribute"
    listed = api.get(f"EntityDefinitions?$select={info}&$filter=IsPrivate eq false")["value"]
    assert {"account", "psac_command"} <= {entry["LogicalName"] for entry in listed}


def test_column_level_security_is_refused_by_name(api: Api) -> None:
    secret = attribute("String", "new_secret", IsSecured=True)
    status, code, words = api.refused("POST", "EntityDefinitions(LogicalName='account')/Attributes", secret)
    assert (status, code) == (501, "NotSupportedBySandbox")
    assert "IsSecured" in words
    open_one = attribute("String", "new_open", IsSecured=False)
    assert api("POST", "EntityDefinitions(LogicalName='account')/Attributes", json=open_one).status_code == 204
