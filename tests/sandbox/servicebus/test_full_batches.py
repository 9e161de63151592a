"""Batches that clients take for just full: each measures them in a way of its own."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import pytest
from azure.servicebus import ServiceBusMessage, ServiceBusMessageBatch
from azure.servicebus._pyamqp._encode import encode_payload
from azure.servicebus._pyamqp.message import BatchMessage
from azure.servicebus.exceptions import MessageSizeExceededError

from sandbox.servicebus.amqp.encode import encode
from sandbox.servicebus.queue_links import MAX_MESSAGE_SIZE
from sandbox.servicebus.wire import BATCH_FORMAT
from tests.sandbox.servicebus.wire import DISPOSITION, Wire, message, sender


@pytest.mark.parametrize(
    "more",
    [{}, {"message_id": "é" * 128, "session_id": "s" * 128, "partition_key": "s" * 128}],
    ids=["given names by the client", "named at length"],
)
def test_a_batch_that_the_sdk_takes_for_full_is_taken_whatever_its_envelope_adds(
    wire: Wire, more: dict[str, Any]
) -> None:
    batch = ServiceBusMessageBatch(MAX_MESSAGE_SIZE)
    batch.add_message(ServiceBusMessage(b"x" * 1000, **more))
    batch.add_message(ServiceBusMessage(b"x" * (MAX_MESSAGE_SIZE - batch.size_in_bytes - 1200)))
    with suppress(MessageSizeExceededError):
        while True:
            batch.add_message(ServiceBusMessage(b""))
    envelope = bytearray()
    encode_payload(envelope, BatchMessage(*batch._message))
    assert len(envelope) > MAX_MESSAGE_SIZE
    assert outcome(wire, bytes(envelope)) == {"accepted": []}
    assert wire.counts() == (len(batch), 0)


def test_a_batch_measured_with_its_envelope_as_javascript_does_is_taken_when_full(wire: Wire) -> None:
    before = b"\x00\x53\x73" + encode([None, None, "a" * 1000])
    each = message(body=b"\x00\x53\x75" + encode(b"x" * 1000))
    data = b"\x00\x53\x75" + encode(each)
    count = (MAX_MESSAGE_SIZE - len(before)) // len(data)
    assert outcome(wire, before + data * count) == {"accepted": []}
    assert wire.counts() == (count, 0)


@pytest.mark.parametrize("size", [MAX_MESSAGE_SIZE + 1, MAX_MESSAGE_SIZE + 64 * 1024, MAX_MESSAGE_SIZE + 256 * 1024])
def test_a_batch_of_more_is_refused_whole(wire: Wire, size: int) -> None:
    one = message(body=b"\x00\x53\x75" + encode(b"x" * 60_000))
    count, rest = divmod(size, len(one))
    last = message(body=b"\x00\x53\x75" + encode(b"x" * rest))
    envelope = (b"\x00\x53\x75" + encode(one)) * count + b"\x00\x53\x75" + encode(last)
    assert outcome(wire, envelope)["rejected"][0][0] == b"amqp:link:message-size-exceeded"
    assert wire.counts() == (0, 0)


def outcome(wire: Wire, envelope: bytes) -> dict[str, list[list[bytes]]]:
    """What becomes of a batch sent in as many frames as it needs."""
    wire.say(sender("q", 2))
    wire.heard()
    for start in range(0, len(envelope), 60_000):
        part = envelope[start : start + 60_000]
        wire.send(part, 2, message_format=BATCH_FORMAT, more=start + 60_000 < len(envelope))
    answered: dict[str, list[list[bytes]]] = wire.heard_of(DISPOSITION)[0][4]
    return answered
