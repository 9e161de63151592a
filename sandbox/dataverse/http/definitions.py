"""``EntityDefinitions``: what tables and columns there are, and the making of new ones."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any
from uuid import uuid5

from sandbox.dataverse.catalog import Catalog, Column, Key, Table
from sandbox.dataverse.http.exchange import Answer, Request
from sandbox.dataverse.http.new_keys import add_key, drop_key, new_key
from sandbox.dataverse.http.new_tables import companions, new_column, new_table, widened
from sandbox.dataverse.http.payload import read_object
from sandbox.dataverse.http.relationship_facts import many_to_many, many_to_one, one_to_many
from sandbox.dataverse.http.removal import drop_column, drop_table, made_columns
from sandbox.dataverse.http.table_facts import (
    EXPANDABLE,
    allowed,
    attribute_facts,
    key_facts,
    key_id,
    metadata_id,
    shaped,
    table_facts,
)
from sandbox.dataverse.odata.expand import clause, split_outside_parentheses
from sandbox.dataverse.odata.parse import parse_filter
from sandbox.dataverse.odata.plain import holds
from sandbox.dataverse.refusals import no_segment, payload, unsupported, wrong_method
from sandbox.dataverse.seed import announce
from sandbox.dataverse.transaction import Transaction
from sandbox.dataverse.unit_of_work import Refused

CAST = re.compile(r"^Attributes/Microsoft\.Dynamics\.CRM\.(\w+)$")
NAMED = re.compile(r"^LogicalName='(\w+)'$")
ATTRIBUTE = re.compile(r"^Attributes\((?:LogicalName=)?'?([\w-]+)'?\)$")
KEY = re.compile(r"^Keys\((?:LogicalName=)?'?([\w-]+)'?\)$")
CHILDREN: Mapping[str, Callable[[Catalog, Table], list[dict[str, Any]]]] = {
    "Attributes": lambda _, table: attribute_facts(table, of_type=None),
    "ManyToOneRelationships": many_to_one,
    "OneToManyRelationships": one_to_many,
    "ManyToManyRelationships": many_to_many,
    "Keys": lambda _, table: key_facts(table),
}


class Definitions:
    """Answers ``EntityDefinitions…``."""

    def operate(self, uow: Transaction, request: Request, key: str | None, rest: str) -> Answer:
        """Read definitions, or make a table or a column."""
        if request.method == "POST":
            if request.in_change_set:
                raise unsupported("making tables inside a change set")
            if key is None and not rest:
                return self._make_table(uow, request)
            if key is not None and rest == "Attributes":
                return self._make_column(uow, request, self._named(uow, key))
            if key is not None and rest == "Keys":
                return self._make_key(uow, request, self._named(uow, key))
        if request.method == "PUT" and key is not None and ATTRIBUTE.match(rest):
            return self._change_column(uow, request, self._named(uow, key), rest)
        if request.method in ("PUT", "PATCH") and key is not None:
            raise unsupported(f"changing {request.path}; columns can be changed")
        if request.method == "DELETE" and key is not None:
            return self._drop(uow, self._named(uow, key), rest)
        if request.method != "GET":
            raise wrong_method(request.method)
        if key is None:
            return self._list(uow, request)
        return self._one(uow, request, self._named(uow, key), rest)

    def _named(self, uow: Transaction, key: str) -> Table:
        match = NAMED.match(key)
        if match:
            table = uow.catalog.find(match.group(1))
        else:
            table = next((t for t in uow.catalog if str(metadata_id(t.name)) == key.lower()), None)
        if table is None:
            raise Refused(f"Could not find an entity with the key {key} in the metadata.", "0x80060888", 404)
        return table

    def _list(self, uow: Transaction, request: Request) -> Answer:
        tree = parse_filter(request.query["$filter"]) if "$filter" in request.query else None
        tables = [table for table in uow.catalog if tree is None or holds(tree, table_facts(table))]
        context = {"@odata.context": f"{request.base}/$metadata#EntityDefinitions"}
        return Answer(200, json=context | {"value": [self._shape(uow, table, request.query) for table in tables]})

    def _one(self, uow: Transaction, request: Request, table: Table, rest: str) -> Answer:
        query = request.query
        if not rest:
            context = {"@odata.context": f"{request.base}/$metadata#EntityDefinitions/$entity"}
            return Answer(200, json=context | self._shape(uow, table, query))
        if KEY.match(rest):
            found = self._key(table, rest)
            (fact,) = (one for one in key_facts(table) if one["MetadataId"] == key_id(table, found))
            return Answer(200, json=shaped(fact, query.get("$select"), base=True))
        one = ATTRIBUTE.match(rest.partition("/")[0])
        if one:
            return self._attribute(request, table, one.group(1), rest.partition("/")[2])
        cast = CAST.match(rest)
        name = "Attributes" if cast else rest
        if name not in CHILDREN:
            raise no_segment(rest)
        allowed(query, {"$select", "$filter", "$expand"})
        facts = CHILDREN[name](uow.catalog, table)
        if cast:
            facts = [fact for fact in facts if fact["@odata.type"] == f"#Microsoft.Dynamics.CRM.{cast.group(1)}"]
        if "$filter" in query:
            tree = parse_filter(query["$filter"])
            facts = [fact for fact in facts if holds(tree, fact)]
        behind = expanded(query)
        chosen = [shaped(fact, query.get("$select"), base=cast is None, expanded=behind) for fact in facts]
        context = {"@odata.context": f"{request.base}/$metadata#EntityDefinitions('{table.name}')/{name}"}
        return Answer(200, json=context | {"value": chosen})

    def _attribute(self, request: Request, table: Table, name: str, cast: str) -> Answer:
        column = self._column(table, name)
        (fact,) = (fact for fact in attribute_facts(table, of_type=None) if fact["LogicalName"] == column.name)
        cast, _, deeper = cast.partition("/")
        if cast and f"#{cast}" != fact["@odata.type"]:
            raise no_segment(cast)
        behind, select = expanded(request.query), request.query.get("$select")
        if deeper:
            if deeper not in EXPANDABLE or fact.get(deeper) is None:
                raise no_segment(deeper)
            return Answer(200, json=shaped(fact[deeper], select, base=False))
        if behind and not cast:
            raise unsupported(f"$expand={request.query['$expand']} on an attribute; cast it to its type first")
        return Answer(200, json=shaped(fact, select, base=not cast, expanded=behind))

    def _key(self, table: Table, rest: str) -> Key:
        match = KEY.match(rest)
        name = match.group(1) if match else ""
        for key in table.keys:
            if name in (key.name, str(key_id(table, key))):
                return key
        raise Refused(f"Could not find an entity key '{name}' on {table.name}.", "0x80060888", 404)

    def _make_key(self, uow: Transaction, request: Request, table: Table) -> Answer:
        key = new_key(table, read_object(request, "Keys"))
        add_key(uow, table, key)
        return _made(f"{request.base}/EntityDefinitions({metadata_id(table.name)})/Keys({key_id(table, key)})")

    def _drop(self, uow: Transaction, table: Table, rest: str) -> Answer:
        one = ATTRIBUTE.match(rest)
        if not rest:
            drop_table(uow, table)
        elif KEY.match(rest):
            drop_key(uow, table, self._key(table, rest))
        elif one:
            drop_column(uow, table, self._column(table, one.group(1)))
        else:
            raise no_segment(rest)
        return Answer(204)

    def _column(self, table: Table, name: str) -> Column:
        for column in table.columns.values():
            if name.lower() in (column.name, str(uuid5(metadata_id(table.name), column.name))):
                return column
        raise Refused(f"Could not find an attribute '{name}' on {table.name} in the metadata.", "0x80060888", 404)

    def _shape(self, uow: Transaction, table: Table, query: Mapping[str, str]) -> dict[str, Any]:
        allowed(query, {"$select", "$filter", "$expand"})
        answer = shaped(table_facts(table), query.get("$select"), base=True)
        for part in split_outside_parentheses(query.get("$expand", ""), ","):
            name, options = clause(part)
            if name not in CHILDREN or set(options) - {"$select", "$filter"}:
                raise unsupported(f"$expand={part} on EntityDefinitions")
            facts = CHILDREN[name](uow.catalog, table)
            if "$filter" in options:
                tree = parse_filter(options["$filter"])
                facts = [fact for fact in facts if holds(tree, fact)]
            answer[name] = [shaped(fact, options.get("$select"), base=True) for fact in facts]
        return answer

    def _make_table(self, uow: Transaction, request: Request) -> Answer:
        table = make_table(uow, read_object(request, "EntityDefinitions"))
        return _made(f"{request.base}/EntityDefinitions({metadata_id(table.name)})")

    def _make_column(self, uow: Transaction, request: Request, table: Table) -> Answer:
        column = new_column(uow, read_object(request, "Attributes"))
        if column.name in table.columns:
            raise Refused(
                f"An attribute with the specified name {column.name} already exists in entity {table.name}.",
                "0x80044153",
            )
        for one in (column, *companions(table.columns, column)):
            table = widened(table, one)
            uow.add_column(table, one)
        id = uuid5(metadata_id(table.name), column.name)
        return _made(f"{request.base}/EntityDefinitions({metadata_id(table.name)})/Attributes({id})")

    def _change_column(self, uow: Transaction, request: Request, table: Table, rest: str) -> Answer:
        """A column's definition is replaced by the one in the body; its name and type stay."""
        match = ATTRIBUTE.match(rest)
        before = self._column(table, match.group(1) if match else "")
        own = made_columns(table) | ({table.name_column} if table.custom else set())
        if before.name not in own or before.kind == "lookup":
            raise unsupported(f"changing {table.name}.{before.name}, which is not a column somebody added")
        after = new_column(uow, read_object(request, "Attributes"))
        if (after.name, after.kind) != (before.name, before.kind):
            raise payload("Attributes", f"{before.name} cannot become {after.name} of another name or type.")
        uow.change_table(widened(table, after))
        return Answer(204)


def make_table(uow: Transaction, body: Mapping[str, Any]) -> Table:
    """Make the table a body describes; one of a name that is taken is refused."""
    table = new_table(uow, body)
    if uow.catalog.find(table.name) or uow.catalog.by_set(table.set_name):
        raise Refused(
            f"An entity with the specified name {table.name} already exists. Specify a unique name.", "0x80044363"
        )
    uow.add_table(table)
    announce(uow, table.name)
    return table


def expanded(query: Mapping[str, str]) -> dict[str, str | None]:
    """What attributes are to bring along from behind their navigation properties, each with its ``$select``."""
    parts = [clause(part) for part in split_outside_parentheses(query.get("$expand", ""), ",")]
    for name, options in parts:
        if name not in EXPANDABLE or set(options) - {"$select"}:
            raise unsupported(f"$expand={query['$expand']} on attributes")
    return {name: options.get("$select") for name, options in parts}


def _made(address: str) -> Answer:
    return Answer(204, {"OData-EntityId": address})
