"""Messages of the metadata service that are no entity sets: several tables at once, and what is asked of many."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from sandbox.dataverse.catalog import Table
from sandbox.dataverse.http.definitions import make_table
from sandbox.dataverse.http.exchange import Answer, Request
from sandbox.dataverse.http.payload import read_object
from sandbox.dataverse.http.table_facts import EXPANDABLE, attribute_facts, table_facts
from sandbox.dataverse.refusals import bad_query, payload, unsupported
from sandbox.dataverse.transaction import Transaction

MADE_TOGETHER = "CreateEntities"
PUBLISHED = ("PublishXml", "PublishAllXml")
CHANGES = "RetrieveMetadataChanges"
UNDERSTOOD = {"Properties", "Criteria", "AttributeQuery"}


def create_entities(uow: Transaction, request: Request) -> Answer:
    """Make all tables of a body, or none of them."""
    entities = read_object(request, MADE_TOGETHER).get("Entities")
    if not isinstance(entities, list) or not entities or not all(isinstance(one, Mapping) for one in entities):
        raise payload(MADE_TOGETHER, "The parameter 'Entities' needs tables.")
    for entity in entities:
        make_table(uow, entity)
    return Answer(204)


def metadata_changes(uow: Transaction, request: Request, key: str) -> Answer:
    """``RetrieveMetadataChanges(Query=@p)``: chosen facts of chosen tables, and of their attributes."""
    query = _query(request, key)
    if set(query) - UNDERSTOOD:
        raise unsupported(f"{', '.join(sorted(set(query) - UNDERSTOOD))} in {CHANGES}")
    found = [_table(table, query) for table in uow.catalog if _meets(query.get("Criteria"), table_facts(table))]
    context = f"{request.base}/$metadata#Microsoft.Dynamics.CRM.{CHANGES}Response"
    stamp = f"{uow.store.version_reached}!{uow.now:%m/%d/%Y %H:%M:%S}"
    answer = {"@odata.context": context, "ServerVersionStamp": stamp, "DeletedMetadata": None}
    return Answer(200, json=answer | {"EntityMetadata": found})


def _query(request: Request, key: str) -> Mapping[str, Any]:
    name, _, value = key.partition("=")
    text = request.query.get(value, "") if value.startswith("@") else value
    try:
        query = json.loads(text) if name.strip() == "Query" else None
    except ValueError:
        query = None
    if not isinstance(query, Mapping):
        raise bad_query(f"{CHANGES} takes a Query, an EntityQueryExpression in JSON.")
    return query


def _table(table: Table, query: Mapping[str, Any]) -> dict[str, Any]:
    wanted = (query.get("Properties") or {}).get("PropertyNames", [])
    answer = _chosen(table_facts(table), query)
    if "AttributeQuery" in query and (not wanted or "Attributes" in wanted):
        inner = query["AttributeQuery"]
        facts = attribute_facts(table, of_type=None)
        answer["Attributes"] = [_chosen(fact, inner) for fact in facts if _meets(inner.get("Criteria"), fact)]
    return answer


def _chosen(facts: Mapping[str, Any], query: Mapping[str, Any]) -> dict[str, Any]:
    """Of an attribute, what its own type does not have is left out; its type is always told."""
    properties = query.get("Properties") or {}
    wanted = properties.get("PropertyNames", [])
    everything = properties.get("AllProperties") is True or not wanted
    kept = {"@odata.type", "MetadataId", "LogicalName", *wanted}
    return {name: value for name, value in facts.items() if (everything and name not in EXPANDABLE) or name in kept}


def _meets(criteria: Any, facts: Mapping[str, Any]) -> bool:
    if not criteria:
        return True
    if criteria.get("Filters"):
        raise unsupported(f"filters inside filters in {CHANGES}")
    conditions = [_holds(condition, facts) for condition in criteria.get("Conditions", [])]
    return any(conditions) if criteria.get("FilterOperator") == "Or" else all(conditions)


def _holds(condition: Mapping[str, Any], facts: Mapping[str, Any]) -> bool:
    name, operator = str(condition.get("PropertyName")), condition.get("ConditionOperator")
    if name not in facts or operator not in ("Equals", "NotEquals", "In", "NotIn"):
        raise unsupported(f"the condition {operator} on {name} in {CHANGES}")
    value = (condition.get("Value") or {}).get("Value")
    values = value if isinstance(value, list) else [value]
    return (str(facts[name]) in [str(one) for one in values]) == (operator in ("Equals", "In"))
