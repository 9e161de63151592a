"""What becomes of encoded messages on their way in and out, in hand-made frames."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from azure.servicebus._pyamqp import _decode
from hypothesis import given, settings
from hypothesis import strategies as st

from sandbox.servicebus.amqp.encode import encode, encode_map
from sandbox.servicebus.amqp.errors import AmqpError
from sandbox.servicebus.amqp.frames import SASL_HEADER
from sandbox.servicebus.amqp.performatives import Transfer
from sandbox.servicebus.amqp.sections import sections
from sandbox.servicebus.amqp.types import Described, Long, Symbol, Timestamp, UInt, ULong
from sandbox.servicebus.broker.errors import Unreadable
from sandbox.servicebus.broker.message import DeadLettering, Message
from sandbox.servicebus.wire import BATCH_FORMAT, read_message, write_message
from tests.sandbox.servicebus.wire import (
    DETACH,
    DISPOSITION,
    Pipe,
    Wire,
    message,
    receiver,
    sender,
)


@pytest.mark.parametrize(
    ("payload", "format", "condition"),
    [
        (message() + b"\x00\x53\x75", 0, b"amqp:decode-error"),
        (b"\x40", 0, b"amqp:decode-error"),
        (b"\x00\x53\x99\x45", 0, b"amqp:decode-error"),
        (message(body=b"\x00\x53\x77\x40\x00\x53\x75\xa0\x00"), 0, b"amqp:decode-error"),
        (message(encode([]), body=b"\x00\x53\x73\x45"), 0, b"amqp:decode-error"),
        (b"\x00\x53\x70" + encode([None, None, "soon"]), 0, b"amqp:decode-error"),
        (b"\x00\x53\x72" + encode({Symbol("x-opt-scheduled-enqueue-time"): "soon"}), 0, b"amqp:decode-error"),
        (
            b"\x00\x53\x72" + encode({Symbol("x-opt-scheduled-enqueue-time"): Timestamp(1 << 62)}),
            0,
            b"amqp:invalid-field",
        ),
        (b"\x00\x53\x72" + encode({Symbol("x-opt-via-partition-key"): "k"}), 0, b"amqp:not-implemented"),
        (b"\x00\x53\x72\xc1\x03\x02\x45\x41", 0, b"amqp:decode-error"),
        (b"\x00\x53\x72\xc0\x03\x02\x41\x41", 0, b"amqp:decode-error"),
        (b"\x00\x53\x72\xc1\x03\x02\x41\x41", 0, b"amqp:decode-error"),
        (message(application=b"\x45"), 0, b"amqp:decode-error"),
        (message(application=encode("text")), 0, b"amqp:decode-error"),
        (message(application=encode({Long(1): "x"})), 0, b"amqp:decode-error"),
        (message(application=b"\xc1\x03\x02\x45\x41"), 0, b"amqp:not-implemented"),
        (message(), 7, b"amqp:not-implemented"),
        (message(body=b"\x00\x53\x77\x40"), BATCH_FORMAT, b"amqp:decode-error"),
        (b"\x00\x53\x75\xa0\x09" + message()[:9] + b"\x00\x53\x75\xa0\x01\x40", BATCH_FORMAT, b"amqp:decode-error"),
    ],
)
def test_a_message_that_cannot_be_taken_is_rejected_and_the_link_lives_on(
    wire: Wire, payload: bytes, format: int, condition: bytes
) -> None:
    wire.say(sender("q", 2))
    wire.heard()
    wire.send(payload, 2, message_format=format)
    assert wire.heard_of(DISPOSITION)[0][4]["rejected"][0][0] == condition
    wire.send(message(), 2, 1)
    assert wire.heard_of(DISPOSITION)[0][4] == {"accepted": []}
    assert wire.counts() == (1, 0), "of a batch that is wrong anywhere nothing is kept"


def test_a_message_that_comes_without_a_delivery_tag_carries_its_lock_token() -> None:
    """The Python client before 7.15 looks for it there when it settles a deferred message."""
    token, now = UUID(int=7), datetime(2026, 3, 1, tzinfo=UTC)
    stored = Message(1, "m", read_message(message()).content, now)
    annotations = _decode.decode_payload(memoryview(write_message(stored, now, token))).delivery_annotations
    assert annotations == {b"x-opt-lock-token": token}
    assert _decode.decode_payload(memoryview(write_message(stored, now))).delivery_annotations is None


def test_a_message_that_cannot_be_written_ends_its_link_and_nobody_elses(wire: Wire) -> None:
    """Older versions took in messages whose properties are no map, and may have left them in a file."""
    stored = read_message(message()).content
    bad = replace(stored, bare=message(application=b"\x45"))
    wire.queue.put_aside(Message(1, "m", bad, wire.clock.now()), "r", "d")
    other = wire.namespace.connect(wire.loop)
    other.connection_made(pipe := Pipe())
    other.data_received(SASL_HEADER)
    wire.say(receiver("q/$DeadLetterQueue", 1))
    wire.heard()
    wire.credit(1, 1)
    assert wire.heard_of(DETACH)[0][2][0] == b"amqp:decode-error"
    assert pipe.written
    assert not wire.pipe.closed


def test_a_transaction_is_refused(wire: Wire) -> None:
    wire.say(sender("q", 2))
    wire.heard()
    wire.send(message(), 2, state=Described(ULong(0x34), [b"txn", None]))
    assert wire.heard_of(DISPOSITION)[0][4]["rejected"][0][0] == b"amqp:not-implemented"
    assert wire.counts() == (0, 0)


def test_a_delivery_the_sender_aborts_leaves_nothing(wire: Wire) -> None:
    wire.say(sender("q", 2))
    wire.send(message(), 2, more=True)
    wire.say(Transfer(handle=2, aborted=True))
    wire.send(message(), 2, 1)
    assert wire.counts() == (1, 0)


def test_a_transfer_without_a_delivery_id_detaches_its_link(wire: Wire) -> None:
    wire.say(sender("q", 2))
    wire.heard()
    wire.say(Transfer(handle=2))
    assert wire.heard_of(DETACH)[0][2][0] == b"amqp:invalid-field"


texts = st.text(max_size=20)


@given(
    durable=st.none() | st.booleans(),
    life=st.none() | st.integers(0, 0xFFFFFFFF),
    annotations=st.dictionaries(
        texts.map(lambda name: "x-" + name.encode("ascii", "ignore").decode()), texts, max_size=4
    ),
    application=st.dictionaries(texts, texts | st.integers(0, 99).map(Long), max_size=4),
    body=st.binary(max_size=300),
    subject=texts,
)
def test_a_message_passes_through_with_only_header_and_annotations_rewritten(
    durable: bool | None,
    life: int | None,
    annotations: dict[str, str],
    application: dict[str, Any],
    body: bytes,
    subject: str,
) -> None:
    wire = Wire()
    bare = message(encode(["id", None, None, subject]), encode(application), b"\x00\x53\x75" + encode(body))
    sent = b"".join(
        (
            b"\x00\x53\x70" + encode([durable, None, None if life is None else UInt(life)]),
            b"\x00\x53\x72"
            + encode(
                {Symbol(name): text for name, text in annotations.items()} | {Symbol("x-opt-lock-token"): "theirs"}
            ),
            bare,
        )
    )
    draft = read_message(sent)
    assert draft.time_to_live == (None if life is None else timedelta(milliseconds=life))
    number = wire.queue.enqueue(draft, wire.clock.now())
    if life is not None and life < 5000:
        return
    delivery = wire.queue.receive(wire.clock.now())
    assert delivery is not None
    written = write_message(delivery.message, delivery.locked_until)
    assert written.endswith(bare)
    assert [section.code for section in sections(written)] == [0x70, 0x72, 0x73, 0x74, 0x75]
    read = _decode.decode_payload(memoryview(written))
    assert read.header is not None
    assert (read.header.durable, read.header.ttl, read.header.delivery_count) == (durable, life, 0)
    theirs = {name.encode(): text.encode() for name, text in annotations.items()}
    seen: Any = read.message_annotations
    assert {name: value for name, value in seen.items() if name in theirs} == theirs
    assert seen[b"x-opt-sequence-number"] == number
    assert b"x-opt-lock-token" not in seen


@settings(deadline=None)
@given(st.binary(max_size=120))
def test_no_octets_whatever_break_the_reading_of_messages(octets: bytes) -> None:
    for attempt in (octets, b"\x00\x53\x70" + octets, b"\x00\x53\x72" + octets, b"\x00\x53\x73" + octets):
        with suppress(AmqpError, Unreadable):
            write_message_of(attempt)


odd = [b"\x40", b"\x41", b"\x44", b"\x45", b"\x4f", b"\xa0\x00", b"\xff", encode("x"), encode(Long(1))]
odd += [encode(each) for each in (Symbol("x-opt-partition-key"), [None], {"x": None}, Described(ULong(1), "x"))]
values = st.sampled_from(odd)


@settings(deadline=None)
@given(st.sampled_from([b"\x72", b"\x74"]), st.lists(st.tuples(values, values), max_size=3))
def test_no_map_whatever_breaks_the_reading_of_messages(section: bytes, entries: list[tuple[bytes, bytes]]) -> None:
    encoded = encode_map(b"".join(key + value for key, value in entries), len(entries))
    with suppress(AmqpError, Unreadable):
        write_message_of(b"\x00\x53" + section + encoded)


def write_message_of(octets: bytes) -> None:
    """Take a message in and hand it out, as it came and dead-lettered; and give it to a topic that would take it."""
    wire = Wire()
    draft = read_message(octets)
    wire.queue.enqueue(draft, wire.clock.now())
    for kept in wire.queue.peek(0, 1, wire.clock.now()):
        write_message(kept)
        write_message(replace(kept, dead_lettering=DeadLettering("r", "d", "q")))
    topic = wire.broker.find_topic("t")
    assert topic is not None
    topic.check(draft)
    topic.enqueue(draft, wire.clock.now())
