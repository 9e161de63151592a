"""``GlobalOptionSetDefinitions``: choices that columns of several tables may share."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any
from uuid import NAMESPACE_URL, UUID, uuid5

from sandbox.dataverse.http.exchange import Answer, Request
from sandbox.dataverse.http.payload import read_object
from sandbox.dataverse.http.table_facts import allowed, label_facts, option_facts, shaped
from sandbox.dataverse.refusals import no_segment, payload, unsupported, wrong_method
from sandbox.dataverse.transaction import Transaction
from sandbox.dataverse.unit_of_work import Refused

NAMED = re.compile(r"^(?:Name='(\w+)'|(?:MetadataId=)?([0-9a-fA-F-]{36}))$")
BOUND = re.compile(r"GlobalOptionSetDefinitions\(([^)]+)\)$")
TYPE = "Microsoft.Dynamics.CRM.OptionSetMetadata"


def choice_id(name: str) -> UUID:
    """A global choice's MetadataId."""
    return uuid5(NAMESPACE_URL, f"psa-connector/sandbox/choices/{name.lower()}")


def operate(uow: Transaction, request: Request, key: str | None, rest: str) -> Answer:
    """Read global choices, make one, or take one away. They cannot be filtered, as in Dataverse."""
    if rest and CASTS.fullmatch(rest) is None:
        raise no_segment(rest)
    if request.method == "POST" and key is None and not rest:
        if request.in_change_set:
            raise unsupported("making global choices inside a change set")
        name = _make(uow, read_object(request, "GlobalOptionSetDefinitions"))
        return Answer(204, {"OData-EntityId": f"{request.base}/GlobalOptionSetDefinitions({choice_id(name)})"})
    if request.method == "DELETE" and key is not None and not rest:
        _drop(uow, find(uow, key)[0])
        return Answer(204)
    if request.method != "GET":
        raise wrong_method(request.method)
    allowed(request.query, {"$select"})
    select = request.query.get("$select")
    if key is not None:
        return Answer(200, json=shaped(_facts(*find(uow, key)), select, base=False))
    context = {"@odata.context": f"{request.base}/$metadata#GlobalOptionSetDefinitions"}
    found = [shaped(_facts(name, facts), select, base=False) for name, facts in _all(uow).items()]
    return Answer(200, json=context | {"value": found})


CASTS = re.compile(r"Microsoft\.Dynamics\.CRM\.OptionSetMetadata")


def find(uow: Transaction, key: str) -> tuple[str, dict[str, Any]]:
    """A global choice by what stands between the parentheses of its address: its name, and what is known of it."""
    match = NAMED.match(key)
    named, id = match.groups() if match else (None, None)
    for name, facts in _all(uow).items() if match else ():
        if name == named or (id and choice_id(name) == UUID(id)):
            return name, facts
    raise Refused(f"Could not find an optionset with the key {key} in the metadata.", "0x80060888", 404)


def bound(uow: Transaction, body: Mapping[str, Any]) -> tuple[str, dict[int, str]] | None:
    """The global choice that the body of a column takes its options from: its name and options."""
    address = body.get("GlobalOptionSet@odata.bind")
    if address is None:
        return None
    match = BOUND.search(str(address))
    if match is None:
        raise payload("Attributes", f"'{address}' names no global choice.")
    name, facts = find(uow, match.group(1))
    return name, {int(value): label for value, label in facts["options"].items()}


def options_of(body: Mapping[str, Any]) -> dict[int, str]:
    """Values and labels of an OptionSet in a body."""
    options = body.get("Options")
    if not isinstance(options, list) or not options:
        raise payload("Attributes", "A picklist needs an OptionSet with Options.")
    choices = {option.get("Value"): label_of(option.get("Label")) or "" for option in options}
    if not all(isinstance(value, int) for value in choices) or len(choices) != len(options):
        raise payload("Attributes", "Every option needs a whole number of its own as its Value.")
    return choices


def label_of(label: Any) -> str | None:
    """The text of a Label in a body."""
    labels = (label or {}).get("LocalizedLabels") or []
    return str(labels[0].get("Label")) if labels else None


def _make(uow: Transaction, body: Mapping[str, Any]) -> str:
    name = body.get("Name")
    if body.get("@odata.type", TYPE).removeprefix("#") != TYPE or body.get("OptionSetType", "Picklist") != "Picklist":
        raise unsupported("global choices that are no OptionSetMetadata of type Picklist")
    if not isinstance(name, str) or re.fullmatch(r"[a-z][a-z0-9]{1,7}_\w+", name, re.IGNORECASE) is None:
        raise payload("GlobalOptionSetDefinitions", f"Name '{name}' is to begin with a publisher's prefix and '_'.")
    if name.lower() in (known.lower() for known in _all(uow)):
        raise Refused(f"An OptionSet with the name {name} already exists. Please specify a unique name.", "0x80048402")
    facts = {"label": label_of(body.get("DisplayName")) or name, "options": options_of(body)}
    uow.store.execute('INSERT INTO ":choices" VALUES (?, ?)', (name, json.dumps(facts)))
    return name


def _drop(uow: Transaction, name: str) -> None:
    for table in uow.catalog:
        for column in table.columns.values():
            if column.global_choice == name:
                raise Refused(f"The global choice {name} is used by {table.name}.{column.name}.", "0x8004f01f")
    uow.store.execute('DELETE FROM ":choices" WHERE name = ?', (name,))


def _all(uow: Transaction) -> dict[str, dict[str, Any]]:
    uow.store.execute('CREATE TABLE IF NOT EXISTS ":choices" (name TEXT PRIMARY KEY, facts TEXT)')
    return {name: json.loads(facts) for name, facts in uow.store.execute('SELECT name, facts FROM ":choices"')}


def _facts(name: str, facts: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "@odata.type": f"#{TYPE}",
        "MetadataId": choice_id(name),
        "Name": name,
        "IsGlobal": True,
        "IsCustomOptionSet": True,
        "OptionSetType": "Picklist",
        "DisplayName": label_facts(facts["label"]),
        "Options": option_facts({int(value): label for value, label in facts["options"].items()}),
    }
