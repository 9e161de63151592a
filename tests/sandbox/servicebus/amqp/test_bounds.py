"""What one peer can take up: links, frames, messages and time."""

from __future__ import annotations

import struct

from sandbox.servicebus.amqp.frames import SASL_HEADER
from sandbox.servicebus.queue_links import MAX_MESSAGE_SIZE
from tests.sandbox.servicebus.wire import CLOSE, DISPOSITION, Wire, begin, sender


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
