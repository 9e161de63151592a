"""A fixture keeps the shape of a message, and nothing of anybody."""

from __future__ import annotations

import json
from typing import Any
from uuid import UUID, uuid4

import pytest

from connector.dataverse.execution_context import parse_context
from connector.dead_letter_queue import PutAside
from connector.envelope import Envelope
from connector.inbox import ATTEMPT, LINEAGE, TURN
from connector.replays import REPLAY, REPLAY_OF
from service.dead_letters.letters import Letter
from service.dead_letters.scrubbing import NotScrubbed, Scrubber
from tests.handlers.envelopes import context

ENTRY, USER = UUID(int=7, version=4), UUID(int=8, version=4)
ATTRIBUTES = [
    {"key": "msdyn_description", "value": "Dinner with Ada Lovelace"},
    {"key": "msdyn_duration", "value": 487},
    {
        "key": "msdyn_amount",
        "value": {"__type": "Money:http://schemas.microsoft.com/xrm/2011/Contracts", "Value": 9321},
    },
    {
        "key": "msdyn_entrystatus",
        "value": {"__type": "OptionSetValue:http://schemas.microsoft.com/xrm/2011/Contracts", "Value": 192350002},
    },
    {"key": "msdyn_date", "value": "/Date(1767657600000)/"},
    {
        "key": "ownerid",
        "value": {
            "__type": "EntityReference:http://schemas.microsoft.com/xrm/2011/Contracts",
            "Id": str(USER),
            "LogicalName": "systemuser",
            "Name": "Ada Lovelace",
        },
    },
]
TARGET = {
    "key": "Target",
    "value": {
        "__type": "Entity:http://schemas.microsoft.com/xrm/2011/Contracts",
        "Id": str(ENTRY),
        "LogicalName": "msdyn_timeentry",
        "Attributes": ATTRIBUTES,
        "FormattedValues": [{"key": "ownerid", "value": "Ada Lovelace"}],
    },
}


def fixture(body: object, **properties: object) -> dict[str, Any]:
    envelope = Envelope("m", json.dumps(body).encode(), "application/json", properties)
    letter = Letter("approvals", PutAside(1, "price-missing", "Ada has no price.", envelope), "msdyn_timeentry")
    return Scrubber(uuid4()).fixture(letter)


def test_names_texts_amounts_and_ids_are_replaced_and_it_still_reads_as_an_event() -> None:
    claims = "http://schemas.microsoft.com/xrm/2011/Claims/"
    told = fixture(
        context(
            "msdyn_timeentry", ENTRY, InputParameters=[TARGET], InitiatingUserId=str(USER), OrganizationName="contoso"
        ),
        **{f"{claims}Organization": "contoso.crm4.dynamics.com", f"{claims}EntityLogicalName": "msdyn_timeentry"},
    )
    text = json.dumps(told)
    for secret in ("Ada", "Lovelace", "Dinner", "contoso", "487", "9321", str(ENTRY), str(USER)):
        assert secret not in text
    read = parse_context(json.dumps(told["body"]).encode(), "application/json")
    assert (read.message, read.table) == ("Update", "msdyn_timeentry")
    assert told["properties"][f"{claims}EntityLogicalName"] == "msdyn_timeentry"
    assert "192350002" in text
    assert "/Date(1767657600000)/" in text
    # The same id stays the same: in the target and in the context around it.
    assert text.count(str(read.id)) == 2


def test_a_command_keeps_what_it_commands() -> None:
    told = fixture(
        {
            "kind": "mark-ready",
            "command": str(ENTRY),
            "requested_by": "ada@contoso.com",
            "backlog": "products",
            "where": {"amount_from": "5000.00", "customers": [str(USER)]},
        }
    )
    body = told["body"]
    assert (body["kind"], body["backlog"], body["requested_by"]) == ("mark-ready", "products", "text")
    assert body["where"]["amount_from"] == "1"
    assert body["where"]["customers"] != [str(USER)]


def test_of_our_own_properties_only_what_counts_stays_as_ids_are_what_senders_made_up() -> None:
    made_up = "Contoso-Ada.Lovelace-12500EUR"
    told = fixture({}, **{LINEAGE: made_up, REPLAY_OF: made_up, REPLAY: 2, ATTEMPT: 3, TURN: made_up})
    assert told["properties"] == {LINEAGE: "text", REPLAY_OF: "text", REPLAY: 2, ATTEMPT: 3, TURN: "text"}


def test_a_name_does_not_pass_as_a_word_of_the_product() -> None:
    assert fixture({"kind": "Ada Lovelace", "table": "ada@contoso.com"})["body"] == {"kind": "text", "table": "text"}


@pytest.mark.parametrize("body", [b"<xml>Ada</xml>", b"[1]", b"\xff"])
def test_what_can_not_be_read_is_not_written(body: bytes) -> None:
    letter = Letter("approvals", PutAside(1, "x", "y", Envelope("m", body, None)), "unreadable")
    with pytest.raises(NotScrubbed, match="approvals/1"):
        Scrubber(uuid4()).fixture(letter)
