"""Requests about rules and sessions to ``$management``, in hand-made frames."""

from __future__ import annotations

from typing import Any

import pytest

from sandbox.servicebus.amqp.types import Int, Timestamp
from tests.sandbox.servicebus.test_management import Node
from tests.sandbox.servicebus.wire import DETACH, Wire, receiver, sender


@pytest.fixture
def rules(wire: Wire) -> Node:
    return Node(wire, "t/Subscriptions/s/$management")


def add(node: Node, name: Any, **description: Any) -> Any:
    body = {"rule-name": name, "rule-description": {key.replace("_", "-"): each for key, each in description.items()}}
    status, _, _ = node.ask("com.microsoft:add-rule", body)
    return status[b"statusCode"], status.get(b"errorCondition")


def listed(node: Node, skip: int = 0, top: int = 100) -> Any:
    status, body, _ = node.ask("com.microsoft:enumerate-rules", {"skip": Int(skip), "top": Int(top)})
    return [each[b"rule-description"] for each in body[b"rules"]] if status[b"statusCode"] == 200 else status


def test_rules_are_added_listed_and_removed(rules: Node) -> None:
    correlation = {"label": "red", "correlation-id": None, "properties": {"k": Int(1)}}
    assert add(rules, "one", correlation_filter=correlation, sql_rule_action={"expression": "REMOVE k"}) == (200, None)
    assert add(rules, "two", sql_filter={"expression": "k > 1"}) == (200, None)
    assert add(rules, "TWO", sql_filter={"expression": "k > 1"}) == (409, b"com.microsoft:entity-already-exists")
    # The SDK's decoder leaves descriptors out.
    assert listed(rules) == [
        [[], [], b"$Default"],
        [[None, None, None, None, b"red", None, None, None, {b"k": 1}], [b"REMOVE k"], b"one"],
        [[b"k > 1"], [], b"two"],
    ]
    assert [each[2] for each in listed(rules, skip=1, top=1)] == [b"one"]
    for name, code in (("One", 200), ("one", 404)):
        status, _, _ = rules.ask("com.microsoft:remove-rule", {"rule-name": name})
        assert status[b"statusCode"] == code
    assert listed(rules, skip=2)[b"statusCode"] == 204


@pytest.mark.parametrize(
    ("name", "description"),
    [
        ("r", {}),
        ("r", {"sql_filter": {"expression": "k >"}}),
        ("r", {"sql_filter": {}}),
        ("r", {"sql_filter": {"expression": "1=1"}, "correlation_filter": {"label": "x"}}),
        ("r", {"correlation_filter": {}}),
        ("r", {"correlation_filter": {"label": Int(1)}}),
        ("r", {"correlation_filter": {"label": "x", "properties": "no map"}}),
        ("r", {"sql_filter": {"expression": "1=1"}, "sql_rule_action": "no map"}),
        ("r", {"sql_filter": {"expression": "1=1"}, "sql_rule_action": {"expression": "DROP"}}),
        ("", {"sql_filter": {"expression": "1=1"}}),
        (None, {"sql_filter": {"expression": "1=1"}}),
    ],
)
def test_a_rule_that_makes_no_sense_is_refused(rules: Node, name: Any, description: dict[str, Any]) -> None:
    assert add(rules, name, **description) == (400, b"com.microsoft:argument-error")
    assert len(listed(rules)) == 1


def test_rules_belong_to_subscriptions_only(wire: Wire) -> None:
    node = Node(wire)
    assert add(node, "r", sql_filter={"expression": "1=1"}) == (501, b"amqp:not-implemented")


@pytest.mark.parametrize("body", [{"skip": Int(-1), "top": Int(1)}, {"skip": Int(0), "top": Int(-1)}])
def test_a_page_cannot_be_less_than_nothing(wire: Wire, rules: Node, body: dict[str, Any]) -> None:
    status, _, _ = rules.ask("com.microsoft:enumerate-rules", body)
    assert status[b"errorCondition"] == b"com.microsoft:argument-error"


@pytest.mark.parametrize(
    ("operation", "body", "code", "condition"),
    [
        ("renew-session-lock", {"session-id": "a"}, 410, b"com.microsoft:session-lock-lost"),
        ("get-session-state", {"session-id": "a"}, 410, b"com.microsoft:session-lock-lost"),
        ("set-session-state", {"session-id": "a", "session-state": "text"}, 400, b"com.microsoft:argument-error"),
        ("set-session-state", {"session-id": "a", "session-state": b"x"}, 410, b"com.microsoft:session-lock-lost"),
        ("renew-session-lock", {}, 400, b"com.microsoft:argument-error"),
        ("get-message-sessions", {"skip": Int(0), "top": Int(1)}, 400, b"com.microsoft:argument-error"),
        (
            "get-message-sessions",
            {"skip": Int(-1), "top": Int(1), "last-updated-time": Timestamp(0)},
            400,
            b"com.microsoft:argument-error",
        ),
        (
            "receive-by-sequence-number",
            {"sequence-numbers": [Int(1)], "receiver-settle-mode": Int(1)},
            400,
            b"com.microsoft:argument-error",
        ),
        (
            "peek-message",
            {"from-sequence-number": Int(1), "message-count": Int(1), "session-id": Int(1)},
            400,
            b"com.microsoft:argument-error",
        ),
    ],
)
def test_what_is_asked_of_sessions_without_holding_one_is_refused(
    wire: Wire, operation: str, body: dict[str, Any], code: int, condition: bytes
) -> None:
    status, _, _ = Node(wire, "sessions/$management").ask(f"com.microsoft:{operation}", body)
    assert (status[b"statusCode"], status[b"errorCondition"]) == (code, condition)


def test_there_are_no_sessions_where_nothing_is(wire: Wire) -> None:
    for moment in (0, -(2**62), 253402300799999, 253402300800000):
        body = {"skip": Int(0), "top": Int(9), "last-updated-time": Timestamp(moment)}
        status, _, _ = Node(wire, "sessions/$management").ask("com.microsoft:get-message-sessions", body)
        assert status[b"statusCode"] == 204
        wire.sign_out_of(10, 11)


def test_a_topic_only_takes_messages(wire: Wire) -> None:
    node = Node(wire, "t/$management")
    body = {"from-sequence-number": Int(1), "message-count": Int(1)}
    assert node.ask("com.microsoft:peek-message", body)[0][b"statusCode"] == 204
    assert node.ask("com.microsoft:renew-lock", {})[0][b"statusCode"] == 501
    for handle, link in ((5, receiver("t", 5)), (6, sender("t/Subscriptions/s", 6))):
        wire.say(link)
        assert wire.heard_of(DETACH)[0][2][0] == b"amqp:not-allowed", handle
    wire.say(receiver("t/$DeadLetterQueue", 7))
    assert wire.heard_of(DETACH)[0][2][0] == b"amqp:not-found"
