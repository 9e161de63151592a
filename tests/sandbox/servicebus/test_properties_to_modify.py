"""What a receiver writes into a message as it gives it back, sets it aside or dead-letters it."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest

from sandbox.servicebus.amqp.encode import encode
from sandbox.servicebus.amqp.performatives import Disposition
from sandbox.servicebus.amqp.types import Described, Int, Symbol, ULong
from sandbox.servicebus.broker.store import MessageStore
from sandbox.servicebus.message_properties import MessageProperties
from tests.sandbox.servicebus.test_management import Node
from tests.sandbox.servicebus.wire import DISPOSITION, TRANSFER, Wire, message, receiver, sender

GIVEN: dict[Any, Any] = {Symbol("tries"): Int(2), "new": True}
DEAD = {Symbol("DeadLetterReason"): "why"}


def modified(elsewhere: bool, annotations: Any) -> Described:
    return Described(ULong(0x27), [True, elsewhere, annotations])


def rejected(info: Any) -> Described:
    return Described(ULong(0x25), [Described(ULong(0x1D), [Symbol("com.microsoft:dead-letter"), None, info])])


def received(wire: Wire) -> tuple[int, UUID]:
    """A message with two properties of its own, locked: its delivery-id and lock token."""
    wire.say(sender("q", 2))
    wire.send(message(encode(["id"]), encode({"tries": Int(1), "kept": "as it was"})), 2)
    wire.say(receiver("q", 1))
    wire.credit(1, 1)
    (transfer,) = wire.heard_of(TRANSFER)
    return transfer[1], UUID(bytes_le=transfer[2])


def user_properties(store: MessageStore, wire: Wire) -> dict[str, Any]:
    """Those of the only message."""
    (kept,) = store.peek(0, 2, wire.clock.now())
    assert kept.content.bare.endswith(b"\x00\x53\x75" + encode(b"body"))
    return dict(MessageProperties().read(kept.content).user)


@pytest.mark.parametrize(
    ("state", "dead"),
    [(modified(False, GIVEN), False), (modified(True, GIVEN), False), (rejected({**GIVEN, **DEAD}), True)],
    ids=["abandoned", "deferred", "dead-lettered"],
)
def test_a_receiver_changes_properties_of_what_it_settles(wire: Wire, state: Described, dead: bool) -> None:
    first, _ = received(wire)
    wire.say(Disposition(role=True, first=first, settled=False, state=state))
    assert "error" not in str(wire.heard_of(DISPOSITION)[0][4])
    store = wire.queue.dead_letters if dead else wire.queue
    assert user_properties(store, wire) == {"kept": "as it was", "tries": 2, "new": True}


@pytest.mark.parametrize("status", ["abandoned", "defered", "suspended"])
def test_so_does_one_that_settles_by_request(wire: Wire, status: str) -> None:
    _, token = received(wire)
    wire.credit(1, 0, delivery_count=1)
    asked = {"disposition-status": status, "lock-tokens": [token], "properties-to-modify": GIVEN}
    reply, _, _ = Node(wire).ask("com.microsoft:update-disposition", asked)
    assert reply[b"statusCode"] == 200
    store = wire.queue.dead_letters if status == "suspended" else wire.queue
    assert user_properties(store, wire) == {"kept": "as it was", "tries": 2, "new": True}


@pytest.mark.parametrize(
    "state",
    [modified(False, {"a": ["list"]}), modified(True, {"a": {}}), rejected({Int(3): "x"})],
    ids=["a list", "a map", "a name that is a number"],
)
def test_what_cannot_be_a_property_is_refused_and_the_message_stays_locked(wire: Wire, state: Described) -> None:
    first, token = received(wire)
    wire.say(Disposition(role=True, first=first, settled=False, state=state))
    assert wire.heard_of(DISPOSITION)[0][4]["rejected"][0][0] == b"amqp:invalid-field"
    assert wire.queue.holds(token, wire.clock.now())
    assert user_properties(wire.queue, wire) == {"kept": "as it was", "tries": 1}
