"""Tables, columns and relationships in the words of the metadata service."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any
from uuid import NAMESPACE_URL, UUID, uuid5

from sandbox.dataverse.catalog import Column, Key, Table, shipped_columns
from sandbox.dataverse.many_to_many import OF_PRODUCT
from sandbox.dataverse.odata.parse import parse_filter
from sandbox.dataverse.odata.plain import holds
from sandbox.dataverse.refusals import bad_query, no_property
from sandbox.dataverse.security.privileges import ACCESS, privilege_id, privilege_named

NAMESPACE = "#Microsoft.Dynamics.CRM."
EXPANDABLE = ("OptionSet", "GlobalOptionSet")
"""What is shown of an attribute only when it is expanded."""
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
    "DisplayName",
    "IsCustomAttribute",
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
        "IsManaged": not table.custom,
        "IsPrivate": False,
        "ChangeTrackingEnabled": table.change_tracking,
        "IsOptimisticConcurrencyEnabled": "versionnumber" in table.columns,
        "DisplayName": label_facts(table.label),
        "Privileges": privilege_facts(table.name, table.schema_name, owned="ownerid" in table.columns),
    }


@cache
def privilege_facts(table: str, schema_name: str, *, owned: bool) -> tuple[dict[str, Any], ...]:
    """The privileges that guard a table, as SecurityPrivilegeMetadata; none where another table's guard it."""
    if table in OF_PRODUCT:
        return ()
    return tuple(
        {
            "CanBeBasic": owned,
            "CanBeDeep": owned,
            "CanBeGlobal": True,
            "CanBeLocal": owned,
            "CanBeEntityReference": True,
            "CanBeParentEntityReference": False,
            "Name": name,
            "PrivilegeId": privilege_id(name),
            "PrivilegeType": access,
        }
        for access, name in ((access, privilege_named(access, table, schema_name)) for access in ACCESS)
    )


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
        "DisplayName": label_facts(column.label or column.schema_name),
        "IsCustomAttribute": table.custom or column.name not in shipped_columns(table.name),
    }
    if column.kind in ("string", "memo"):
        facts["MaxLength"] = column.length
    if column.kind in ("integer", "decimal", "double", "money"):
        facts |= {"MinValue": column.minimum, "MaxValue": column.maximum}
    if column.kind in ("decimal", "double", "money"):
        facts["Precision"] = column.precision
    if column.kind == "datetime":
        facts |= {"DateTimeBehavior": {"Value": column.behavior}, "Format": column.format}
    if column.kind == "lookup":
        facts["Targets"] = list(column.to)
    if column.kind == "boolean":
        false, true = option_facts({value: column.choices.get(value, word) for value, word in ((0, "No"), (1, "Yes"))})
        facts |= {"OptionSet": {"FalseOption": false, "TrueOption": true}}
    elif column.choices or column.kind == "picklist":
        facts |= _options(table, column)
    return facts


def _options(table: Table, column: Column) -> dict[str, Any]:
    name = column.global_choice or f"{table.name}_{column.name}"
    options = {"Name": name, "IsGlobal": bool(column.global_choice), "Options": option_facts(column.choices)}
    return {"OptionSet": options, "GlobalOptionSet": options if column.global_choice else None}


def option_facts(choices: Mapping[int, str]) -> list[dict[str, Any]]:
    """Options with their labels."""
    return [{"Value": value, "Label": label_facts(label)} for value, label in choices.items()]


def label_facts(text: str) -> dict[str, Any]:
    """A text as a Label."""
    label = {"Label": text, "LanguageCode": 1033}
    return {"LocalizedLabels": [label], "UserLocalizedLabel": label}


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
            "DisplayName": label_facts(key.schema_name),
        }
        for key in table.keys
    ]


def chosen(facts: list[dict[str, Any]], query: Mapping[str, str]) -> list[dict[str, Any]]:
    """Those that meet the ``$filter``, in the shape of the ``$select``."""
    if "$filter" in query:
        tree = parse_filter(query["$filter"])
        facts = [fact for fact in facts if holds(tree, fact)]
    return [shaped(fact, query.get("$select"), base=False) for fact in facts]


def allowed(query: Mapping[str, str], names: set[str]) -> None:
    """Refuse any other query option."""
    for name in query:
        if name.startswith("$") and name not in names:
            raise bad_query(f"The query parameter {name} is not supported.")


def shaped(
    facts: Mapping[str, Any], select: str | None, *, base: bool, expanded: Mapping[str, str | None] | None = None
) -> dict[str, Any]:
    """The chosen properties. A property of a derived type is refused on the base type, as Dataverse does.

    ``expanded``: what is to come along from behind navigation properties, each with its own ``$select``.
    """
    attribute = "AttributeType" in facts
    known = {name: value for name, value in facts.items() if name not in EXPANDABLE or not attribute}
    answer = {name: value for name, value in known.items() if name == "@odata.type" or select is None}
    for name in [] if select is None else [part.strip() for part in select.split(",") if part.strip()]:
        if name not in known or (attribute and base and name not in BASE):
            raise no_property(name, "AttributeMetadata" if attribute else "EntityMetadata")
        answer[name] = known[name]
    if "MetadataId" in known:
        answer["MetadataId"] = known["MetadataId"]
    for name, inner in (expanded or {}).items():
        behind = facts.get(name)
        answer[name] = shaped(behind, inner, base=False) if isinstance(behind, Mapping) else behind
    return answer
