"""Frames that go in and come out, read back with the SDK's own decoder; no socket, no waiting."""

from __future__ import annotations

import struct
from dataclasses import fields
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sandbox.servicebus.amqp.errors import AmqpError
from sandbox.servicebus.amqp.frames import AMQP_HEADER, EMPTY_FRAME, SASL_HEADER, take_frame, write_frame
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
from sandbox.servicebus.amqp.states import Accepted
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
    with_messages,
)

FIELDS = {OPEN: 10, BEGIN: 8, ATTACH: 14, FLOW: 11, TRANSFER: 11, DISPOSITION: 6, DETACH: 3, END: 1, CLOSE: 1}


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


@pytest.mark.parametrize("header", [AMQP_HEADER, b"\x16\x03\x01\x02\x00\x01\x00\x01"])
def test_whoever_does_not_start_with_sasl_is_told_so_and_dropped(header: bytes) -> None:
    wire = Wire()
    wire.feed(header)
    assert wire.octets() == SASL_HEADER
    assert wire.pipe.closed


@pytest.mark.parametrize("request_line", [b"GET /$servicebus/websocket HTTP/1.1\r\n", b"PUT /queue HTTP/1.1\r\n"])
def test_whoever_speaks_http_is_told_in_http_what_there_is_not(request_line: bytes) -> None:
    wire = Wire()
    wire.feed(request_line + b"Host: localhost\r\n\r\n")
    head, _, body = wire.octets().partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 501 Not Implemented\r\n")
    assert f"Content-Length: {len(body)}\r\n".encode() in head
    assert b"WebSocket" in body
    assert b"REST" in body
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


@settings(deadline=None)
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
    assert wire.heard_of(CLOSE)[0][0][0] == b"amqp:connection:forced"
    assert wire.pipe.closed


def test_what_could_not_be_made_to_last_is_confirmed_neither_by_a_heartbeat_nor_at_the_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def full() -> None:
        raise OSError

    wire = Wire()
    wire.sign_in(idle=1000)
    wire.say(sender("q", 2))
    wire.heard()
    monkeypatch.setattr(wire.broker.storage, "commit", full)
    with pytest.raises(OSError):  # noqa: PT011
        wire.send(message(), 2)
    wire.loop.pass_time(1)
    assert wire.octets() == EMPTY_FRAME * 2
    monkeypatch.undo()
    wire.namespace.turn()
    assert [code for code, _ in wire.heard()] == [DISPOSITION]
    wire.connection.data_received(write_frame(1, Transfer(handle=2, delivery_id=1, delivery_tag=b"t").encode()))
    wire.connection.stop()
    assert [code for code, _ in wire.heard()] == [CLOSE]
    assert wire.pipe.closed


def test_the_first_heartbeat_waits_for_the_open() -> None:
    wire = Wire()
    opening = write_frame(0, Open(container_id="c", idle_time_out=1000).encode())
    sasl = write_frame(0, SaslInit(mechanism="ANONYMOUS").encode(), 1)
    wire.connection.data_received(SASL_HEADER + sasl + AMQP_HEADER + opening)
    wire.loop.pass_time(1)
    assert wire.octets() == b""
    wire.namespace.turn()
    wire.octets()
    wire.loop.pass_time(0.5)
    assert wire.octets() == EMPTY_FRAME


def test_who_was_not_answered_yet_hears_nothing_at_the_end() -> None:
    wire = Wire()
    sasl = write_frame(0, SaslInit(mechanism="ANONYMOUS").encode(), 1)
    wire.connection.data_received(SASL_HEADER + sasl + AMQP_HEADER + write_frame(0, Open(container_id="c").encode()))
    wire.connection.stop()
    assert (wire.octets(), wire.pipe.closed) == (b"", True)


def test_a_frame_cannot_be_taken_before_it_is_complete() -> None:
    buffer = bytearray(write_frame(3, b"body"))
    assert take_frame(buffer[:-1], 512) is None
    assert take_frame(buffer[:5], 512) is None
    frame = take_frame(buffer, 512)
    assert frame is not None
    assert (frame.channel, frame.body, buffer) == (3, b"body", bytearray())
    with pytest.raises(AmqpError, match="larger than the 512"):
        take_frame(bytearray(write_frame(0, b"x" * 512)), 512)
