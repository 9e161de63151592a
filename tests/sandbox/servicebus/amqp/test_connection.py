"""Frames that go in and come out, read back with the SDK's own decoder; no socket, no waiting."""

from __future__ import annotations

import struct
from dataclasses import fields
from datetime import timedelta
from typing import Any, cast

import pytest
from azure.servicebus._pyamqp import _decode
from hypothesis import given
from hypothesis import strategies as st

from sandbox.servicebus.amqp.errors import AmqpError
from sandbox.servicebus.amqp.frames import AMQP_HEADER, SASL_HEADER, take_frame, write_frame
from sandbox.servicebus.amqp.performatives import (
    Begin,
    Close,
    Detach,
    End,
    Flow,
    Open,
    SaslInit,
    Transfer,
    read_performative,
)
from sandbox.servicebus.amqp.states import Accepted, Modified, Rejected, Released
from tests.sandbox.servicebus.wire import (
    ATTACH,
    BEGIN,
    CLOSE,
    DETACH,
    DISPOSITION,
    END,
    FLOW,
    OPEN,
    TRANSFER,
    Wire,
    begin,
    message,
    receiver,
    sender,
    windows,
)

FIELDS = {OPEN: 10, BEGIN: 8, ATTACH: 14, FLOW: 11, TRANSFER: 11, DISPOSITION: 6, DETACH: 3, END: 1, CLOSE: 1}


@pytest.fixture
def wire() -> Wire:
    wire = Wire()
    wire.sign_in()
    return wire


def with_messages(wire: Wire, *bodies: bytes) -> None:
    """Fill the queue, and listen to it on handle 1 without credit."""
    wire.say(sender("q", 2))
    for number, body in enumerate(bodies):
        wire.send(message(body=b"\x00\x53\x75\xb0" + struct.pack(">I", len(body)) + body), 2, number)
    wire.say(receiver("amqps://localhost:1/Q", 1))
    wire.heard()


def test_the_amqp_header_is_answered_only_when_the_clients_has_come() -> None:
    wire = Wire()
    wire.feed(SASL_HEADER)
    assert wire.octets().startswith(SASL_HEADER)
    wire.feed(write_frame(0, SaslInit(mechanism="ANONYMOUS").encode(), 1))
    assert AMQP_HEADER not in wire.octets()
    wire.feed(AMQP_HEADER)
    assert wire.octets() == AMQP_HEADER
    wire.feed(write_frame(0, Open(container_id="c").encode()))
    ((code, opened),) = wire.heard()
    assert (code, opened[2], opened[4]) == (OPEN, 65536, 240000)


@pytest.mark.parametrize("header", [AMQP_HEADER, b"\x16\x03\x01\x02\x00\x01\x00\x01", b"GET / HT"])
def test_whoever_does_not_start_with_sasl_is_told_so_and_dropped(header: bytes) -> None:
    wire = Wire()
    wire.feed(header)
    assert wire.octets() == SASL_HEADER
    assert wire.pipe.closed


def test_another_way_of_signing_in_is_refused() -> None:
    wire = Wire()
    wire.feed(SASL_HEADER, write_frame(0, SaslInit(mechanism="PLAIN", initial_response=b"\0a\0b").encode(), 1))
    assert wire.octets().endswith(b"\x00\x53\x44\xc0\x04\x02\x50\x01\x40")
    assert wire.pipe.closed


def test_octets_may_come_one_at_a_time() -> None:
    wire = Wire()
    wire.feed(*(bytes((each,)) for each in SASL_HEADER + write_frame(0, SaslInit(mechanism="ANONYMOUS").encode(), 1)))
    opening = AMQP_HEADER + write_frame(0, Open(container_id="c").encode()) + write_frame(1, begin().encode())
    wire.feed(*(bytes((each,)) for each in opening))
    assert [code for code, _ in wire.heard()][-2:] == [OPEN, BEGIN]


def test_every_performative_is_written_with_all_its_fields(wire: Wire) -> None:
    with_messages(wire, b"x")
    wire.credit(1, 1)
    (token,) = wire.queue._locks
    (delivery_id,) = (key for key, (_, tag) in wire.connection._sessions[1]._unsettled.items() if tag == token.bytes_le)
    wire.settle(delivery_id, Accepted())
    wire.credit(1, 2, drain=True)
    wire.say(sender("nowhere", 3), Detach(handle=1, closed=True), End())
    wire.feed(write_frame(0, Close().encode()))
    octets, seen = wire.octets(), set()
    fresh = Wire()
    fresh.feed(SASL_HEADER, write_frame(0, SaslInit(mechanism="ANONYMOUS").encode(), 1), AMQP_HEADER)
    fresh.octets()
    fresh.feed(write_frame(0, Open(container_id="c").encode()), write_frame(1, begin().encode()))
    buffer = bytearray(octets + fresh.octets())
    while buffer:
        frame = take_frame(buffer, 1 << 20)
        assert frame is not None
        seen.add(frame.body[2])
        count = frame.body[5] if frame.body[3] == 0xC0 else struct.unpack(">I", frame.body[8:12])[0]
        assert count == FIELDS[frame.body[2]]
    assert seen == set(FIELDS)


def test_an_attach_is_answered_with_the_address_and_terms_the_client_wrote(wire: Wire) -> None:
    wire.say(receiver("amqps://localhost:1/Q", 1), sender("sb://x/q", 2))
    receiving, sending = wire.heard_of(ATTACH)
    assert receiving[5][0] == b"amqps://localhost:1/Q"
    assert (len(receiving[5]), len(receiving[6])) == (11, 7)
    assert (receiving[2], receiving[3], receiving[4], receiving[9]) == (False, 0, 1, 0)
    assert receiving[10] == 256 * 1024
    assert receiving[13][b"com.microsoft:max-message-batch-size"] == 256 * 1024
    assert (sending[2], sending[6][0]) == (True, b"sb://x/q")


def test_a_sender_is_given_credit_at_once_and_again_when_half_is_used(wire: Wire) -> None:
    wire.say(sender("q", 2))
    (flow,) = wire.heard_of(FLOW)
    assert (flow[4], flow[5], flow[6]) == (2, 0, 1000)
    for number in range(500):
        wire.send(message(), 2, number)
    (flow,) = wire.heard_of(FLOW)
    assert (flow[4], flow[5], flow[6]) == (2, 500, 1000)


def test_credit_is_stated_anew_and_never_added_up(wire: Wire) -> None:
    with_messages(wire, *[b"x"] * 10)
    wire.credit(1, 3)
    assert len(wire.heard_of(TRANSFER)) == 3
    wire.credit(1, 3)
    assert wire.heard_of(TRANSFER) == [], "the same three credits, all used"
    wire.credit(1, 3, delivery_count=3)
    assert len(wire.heard_of(TRANSFER)) == 3
    wire.credit(1, 1, delivery_count=0)
    assert wire.heard_of(TRANSFER) == [], "less than what was sent already is no credit"


def test_draining_uses_credit_up_or_gives_it_back(wire: Wire) -> None:
    with_messages(wire, b"1", b"2")
    wire.credit(1, 10, drain=True)
    heard = wire.heard()
    assert [code for code, _ in heard] == [TRANSFER, TRANSFER, FLOW]
    flow = heard[-1][1]
    assert (flow[5], flow[6], flow[8]) == (10, 0, True)
    wire.send(message(), 2, 2)
    assert wire.heard_of(TRANSFER) == []


def test_the_peers_window_and_frame_size_are_obeyed() -> None:
    wire = Wire()
    wire.sign_in(max_frame_size=512, window=4)
    body = bytes(range(256)) * 5
    with_messages(wire, body, b"next")
    wire.say(Flow(**{**windows(), "incoming_window": 4}, handle=1, delivery_count=0, link_credit=5))
    first = [each for each in wire.heard_of(TRANSFER) if each[0] == 1]
    assert len(first) == 3, "one frame of the window went to the reply to the token"
    assert [(each[1] is not None, each[2] is not None) for each in first] == [
        (True, True),
        (False, False),
        (False, False),
    ]
    wire.say(Flow(**{**windows(), "next_incoming_id": 4, "incoming_window": 4}))
    rest = wire.heard_of(TRANSFER)
    frames = first + rest
    ends = [index for index, each in enumerate(frames) if not each[5]]
    received = _decode.decode_payload(memoryview(b"".join(bytes(each[11]) for each in frames[: ends[0] + 1])))
    assert b"".join(cast("list[bytes]", received.data)) == body
    assert len(ends) == 2


def test_a_client_that_reads_too_slowly_is_waited_for(wire: Wire) -> None:
    with_messages(wire, b"1", b"2")
    wire.connection.pause_writing()
    wire.credit(1, 2)
    assert wire.heard_of(TRANSFER) == []
    wire.connection.resume_writing()
    wire.namespace.turn()
    assert len(wire.heard_of(TRANSFER)) == 2


def test_much_credit_does_not_queue_all_messages_at_once(wire: Wire) -> None:
    with_messages(wire, *[b"x" * 60_000] * 30)
    wire.credit(1, 100)
    first = len(wire.heard_of(TRANSFER))
    assert 17 <= first <= 19, "about a mebibyte"
    wire.namespace.turn()
    assert len(wire.heard_of(TRANSFER)) == 30 - first


@pytest.mark.parametrize(
    ("state", "echo", "counts"),
    [
        (Accepted(), {"accepted": []}, (0, 0)),
        (Released(), {"released": []}, (1, 0)),
        (Modified(delivery_failed=True), {"modified": [True, False, None]}, (1, 0)),
        (Modified(delivery_failed=True, undeliverable_here=True), {"modified": [True, True, None]}, (0, 0)),
        (Rejected("com.microsoft:dead-letter", "why"), {"rejected": []}, (0, 0)),
        (Rejected(), {"rejected": []}, (0, 0)),
    ],
)
def test_a_settlement_is_echoed_settled_with_the_same_outcome(
    wire: Wire, state: Any, echo: Any, counts: tuple[int, int]
) -> None:
    with_messages(wire, b"x")
    wire.credit(1, 1)
    (transfer,) = wire.heard_of(TRANSFER)
    wire.settle(transfer[1], state)
    (disposition,) = wire.heard_of(DISPOSITION)
    assert disposition[:5] == [False, transfer[1], None, True, echo]
    assert wire.counts() == counts


def test_a_settlement_that_is_settled_already_gets_no_answer(wire: Wire) -> None:
    with_messages(wire, b"x")
    wire.credit(1, 1)
    (transfer,) = wire.heard_of(TRANSFER)
    wire.settle(transfer[1], Accepted(), settled=True)
    assert wire.heard() == []
    assert wire.counts() == (0, 0)


def test_a_range_is_settled_however_wide_it_is(wire: Wire) -> None:
    with_messages(wire, b"1", b"2", b"3")
    wire.credit(1, 3)
    wire.heard()
    wire.settle(0, Accepted(), last=0xFFFFFFFE)
    assert len(wire.heard_of(DISPOSITION)) == 3
    assert wire.counts() == (0, 0)


def test_the_lock_token_is_the_delivery_tag_in_little_endian_order(wire: Wire) -> None:
    with_messages(wire, b"x")
    wire.credit(1, 1)
    (transfer,) = wire.heard_of(TRANSFER)
    (token,) = wire.queue._locks
    assert transfer[2] == token.bytes_le


def test_a_detached_link_leaves_its_messages_locked(wire: Wire) -> None:
    with_messages(wire, b"x")
    wire.credit(1, 1)
    wire.say(Detach(handle=1, closed=True))
    assert wire.counts() == (0, 1)
    wire.connection.connection_lost(None)
    assert wire.counts() == (0, 1)


def test_a_turn_leaves_nothing_behind_that_is_due_even_where_nobody_listens(wire: Wire) -> None:
    with_messages(wire, b"x")
    wire.credit(1, 1)
    wire.say(Detach(handle=1, closed=True))
    left = wire.namespace.turn()
    assert left is not None
    assert 55 < left <= 60
    wire.clock.advance(timedelta(seconds=60))
    assert wire.namespace.turn() is None
    assert wire.counts() == (1, 0)


def test_a_message_dead_lettered_by_the_clock_reaches_whoever_waits_at_the_dead_letter_queue() -> None:
    wire = Wire(max_delivery_count=1)
    wire.sign_in()
    wire.say(receiver("q/$DeadLetterQueue", 3))
    wire.credit(3, 1)
    with_messages(wire, b"x")
    wire.credit(1, 1)
    wire.heard()
    wire.clock.advance(timedelta(seconds=60))
    wire.namespace.turn()
    ((handle, *_),) = wire.heard_of(TRANSFER)
    assert handle == 3


def test_frames_for_a_session_that_has_ended_are_ignored(wire: Wire) -> None:
    wire.say(receiver("q", 1), End())
    wire.heard()
    wire.say(Detach(handle=1, closed=True), Flow(**windows()))
    assert wire.heard() == []
    assert not wire.pipe.closed
    wire.say(begin())
    assert [code for code, _ in wire.heard()] == [BEGIN]


def test_a_mistake_in_one_session_ends_that_session_only(wire: Wire) -> None:
    wire.say(begin(), channel=2)
    wire.heard()
    wire.say(Transfer(handle=9, delivery_id=0, delivery_tag=b"t"))
    ((code, said),) = wire.heard()
    assert (code, said[0][0]) == (END, b"amqp:session:unattached-handle")
    wire.say(sender("q", 2), channel=2)
    assert len(wire.heard_of(ATTACH)) == 1


def test_a_handle_in_use_ends_the_session(wire: Wire) -> None:
    wire.say(sender("q", 2), sender("other", 2))
    assert wire.heard_of(END)[0][0][0] == b"amqp:session:handle-in-use"


def test_transfers_on_a_link_we_refused_are_ignored(wire: Wire) -> None:
    wire.say(sender("nowhere", 3))
    heard = wire.heard()
    assert [code for code, _ in heard] == [ATTACH, DETACH]
    assert heard[0][1][6] is None, "a refusal has no target"
    assert heard[1][1][1:] == [True, [b"amqp:not-found", b"The messaging entity 'nowhere' could not be found.", None]]
    wire.send(message(), 3)
    wire.say(Detach(handle=3, closed=True))
    wire.say(sender("q", 3))
    assert [code for code, _ in wire.heard()] == [ATTACH, FLOW]


@pytest.mark.parametrize(
    ("octets", "condition"),
    [
        (struct.pack(">IBBH", 65537, 2, 0, 0), b"amqp:connection:framing-error"),
        (struct.pack(">IBBH", 7, 2, 0, 0), b"amqp:connection:framing-error"),
        (struct.pack(">IBBH", 8, 1, 0, 0), b"amqp:connection:framing-error"),
        (struct.pack(">IBBH", 8, 2, 7, 0), b"amqp:connection:framing-error"),
        (write_frame(0, b"", 1), b"amqp:connection:framing-error"),
        (write_frame(1, b"\xff\xff"), b"amqp:decode-error"),
        (write_frame(1, b"\x00\x53\x99\x45"), b"amqp:decode-error"),
        (write_frame(1, b"\x00\x53\x14\x45"), b"amqp:decode-error"),
        (write_frame(1, b"\x00\x53\x13\xc0\x02\x01\x41"), b"amqp:decode-error"),
        (write_frame(1, Flow(**windows()).encode()[:-3]), b"amqp:decode-error"),
        (write_frame(1, Open(container_id="again").encode()), b"amqp:not-allowed"),
        (write_frame(1, begin().encode()), b"amqp:not-allowed"),
        (write_frame(999, begin().encode()), b"amqp:not-allowed"),
        (write_frame(7, Flow(**windows()).encode()), b"amqp:not-allowed"),
        (write_frame(0, SaslInit(mechanism="ANONYMOUS").encode()), b"amqp:not-allowed"),
    ],
)
def test_a_malformed_frame_ends_its_connection_with_an_amqp_error(wire: Wire, octets: bytes, condition: bytes) -> None:
    other = wire.namespace.connect(wire.loop)
    wire.feed(octets + b"whatever follows")
    ((code, said),) = wire.heard()
    assert (code, said[0][0]) == (CLOSE, condition)
    assert wire.pipe.closed
    assert other in wire.namespace.connections


def test_a_frame_before_the_open_closes_the_connection_after_opening_it() -> None:
    wire = Wire()
    wire.feed(SASL_HEADER, write_frame(0, SaslInit(mechanism="ANONYMOUS").encode(), 1), AMQP_HEADER)
    wire.heard()
    wire.say(begin())
    assert [code for code, _ in wire.heard()] == [OPEN, CLOSE]


@given(st.lists(st.binary(min_size=1, max_size=60), max_size=6), st.booleans())
def test_no_octets_whatever_break_the_server(parts: list[bytes], framed: bool) -> None:
    wire = Wire()
    wire.sign_in()
    wire.feed(*(write_frame(1, part) if framed else part for part in parts))
    wire.heard()


@given(st.sampled_from([Begin, Flow, Transfer, Detach, End, Close, Open]), st.data())
def test_performatives_survive_the_wire(kind: type[Any], data: st.DataObject) -> None:
    numbers = st.none() | st.integers(0, 255)
    values = {
        name: data.draw(st.booleans() if wanted is bool else st.binary(max_size=9) if wanted is bytes else numbers)
        for name, wanted in zip((field.name for field in fields(kind)), kind.KINDS, strict=True)
        if wanted.__name__ in ("UInt", "UShort", "bool", "bytes", "UByte")
    }
    given_values = {name: value for name, value in values.items() if value is not None}
    session = {"next_outgoing_id": 1, "incoming_window": 2, "outgoing_window": 3}
    mandatory: dict[str, dict[str, Any]] = {
        "Open": {"container_id": "c"},
        "Transfer": {"handle": 1},
        "Detach": {"handle": 1},
        "Begin": session,
        "Flow": session,
    }
    needed = mandatory.get(kind.__name__, {})
    performative = kind(**{**needed, **given_values})
    read, payload = read_performative(performative.encode() + b"payload")
    assert read == performative
    assert payload == b"payload"


def test_a_peer_that_asks_for_it_hears_heartbeats() -> None:
    wire = Wire()
    wire.sign_in(idle=10_000)
    wire.loop.pass_time(15)
    assert wire.octets() == struct.pack(">IBBH", 8, 2, 0, 0) * 3
    wire.feed(struct.pack(">IBBH", 8, 2, 0, 0))
    assert wire.heard() == []


def test_a_peer_that_falls_silent_is_dropped_after_the_announced_time(wire: Wire) -> None:
    wire.loop.pass_time(200)
    wire.feed(struct.pack(">IBBH", 8, 2, 0, 0))
    wire.loop.pass_time(239)
    assert not wire.pipe.closed
    wire.loop.pass_time(100)
    assert wire.heard_of(CLOSE)[0][0][0] == b"amqp:resource-limit-exceeded"
    assert wire.pipe.closed


def test_a_frame_cannot_be_taken_before_it_is_complete() -> None:
    buffer = bytearray(write_frame(3, b"body"))
    assert take_frame(buffer[:-1], 512) is None
    assert take_frame(buffer[:5], 512) is None
    frame = take_frame(buffer, 512)
    assert frame is not None
    assert (frame.channel, frame.body, buffer) == (3, b"body", bytearray())
    with pytest.raises(AmqpError, match="larger than the 512"):
        take_frame(bytearray(write_frame(0, b"x" * 512)), 512)
