"""``RelationshipDefinitions``: which tables point to which, and lookups made by saying so.

A lookup comes with the relationship it stands for, never alone. Many-to-many relationships are read, not made.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from uuid import UUID

from sandbox.dataverse.catalog import Column
from sandbox.dataverse.http.exchange import Answer, Request
from sandbox.dataverse.http.global_choices import label_of
from sandbox.dataverse.http.new_tables import required_level, schema_name, widened
from sandbox.dataverse.http.payload import read_object
from sandbox.dataverse.http.relationship_facts import all_relationships, relationship_id
from sandbox.dataverse.http.removal import drop_column
from sandbox.dataverse.http.table_facts import allowed, chosen, shaped
from sandbox.dataverse.refusals import no_property, no_segment, payload, unsupported, wrong_method
from sandbox.dataverse.transaction import Transaction
from sandbox.dataverse.unit_of_work import Refused

NAMED = re.compile(r"^(?:SchemaName='(\w+)'|(?:MetadataId=)?([0-9a-fA-F-]{36}))$")
CAST = re.compile(r"^Microsoft\.Dynamics\.CRM\.(\w+)$")
BASE = {"MetadataId", "SchemaName", "RelationshipType", "IsCustomRelationship"}
"""What both types of relationship have; the rest is selected of one type, named in the URL."""
ON_DELETE = ("RemoveLink", "Restrict", "Cascade")


def operate(uow: Transaction, request: Request, key: str | None, rest: str) -> Answer:
    """Read relationships, make one, or take one away."""
    if request.method == "POST" and key is None and not rest:
        if request.in_change_set:
            raise unsupported("making relationships inside a change set")
        name = make(uow, read_object(request, "RelationshipDefinitions"))
        return Answer(204, {"OData-EntityId": f"{request.base}/RelationshipDefinitions({relationship_id(name)})"})
    if request.method == "DELETE" and key is not None and not rest:
        _drop(uow, _one(uow, key))
        return Answer(204)
    if request.method != "GET":
        raise wrong_method(request.method)
    cast = CAST.match(rest)
    if rest and cast is None:
        raise no_segment(rest)
    of_type = f"#Microsoft.Dynamics.CRM.{cast.group(1)}" if cast else None
    if key is not None:
        fact = _one(uow, key)
        if of_type not in (None, fact["@odata.type"]):
            raise no_segment(rest)
        _selectable(request, of_type)
        return Answer(200, json=shaped(fact, request.query.get("$select"), base=False))
    allowed(request.query, {"$select", "$filter"})
    _selectable(request, of_type)
    facts = [fact for fact in all_relationships(uow.catalog) if of_type in (None, fact["@odata.type"])]
    context = {"@odata.context": f"{request.base}/$metadata#RelationshipDefinitions"}
    return Answer(200, json=context | {"value": chosen(facts, request.query)})


def make(uow: Transaction, body: Mapping[str, Any]) -> str:
    """Make the relationship a body describes, and its lookup; the relationship's name."""
    kind = str(body.get("@odata.type", "")).removeprefix("#").removeprefix("Microsoft.Dynamics.CRM.")
    if kind == "ManyToManyRelationshipMetadata":
        raise unsupported("making many-to-many relationships")
    described = body.get("Lookup")
    if kind != "OneToManyRelationshipMetadata" or not isinstance(described, Mapping):
        raise payload("RelationshipDefinitions", "A OneToManyRelationshipMetadata with its Lookup is needed.")
    name, lookup = schema_name(body), schema_name(described)
    one = uow.catalog.table(str(body.get("ReferencedEntity")))
    many = uow.catalog.table(str(body.get("ReferencingEntity")))
    if any(fact["SchemaName"].lower() == name.lower() for fact in all_relationships(uow.catalog)):
        raise Refused(f"A relationship with the name {name} already exists.", "0x80047009")
    if lookup.lower() in many.columns:
        raise Refused(
            f"An attribute with the specified name {lookup.lower()} already exists in entity {many.name}.", "0x80044153"
        )
    on_delete = (body.get("CascadeConfiguration") or {}).get("Delete", "RemoveLink")
    if on_delete not in ON_DELETE:
        raise payload("RelationshipDefinitions", f"Delete is to be one of {', '.join(ON_DELETE)}.")
    column = Column(
        lookup.lower(),
        "lookup",
        lookup,
        to={one.name: body.get("ReferencingEntityNavigationPropertyName") or lookup},
        required=required_level(described),
        label=label_of(described.get("DisplayName")) or "",
        relationships={one.name: (name, body.get("ReferencedEntityNavigationPropertyName") or name)},
        on_delete=on_delete,
    )
    uow.add_column(widened(many, column), column)
    return name


def _selectable(request: Request, of_type: str | None) -> None:
    for name in request.query.get("$select", "").split(",") if of_type is None else []:
        if name and name.strip() not in BASE:
            raise no_property(name.strip(), "RelationshipMetadataBase")


def _one(uow: Transaction, key: str) -> dict[str, Any]:
    match = NAMED.match(key)
    for fact in all_relationships(uow.catalog) if match else []:
        named, id = match.groups() if match else ("", "")
        if fact["SchemaName"] == named or (id and fact["MetadataId"] == UUID(id)):
            return fact
    raise Refused(f"Could not find a relationship with the key {key} in the metadata.", "0x80060888", 404)


def _drop(uow: Transaction, fact: Mapping[str, Any]) -> None:
    """Take a relationship that was made away, with its lookup."""
    table = uow.catalog.find(fact.get("ReferencingEntity", ""))
    column = table.columns[fact["ReferencingAttribute"]] if table else None
    if table is None or column is None or not column.relationships:
        raise Refused(
            f"The relationship {fact['SchemaName']} cannot be deleted: it is part of the product.", "0x80047005"
        )
    drop_column(uow, table, column)
