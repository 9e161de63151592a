"""Tables, columns and relationships in the words of the metadata service."""

from __future__ import annotations

from typing import Any
from uuid import NAMESPACE_URL, UUID, uuid5

from sandbox.dataverse.catalog import Catalog, Column, Key, Table
from sandbox.dataverse.refusals import no_property

NAMESPACE = "#Microsoft.Dynamics.CRM."
TYPES = {
    "id": ("Uniqueidentifier", "UniqueIdentifierAttributeMetadata"),
    "guid": ("Uniqueidentifier", "UniqueIdentifierAttributeMetadata"),
    "string": ("String", "StringAttributeMetadata"),
    "memo": ("Memo", "MemoAttributeMetadata"),
    "integer": ("Integer", "IntegerAttributeMetadata"),
    "bigint": ("BigInt", "BigIntAttributeMetadata"),
    "boolean": ("Boolean", "BooleanAttributeMetadata"),
    "picklist": ("Picklist", "PicklistAttributeMetadata"),
    "state": ("State", "StateAttributeMetadata"),
    "status": ("Status", "StatusAttributeMetadata"),
    "multiselectpicklist": ("Virtual", "MultiSelectPicklistAttributeMetadata"),
    "decimal": ("Decimal", "DecimalAttributeMetadata"),
    "double": ("Double", "DoubleAttributeMetadata"),
    "money": ("Money", "MoneyAttributeMetadata"),
    "datetime": ("DateTime", "DateTimeAttributeMetadata"),
    "lookup": ("Lookup", "LookupAttributeMetadata"),
}
REQUIRED = {"system": "SystemRequired", "application": "ApplicationRequired", "recommended": "Recommended"}
BASE = {"MetadataId", "LogicalName", "SchemaName", "EntityLogicalName", "AttributeType", "AttributeTypeName"} | {
    "IsPrimaryId",
    "IsPrimaryName",
    "IsValidForCreate",
    "IsValidForUpdate",
    "IsValidForRead",
    "RequiredLevel",
}
"""What every attribute has; the rest needs a cast to its own type in the URL."""


def metadata_id(name: str) -> UUID:
    """A table's MetadataId."""
    return uuid5(NAMESPACE_URL, f"psa-connector/sandbox/metadata/{name}")


def table_facts(table: Table) -> dict[str, Any]:
    """A table as EntityMetadata."""
    return {
        "MetadataId": metadata_id(table.name),
        "LogicalName": table.name,
        "SchemaName": table.schema_name,
        "EntitySetName": table.set_name,
        "LogicalCollectionName": table.set_name,
        "PrimaryIdAttribute": table.id_column,
        "PrimaryNameAttribute": table.name_column,
        "IsCustomEntity": table.custom or table.name.startswith("msdyn_"),
        "IsPrivate": False,
        "ChangeTrackingEnabled": table.change_tracking,
        "IsOptimisticConcurrencyEnabled": "versionnumber" in table.columns,
        "DisplayName": _label(table.label),
    }


def attribute_type(column: Column) -> tuple[str, str]:
    """(AttributeType, metadata type) of a column."""
    if column.kind == "lookup" and column.name == "ownerid":
        return "Owner", "LookupAttributeMetadata"
    if column.kind == "lookup" and set(column.to) == {"account", "contact"}:
        return "Customer", "LookupAttributeMetadata"
    return TYPES[column.kind]


def attribute_facts(table: Table, of_type: str | None) -> list[dict[str, Any]]:
    """A table's columns as AttributeMetadata; ``of_type`` keeps those of one metadata type."""
    facts = [_attribute(table, column) for column in table.columns.values()]
    if of_type is None:
        return facts
    return [fact for fact in facts if fact["@odata.type"] == f"{NAMESPACE}{of_type}"]


def _attribute(table: Table, column: Column) -> dict[str, Any]:
    kind, metadata_type = attribute_type(column)
    named = "MultiSelectPicklist" if column.kind == "multiselectpicklist" else kind
    facts: dict[str, Any] = {
        "@odata.type": f"{NAMESPACE}{metadata_type}",
        "MetadataId": uuid5(metadata_id(table.name), column.name),
        "LogicalName": column.name,
        "SchemaName": column.schema_name,
        "EntityLogicalName": table.name,
        "AttributeType": kind,
        "AttributeTypeName": {"Value": f"{named}Type"},
        "IsPrimaryId": column.kind == "id",
        "IsPrimaryName": column.name == table.name_column,
        "IsValidForCreate": not column.read_only,
        "IsValidForUpdate": not column.read_only and column.kind != "id",
        "IsValidForRead": True,
        "RequiredLevel": {"Value": REQUIRED.get(column.required, "None")},
    }
    if column.kind in ("string", "memo"):
        facts["MaxLength"] = column.length
    if column.kind in ("integer", "decimal", "double", "money"):
        facts |= {"MinValue": column.minimum, "MaxValue": column.maximum}
    if column.kind == "datetime":
        facts |= {"DateTimeBehavior": {"Value": column.behavior}, "Format": column.format}
    if column.kind == "lookup":
        facts["Targets"] = list(column.to)
    if column.choices or column.kind == "picklist":
        options = [{"Value": value, "Label": _label(label)} for value, label in column.choices.items()]
        facts["OptionSet"] = {"Options": options}
    return facts


def _label(text: str) -> dict[str, Any]:
    label = {"Label": text, "LanguageCode": 1033}
    return {"LocalizedLabels": [label], "UserLocalizedLabel": label}


def relationship_facts(table: Table, of_type: str | None = None) -> list[dict[str, Any]]:
    """A table's lookups as OneToManyRelationshipMetadata, one for each table they may point to."""
    facts = []
    for column in table.lookups:
        targets = {"owner": "ownerid"} if column.name == "ownerid" else column.to
        for target, navigation in targets.items():
            facts.append(
                {
                    "SchemaName": f"{target}_{table.name}_{column.name}",
                    "ReferencingEntity": table.name,
                    "ReferencingAttribute": column.name,
                    "ReferencedEntity": target,
                    "ReferencedAttribute": f"{target}id",
                    "ReferencingEntityNavigationPropertyName": navigation,
                }
            )
    return facts


def key_id(table: Table, key: Key) -> UUID:
    """An alternate key's MetadataId."""
    return uuid5(metadata_id(table.name), f"keys/{key.name}")


def key_facts(table: Table, of_type: str | None = None) -> list[dict[str, Any]]:
    """A table's alternate keys as EntityKeyMetadata."""
    return [
        {
            "MetadataId": key_id(table, key),
            "LogicalName": key.name,
            "SchemaName": key.schema_name,
            "EntityLogicalName": table.name,
            "KeyAttributes": list(key.columns),
            "EntityKeyIndexStatus": key.status,
            "DisplayName": _label(key.schema_name),
        }
        for key in table.keys
    ]


def collection_facts(table: Table, catalog: Catalog) -> list[dict[str, Any]]:
    """What points to a table's rows, as OneToManyRelationshipMetadata."""
    return [
        {
            "SchemaName": collection.name,
            "ReferencingEntity": collection.table.name,
            "ReferencingAttribute": collection.lookup.name,
            "ReferencedEntity": table.name,
            "ReferencedAttribute": table.id_column,
            "ReferencingEntityNavigationPropertyName": collection.lookup.to[table.name],
            "ReferencedEntityNavigationPropertyName": collection.name,
        }
        for collection in catalog.collections(table).values()
    ]


def shaped(facts: dict[str, Any], select: str | None, expanded: list[str], *, base: bool) -> dict[str, Any]:
    """The chosen properties. A property of a derived type is refused on the base type, as Dataverse does."""
    attribute = "@odata.type" in facts
    known = {name: value for name, value in facts.items() if name != "OptionSet"}
    answer = {name: value for name, value in known.items() if name == "@odata.type" or select is None}
    for name in [] if select is None else [part.strip() for part in select.split(",") if part.strip()]:
        if name not in known or (attribute and base and name not in BASE):
            raise no_property(name, "AttributeMetadata" if attribute else "EntityMetadata")
        answer[name] = known[name]
    if "MetadataId" in known:
        answer["MetadataId"] = known["MetadataId"]
    for name in expanded:
        answer[name] = facts.get(name)
    return answer
