"""What one peer can take up: links, frames, messages and time."""

from __future__ import annotations

import struct

import pytest

from sandbox.servicebus.amqp import transit
from sandbox.servicebus.amqp.encode import encode
from sandbox.servicebus.amqp.frames import AMQP_HEADER, SASL_HEADER, write_frame
from sandbox.servicebus.amqp.performatives import Flow, Open, SaslInit
from sandbox.servicebus.queue_links import MAX_MESSAGE_SIZE
from tests.sandbox.servicebus.wire import (
    ATTACH,
    CLOSE,
    DETACH,
    DISPOSITION,
    FLOW,
    Wire,
    begin,
    message,
    sender,
    windows,
)


def stranger() -> Wire:
    """A connection with a session, and no token shown."""
    wire = Wire()
    opened = write_frame(0, Open(container_id="test", max_frame_size=65536).encode())
    wire.feed(SASL_HEADER, write_frame(0, SaslInit(mechanism="ANONYMOUS").encode(), 1), AMQP_HEADER, opened)
    wire.say(begin())
    wire.heard()
    return wire


def test_a_session_has_no_more_links_than_were_announced(wire: Wire) -> None:
    wire.say(sender("q", 255))
    assert CLOSE not in [code for code, _ in wire.heard()]
    wire.say(sender("q", 256))
    ((code, said),) = wire.heard()
    assert (code, said[0][0], wire.pipe.closed) == (CLOSE, b"amqp:connection:framing-error", True)


def test_a_connection_has_no_more_sessions_than_were_announced(wire: Wire) -> None:
    wire.say(begin(), channel=255)
    assert CLOSE not in [code for code, _ in wire.heard()]
    wire.say(begin(), channel=256)
    assert wire.heard_of(CLOSE)[0][0][0] == b"amqp:not-allowed"


def test_of_a_message_that_never_ends_no_more_is_kept_than_may_be_sent(wire: Wire) -> None:
    wire.say(sender("q", 2))
    wire.heard()
    for _ in range(10):
        wire.send(b"x" * 60_000, 2, more=True)
        kept = sum(len(link._parts) for link in wire.connection.links if hasattr(link, "_parts"))
        assert kept <= MAX_MESSAGE_SIZE
    wire.send(b"x", 2)
    assert wire.heard_of(DISPOSITION)[0][4]["rejected"][0][0] == b"amqp:link:message-size-exceeded"
    assert wire.counts() == (0, 0)


def test_a_frame_is_refused_by_its_announced_size_before_it_has_come(wire: Wire) -> None:
    wire.feed(struct.pack(">IBBH", 0x7FFFFFFF, 2, 0, 1))
    assert wire.heard_of(CLOSE)[0][0][0] == b"amqp:connection:framing-error"


def test_a_peer_that_never_gets_through_the_handshake_is_dropped_without_a_word() -> None:
    for begun in (b"", SASL_HEADER[:3], SASL_HEADER):
        wire = Wire()
        wire.feed(begun)
        wire.octets()
        wire.loop.pass_time(240)
        assert not wire.pipe.closed
        wire.loop.pass_time(61)
        assert (wire.pipe.closed, wire.octets()) == (True, b"")


def test_a_peer_that_reads_no_answers_is_asked_nothing_more_until_it_does(monkeypatch: pytest.MonkeyPatch) -> None:
    wire, reading = stranger(), [True]
    monkeypatch.setattr(transit, "_MAX_QUEUED", 20_000)
    monkeypatch.setattr(wire.pipe, "pause_reading", lambda: reading.append(False))
    monkeypatch.setattr(wire.pipe, "resume_reading", lambda: reading.append(True))
    monkeypatch.setattr(wire.pipe, "get_write_buffer_size", lambda: len(wire.pipe.written))
    question = write_frame(1, Flow(**windows(), echo=True).encode())
    wire.connection.pause_writing()
    for _ in range(60):
        if reading[-1]:
            wire.feed(question * 100)
    assert not reading[-1]
    assert len(wire.pipe.written) < 40_000
    wire.octets()
    wire.connection.resume_writing()
    wire.feed(question)
    assert reading[-1]
    assert wire.heard_of(FLOW)


def test_answers_that_wait_for_the_next_turn_stop_the_reading_only_until_then(monkeypatch: pytest.MonkeyPatch) -> None:
    wire, reading = stranger(), []
    monkeypatch.setattr(transit, "_MAX_QUEUED", 20_000)
    monkeypatch.setattr(wire.pipe, "pause_reading", lambda: reading.append(False))
    monkeypatch.setattr(wire.pipe, "resume_reading", lambda: reading.append(True))
    wire.connection.data_received(write_frame(1, Flow(**windows(), echo=True).encode()) * 1000)
    assert reading == [False]
    wire.namespace.turn()
    assert reading == [False, True]


def test_who_shows_no_token_attaches_a_few_links_only_and_keeps_little_in_each() -> None:
    wire = stranger()
    for handle in range(40):
        wire.say(sender("$cbs", handle))
        wire.send(b"x" * 60_000, handle, more=True)
    attached = [fields for code, fields in wire.heard() if code in (ATTACH, DETACH)]
    assert attached[31][10] == 16 * 1024
    assert attached[33][2][0] == b"amqp:resource-limit-exceeded"
    assert sum(len(getattr(link, "_parts", b"")) for link in wire.connection.links) == 0


def test_a_token_opens_the_way_to_more_links(wire: Wire) -> None:
    for handle in range(1, 50):
        wire.say(sender("q", handle))
        wire.send(message(encode([f"id-{handle}"])), handle, handle)
    assert wire.counts() == (49, 0)
