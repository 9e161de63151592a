"""Requests to ``$management`` and ``$cbs``, and messages on their way, in hand-made frames."""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid4

import pytest
from azure.servicebus._pyamqp import _decode

from sandbox.servicebus import requests
from sandbox.servicebus.addresses import Address, parse_address
from sandbox.servicebus.amqp.encode import encode
from sandbox.servicebus.amqp.performatives import Attach, Detach, Flow
from sandbox.servicebus.amqp.types import Array, Described, Int, Long, Symbol, Timestamp, ULong
from sandbox.servicebus.wire import read_message
from tests.sandbox.servicebus.wire import (
    ATTACH,
    DETACH,
    DISPOSITION,
    TRANSFER,
    Wire,
    message,
    receiver,
    sender,
    source,
    windows,
)


class Node:
    """A request-reply node a wire has attached to."""

    def __init__(self, wire: Wire, address: str = "q/$management") -> None:
        self.wire = wire
        self.asked = 0
        wire.say(receiver(address, 10), sender(address, 11))
        wire.say(Flow(**windows(), handle=10, delivery_count=0, link_credit=100))
        wire.heard()

    def ask(self, operation: str, body: Any, message_id: Any = "id") -> tuple[Any, Any, Any]:
        """Application properties, body and correlation-id of the reply."""
        properties = encode([message_id, None, None, None, "q/$management"])
        request = message(properties, encode({"operation": operation}), b"\x00\x53\x77" + encode(body))
        self.wire.send(request, 11, self.asked, settled=True)
        self.asked += 1
        (transfer,) = self.wire.heard_of(TRANSFER)
        assert transfer[4] is True, "replies need no answer"
        reply = _decode.decode_payload(transfer[11])
        assert reply.properties is not None
        return reply.application_properties, reply.value, reply.properties.correlation_id


@pytest.fixture
def node(wire: Wire) -> Node:
    return Node(wire)


def scheduled(moment: int | None = 4_000_000_000_000) -> bytes:
    """An encoded message for the far future."""
    annotations = {} if moment is None else {Symbol("x-opt-scheduled-enqueue-time"): Timestamp(moment)}
    return b"\x00\x53\x72" + encode(annotations) + message()


@pytest.mark.parametrize("message_id", ["text", uuid4(), ULong(7), b"octets"])
def test_the_reply_carries_the_message_id_back_in_its_own_type(node: Node, message_id: Any) -> None:
    status, _, correlation = node.ask("com.microsoft:peek-message", {}, message_id)
    assert correlation == (message_id.encode() if isinstance(message_id, str) else message_id)
    assert status[b"statusCode"] == 400


@pytest.mark.parametrize(
    ("operation", "body", "status", "condition"),
    [
        ("com.microsoft:get-message-sessions", {}, 400, b"amqp:not-allowed"),
        ("com.microsoft:renew-session-lock", {}, 400, b"amqp:not-allowed"),
        ("com.microsoft:make-coffee", {}, 501, b"amqp:not-implemented"),
        ("com.microsoft:add-rule", {}, 501, b"amqp:not-implemented"),
        ("com.microsoft:renew-lock", {}, 400, b"com.microsoft:argument-error"),
        ("com.microsoft:renew-lock", None, 400, b"com.microsoft:argument-error"),
        ("com.microsoft:renew-lock", {"lock-tokens": [uuid4()]}, 410, b"com.microsoft:message-lock-lost"),
        ("com.microsoft:renew-lock", {"lock-tokens": ["text"]}, 400, b"com.microsoft:argument-error"),
        (
            "com.microsoft:update-disposition",
            {"lock-tokens": [uuid4()], "disposition-status": "eaten"},
            400,
            b"com.microsoft:argument-error",
        ),
        (
            "com.microsoft:cancel-scheduled-message",
            {"sequence-numbers": Array(Long, (Long(5),))},
            404,
            b"com.microsoft:message-not-found",
        ),
        (
            "com.microsoft:cancel-scheduled-message",
            {"sequence-numbers": ["5"]},
            400,
            b"com.microsoft:argument-error",
        ),
        ("com.microsoft:schedule-message", {"messages": ["text"]}, 400, b"com.microsoft:argument-error"),
        (
            "com.microsoft:schedule-message",
            {"messages": [{"message": scheduled(None)}]},
            400,
            b"com.microsoft:argument-error",
        ),
        ("com.microsoft:schedule-message", {"messages": [{"message": b"\x00"}]}, 400, b"amqp:decode-error"),
    ],
)
def test_what_cannot_be_done_is_answered_with_status_and_condition(
    node: Node, operation: str, body: Any, status: int, condition: bytes
) -> None:
    answered, _, _ = node.ask(operation, body)
    assert (answered[b"statusCode"], answered[b"errorCondition"]) == (status, condition)
    assert answered[b"statusDescription"]


def test_scheduling_is_for_all_or_none(node: Node) -> None:
    status, _, _ = node.ask(
        "com.microsoft:schedule-message", {"messages": [{"message": scheduled()}, {"message": scheduled(None)}]}
    )
    assert status[b"statusCode"] == 400
    assert node.wire.queue.counts(node.wire.clock.now()).scheduled == 0
    status, body, _ = node.ask("com.microsoft:schedule-message", {"messages": [{"message": scheduled()}] * 2})
    assert (status[b"statusCode"], body) == (200, {b"sequence-numbers": [1, 2]})


def test_what_is_sent_to_a_queue_that_forwards_reaches_whoever_waits_at_the_next(wire: Wire) -> None:
    wire.say(receiver("q", 5), sender("front", 6))
    wire.credit(5, 1)
    wire.heard()
    wire.send(message(), 6)
    assert sorted(code for code, _ in wire.heard()) == [TRANSFER, DISPOSITION]


def test_nothing_can_be_sent_to_a_dead_letter_queue(wire: Wire) -> None:
    node = Node(wire, "q/$DeadLetterQueue/$management")
    status, _, _ = node.ask("com.microsoft:schedule-message", {"messages": [{"message": scheduled()}]})
    assert status[b"errorCondition"] == b"amqp:not-allowed"
    wire.say(sender("q/$DeadLetterQueue", 5))
    assert wire.heard_of(DETACH)[0][2][0] == b"amqp:not-allowed"


def test_settling_several_locks_at_once_is_for_all_or_none(node: Node) -> None:
    now = node.wire.clock.now()
    for _ in range(2):
        node.wire.queue.enqueue(read_message(message()), now)
    tokens = [delivery.lock_token for delivery in iter(lambda: node.wire.queue.receive(now), None)]
    operation = "com.microsoft:update-disposition"
    unknown = {"lock-tokens": Array(UUID, (*tokens, uuid4())), "disposition-status": "completed"}
    assert node.ask(operation, unknown)[0][b"statusCode"] == 410
    assert node.wire.counts() == (0, 2)
    assert node.ask(operation, {**unknown, "lock-tokens": Array(UUID, tuple(tokens))})[0][b"statusCode"] == 200
    assert node.wire.counts() == (0, 0)


def test_a_peek_is_cut_short_by_size_and_goes_on_from_there(node: Node) -> None:
    now = node.wire.clock.now()
    big = message(body=b"\x00\x53\x75" + encode(b"x" * 200_000))
    for _ in range(4):
        node.wire.queue.enqueue(read_message(big), now)
    counts = []
    first = 1
    while True:
        node.wire.say(Flow(**{**windows(), "next_incoming_id": 1000}, handle=10, delivery_count=0, link_credit=100))
        properties = encode(["id"])
        body = encode({"from-sequence-number": Long(first), "message-count": Int(10)})
        request = message(properties, encode({"operation": "com.microsoft:peek-message"}), b"\x00\x53\x77" + body)
        node.wire.send(request, 11, first)
        parts = node.wire.heard_of(TRANSFER)
        reply = _decode.decode_payload(memoryview(b"".join(bytes(part[11]) for part in parts)))
        status: Any = reply.application_properties
        if status[b"statusCode"] == 204:
            break
        value: Any = reply.value
        counts.append(len(value[b"messages"]))
        first += counts[-1]
    assert counts == [2, 2]


def test_replies_wait_for_credit_and_requests_for_replies(wire: Wire) -> None:
    wire.say(receiver("q/$management", 10), sender("q/$management", 11))
    wire.heard()
    request = message(encode(["id"]), encode({"operation": "x"}), b"\x00\x53\x77" + encode({}))
    for number in range(1001):
        wire.send(request, 11, number)
    heard = wire.heard()
    assert TRANSFER not in [code for code, _ in heard]
    states = [fields[4] for code, fields in heard if code == DISPOSITION]
    assert "accepted" in states[999]
    assert states[1000]["rejected"][0][0] == b"amqp:not-allowed"
    wire.credit(10, 3)
    assert len(wire.heard_of(TRANSFER)) == 3


def test_replies_that_wait_are_bounded_by_their_size_too(wire: Wire, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(requests, "_MAX_WAITING_OCTETS", 500)
    wire.say(receiver("q/$management", 10), sender("q/$management", 11))
    wire.heard()
    request = message(encode(["id"]), encode({"operation": "x"}), b"\x00\x53\x77" + encode({}))
    for number in range(20):
        wire.send(request, 11, number)
    taken = sum("accepted" in fields[4] for fields in wire.heard_of(DISPOSITION))
    assert 0 < taken < 10
    wire.credit(10, 20)
    assert len(wire.heard_of(TRANSFER)) == taken
    wire.send(request, 11, 20)
    assert len(wire.heard_of(TRANSFER)) == 1


def test_a_request_without_a_link_for_the_reply_is_rejected(wire: Wire) -> None:
    wire.say(sender("q/$management", 11))
    wire.heard()
    wire.send(message(encode(["id"]), encode({"operation": "x"})), 11)
    assert wire.heard_of(DISPOSITION)[0][4]["rejected"][0][0] == b"amqp:not-allowed"
    wire.send(message(encode(["id"])), 11, 1)
    assert wire.heard_of(DISPOSITION)[0][4]["rejected"][0][0] == b"amqp:decode-error"


@pytest.mark.parametrize(
    ("attach", "condition"),
    [
        (receiver("q/Subscriptions/s", 5), b"amqp:not-found"),
        (receiver("q/$Transfer/$DeadLetterQueue", 5), b"amqp:not-implemented"),
        (sender("nowhere/$management", 5), b"amqp:not-found"),
        (sender("", 5), b"amqp:not-found"),
        (sender("$management", 5), b"amqp:not-implemented"),
        (receiver("front", 5), b"amqp:not-allowed"),
        (Attach(name="n", handle=5, role=False, source=source("x"), initial_delivery_count=0), b"amqp:invalid-field"),
        (
            Attach(name="n", handle=5, role=False, target=Described(ULong(0x30), []), initial_delivery_count=0),
            b"amqp:not-implemented",
        ),
        (
            Attach(
                name="n",
                handle=5,
                role=True,
                source=source("q", *[None] * 6, {Symbol("com.microsoft:session-filter"): None}),
            ),
            b"amqp:not-allowed",
        ),
        (
            Attach(name="n", handle=5, role=True, source=source("q", *[None] * 6, {Symbol("other"): "x"})),
            b"amqp:not-implemented",
        ),
    ],
)
def test_links_to_what_does_not_exist_here_are_refused(wire: Wire, attach: Attach, condition: bytes) -> None:
    wire.say(attach)
    heard = dict(wire.heard())
    assert heard[ATTACH][5 if attach.role else 6] is None
    assert heard[DETACH][1:] == [True, [condition, heard[DETACH][2][1], None]]


def test_a_link_without_a_token_is_refused(wire: Wire) -> None:
    stranger = Wire()
    stranger.namespace.connections[stranger.connection]._grants.clear()
    stranger.sign_in()
    stranger.namespace.connections[stranger.connection]._grants.clear()
    for attach in (receiver("q", 5), sender("q", 6), receiver("q/$management", 7)):
        stranger.say(attach)
        assert stranger.heard_of(DETACH)[0][2][0] == b"amqp:unauthorized-access"
        stranger.say(Detach(handle=attach.handle, closed=True))


@pytest.mark.parametrize(
    ("address", "meaning"),
    [
        ("q", Address("q")),
        ("amqps://host:1/Q", Address("q")),
        ("sb://host/a/b/", Address("a/b")),
        ("/q/$DeadLetterQueue", Address("q", dead_letter=True)),
        ("q/$management", Address("q", management=True)),
        ("Q/$deadletterqueue/$Management", Address("q", dead_letter=True, management=True)),
    ],
)
def test_addresses_are_read_with_or_without_host(address: str, meaning: Address) -> None:
    assert parse_address(address) == meaning
