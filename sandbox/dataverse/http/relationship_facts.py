"""Relationships in the words of the metadata service: one per table that a lookup may point to."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from uuid import NAMESPACE_URL, UUID, uuid5

from sandbox.dataverse.catalog import Catalog, Column, Table
from sandbox.dataverse.many_to_many import KNOWN
from sandbox.dataverse.one_to_many import collection_name

ONE_TO_MANY, MANY_TO_MANY = "OneToManyRelationship", "ManyToManyRelationship"
TYPE = "#Microsoft.Dynamics.CRM.{}Metadata"


def relationship_id(name: str) -> UUID:
    """A relationship's MetadataId."""
    return uuid5(NAMESPACE_URL, f"psa-connector/sandbox/relationships/{name.lower()}")


def all_relationships(catalog: Catalog) -> list[dict[str, Any]]:
    """Every relationship there is."""
    ones = [fact for table in catalog for fact in many_to_one(catalog, table)]
    return [*ones, *(fact for fact in _associations())]


def many_to_one(catalog: Catalog, table: Table) -> list[dict[str, Any]]:
    """A table's lookups as OneToManyRelationshipMetadata, one for each table they may point to."""
    return [
        _one_to_many(catalog, table, lookup, one, navigation)
        for lookup in table.lookups
        for one, navigation in _targets(lookup)
    ]


def one_to_many(catalog: Catalog, table: Table) -> list[dict[str, Any]]:
    """What points to a table's rows, as OneToManyRelationshipMetadata."""
    return [
        _one_to_many(catalog, collection.table, collection.lookup, table.name, collection.lookup.to[table.name])
        for collection in catalog.collections(table).values()
        if collection.lookup.name != "ownerid"
    ]


def many_to_many(_catalog: Catalog, table: Table) -> list[dict[str, Any]]:
    """A table's associations as ManyToManyRelationshipMetadata."""
    return [fact for fact in _associations() if table.name in (fact["Entity1LogicalName"], fact["Entity2LogicalName"])]


def _targets(lookup: Column) -> Iterator[tuple[str, str]]:
    """An owner is one table to the metadata, whoever stands behind it."""
    yield from [("owner", "ownerid")] if lookup.name == "ownerid" else lookup.to.items()


def _one_to_many(catalog: Catalog, many: Table, lookup: Column, one: str, navigation: str) -> dict[str, Any]:
    collection = f"owner_{many.set_name}" if one == "owner" else collection_name(one, many, lookup)
    schema = lookup.relationships[one][0] if one in lookup.relationships else collection
    target = catalog.find(one)
    return {
        "@odata.type": TYPE.format(ONE_TO_MANY),
        "MetadataId": relationship_id(schema),
        "SchemaName": schema,
        "RelationshipType": ONE_TO_MANY,
        "IsCustomRelationship": bool(lookup.relationships) or many.custom,
        "ReferencingEntity": many.name,
        "ReferencingAttribute": lookup.name,
        "ReferencedEntity": one,
        "ReferencedAttribute": target.id_column if target else f"{one}id",
        "ReferencingEntityNavigationPropertyName": navigation,
        "ReferencedEntityNavigationPropertyName": collection,
        "CascadeConfiguration": {"Delete": lookup.on_delete},
    }


def _associations() -> Iterator[dict[str, Any]]:
    for association in KNOWN:
        one, other = association.ends
        yield {
            "@odata.type": TYPE.format(MANY_TO_MANY),
            "MetadataId": relationship_id(association.name),
            "SchemaName": association.name,
            "RelationshipType": MANY_TO_MANY,
            "IsCustomRelationship": association.name.startswith("msdyn_"),
            "Entity1LogicalName": one,
            "Entity1IntersectAttribute": f"{one}id",
            "Entity1NavigationPropertyName": association.name,
            "Entity2LogicalName": other,
            "Entity2IntersectAttribute": f"{other}id",
            "Entity2NavigationPropertyName": association.name,
            "IntersectEntityName": association.intersect,
        }
