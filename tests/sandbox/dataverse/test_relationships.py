"""``RelationshipDefinitions``: lookups made with the relationships they stand for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import uuid4

from tests.sandbox.dataverse.test_definitions import CRM, label, table

if TYPE_CHECKING:
    from tests.sandbox.dataverse.conftest import Api


def relationship(delete: str | None = None, **facts: Any) -> dict[str, Any]:
    described: dict[str, Any] = {
        "@odata.type": f"{CRM}OneToManyRelationshipMetadata",
        "SchemaName": "psac_account_Command",
        "ReferencedEntity": "account",
        "ReferencingEntity": "psac_command",
        "ReferencedAttribute": "accountid",
        "Lookup": {
            "@odata.type": f"{CRM}LookupAttributeMetadata",
            "SchemaName": "psac_Customer",
            "DisplayName": label("Customer"),
        },
    }
    if delete is not None:
        described["CascadeConfiguration"] = {"Delete": delete}
    return described | facts


def made(api: Api, delete: str | None = None) -> str:
    """Make the table and the relationship; the relationship's address."""
    assert api("POST", "EntityDefinitions", json=table()).status_code == 204
    answer = api("POST", "RelationshipDefinitions", json=relationship(delete))
    assert answer.status_code == 204, answer.text
    return answer.headers["OData-EntityId"].removeprefix(f"{api.root}/")


def test_a_lookup_is_made_with_its_relationship_and_can_be_bound_expanded_and_read_from_the_other_side(
    api: Api,
) -> None:
    made(api)
    account = api.create("accounts", {"name": "A"})
    row = {"psac_name": "mine", "psac_Customer@odata.bind": f"/accounts({account})"}
    command = api.create("psac_commands", row)
    found = api.get(f"psac_commands({command})?$select=_psac_customer_value&$expand=psac_Customer($select=name)")
    assert (found["_psac_customer_value"], found["psac_Customer"]["name"]) == (str(account), "A")
    behind = api.get(f"accounts({account})/psac_account_Command?$select=psac_name")["value"]
    assert [one["psac_name"] for one in behind] == ["mine"]
    kind = api.get("EntityDefinitions(LogicalName='psac_command')/Attributes(LogicalName='psac_customer')")
    assert (kind["AttributeType"], kind["DisplayName"]["UserLocalizedLabel"]["Label"]) == ("Lookup", "Customer")


def test_a_relationship_is_found_by_name_by_id_and_from_both_tables(api: Api) -> None:
    address = made(api)
    (fact,) = api.get("RelationshipDefinitions?$filter=SchemaName eq 'psac_account_Command'")["value"]
    assert api.get("RelationshipDefinitions(SchemaName='psac_account_Command')")["MetadataId"] == fact["MetadataId"]
    assert api.get(address)["ReferencingAttribute"] == "psac_customer"
    expected = {
        "@odata.type": f"#{CRM}OneToManyRelationshipMetadata",
        "RelationshipType": "OneToManyRelationship",
        "ReferencedEntity": "account",
        "ReferencedAttribute": "accountid",
        "ReferencingEntity": "psac_command",
        "ReferencingEntityNavigationPropertyName": "psac_Customer",
        "ReferencedEntityNavigationPropertyName": "psac_account_Command",
    }
    assert {name: fact[name] for name in expected} == expected
    for side in (
        "EntityDefinitions(LogicalName='account')/OneToManyRelationships",
        "EntityDefinitions(LogicalName='psac_command')/ManyToOneRelationships",
    ):
        names = [one["SchemaName"] for one in api.get(f"{side}?$select=SchemaName")["value"]]
        assert names.count("psac_account_Command") == 1
    kind = f"{CRM}RelationshipType'ManyToManyRelationship'"
    many = api.get(f"RelationshipDefinitions?$filter=RelationshipType eq {kind}")["value"]
    assert "systemuserroles_association" in [one["SchemaName"] for one in many]


def test_a_relationship_has_one_name_from_whichever_side_it_is_read(api: Api) -> None:
    kind = f"{CRM}OneToManyRelationshipMetadata"
    facts = api.get(f"RelationshipDefinitions/{kind}?$select=SchemaName,ReferencedEntity")["value"]
    assert api.refused("GET", "RelationshipDefinitions?$select=ReferencedEntity")[1] == "0x80060888"
    ids = [fact["MetadataId"] for fact in facts]
    assert len(ids) == len(set(ids)) > 500


def test_a_row_pointed_to_goes_as_its_relationship_says(api: Api) -> None:
    made(api, "RemoveLink")
    restricted = relationship("Restrict", SchemaName="psac_contact_Command", ReferencedEntity="contact")
    restricted["Lookup"] = restricted["Lookup"] | {"SchemaName": "psac_Person"}
    cascading = relationship("Cascade", SchemaName="psac_product_Command", ReferencedEntity="product")
    cascading["Lookup"] = cascading["Lookup"] | {"SchemaName": "psac_Product"}
    for body in (restricted, cascading):
        assert api("POST", "RelationshipDefinitions", json=body).status_code == 204
    account, contact, product = (
        api.create("accounts", {}),
        api.create("contacts", {}),
        api.create("products", {"name": "P"}),
    )
    one = api.create("psac_commands", {"psac_Customer@odata.bind": f"/accounts({account})"})
    two = api.create("psac_commands", {"psac_Person@odata.bind": f"/contacts({contact})"})
    three = api.create("psac_commands", {"psac_Product@odata.bind": f"/products({product})"})
    assert api("DELETE", f"accounts({account})").status_code == 204
    assert api.get(f"psac_commands({one})")["_psac_customer_value"] is None
    assert api.refused("DELETE", f"contacts({contact})")[1] == "0x80048cf1"
    assert api.get(f"psac_commands({two})")["_psac_person_value"] == str(contact)
    assert api("DELETE", f"products({product})").status_code == 204
    assert api.refused("GET", f"psac_commands({three})")[0] == 404


def test_a_relationship_made_is_taken_away_with_its_lookup_and_a_shipped_one_stays(api: Api) -> None:
    address = made(api)
    assert api("DELETE", address).status_code == 204
    assert api.refused("GET", address)[0] == 404
    assert "psac_customer" not in api.get(f"psac_commands({api.create('psac_commands', {})})")
    shipped = "RelationshipDefinitions(SchemaName='contact_customer_accounts')"
    assert api.refused("DELETE", shipped)[1] == "0x80047005"


def test_what_cannot_be_made_is_refused(api: Api) -> None:
    made(api)
    lookup = relationship()["Lookup"]
    again = api.refused("POST", "RelationshipDefinitions", relationship())
    assert "already exists" in again[2]
    assert "already exists" in api.refused("POST", "RelationshipDefinitions", relationship(SchemaName="psac_x"))[2]
    many = {"@odata.type": f"{CRM}ManyToManyRelationshipMetadata", "SchemaName": "psac_many"}
    assert api.refused("POST", "RelationshipDefinitions", many)[:2] == (501, "NotSupportedBySandbox")
    alone = api.refused("POST", "EntityDefinitions(LogicalName='psac_command')/Attributes", lookup)
    assert (alone[0], "RelationshipDefinitions" in alone[2]) == (400, True)
    unknown = relationship(SchemaName="psac_y", ReferencedEntity="nothing")
    assert api.refused("POST", "RelationshipDefinitions", unknown)[0] == 404
    assert api.refused("GET", f"RelationshipDefinitions({uuid4()})")[0] == 404
