"""Frames that are held up, without a socket and at a clock that is told the time."""

from __future__ import annotations

import pytest

from sandbox.servicebus.amqp import transit
from sandbox.servicebus.faults import BusFaults
from tests.sandbox.servicebus.wire import CLOSE, DISPOSITION, TRANSFER, Wire, message, sender, with_messages


@pytest.fixture
def faults(wire: Wire) -> BusFaults:
    return wire.namespace.faults


def test_frames_of_one_connection_are_held_up_in_order_and_keep_their_distance(wire: Wire, faults: BusFaults) -> None:
    wire.say(sender("q", 2))
    wire.heard()
    slow = faults.latency(1000, entity="q", operation="send", direction="in")
    for number in range(3):
        wire.send(message(), 2, number)
        wire.loop.pass_time(0.4)
    assert (wire.counts(), wire.heard()) == ((1, 0), []), "the one sent 1.2 seconds ago"
    wire.loop.pass_time(0.4)
    wire.namespace.turn()
    assert (wire.counts(), len(wire.heard_of(DISPOSITION))) == ((2, 0), 2), "those sent 1.6 and 1.2 seconds ago"
    wire.loop.pass_time(0.3)
    wire.namespace.turn()
    assert (wire.counts(), slow.struck) == ((3, 0), 3)


def test_what_leaves_is_held_up_after_it_was_made_safe_and_the_close_waits_for_it(
    wire: Wire, faults: BusFaults
) -> None:
    with_messages(wire, b"1", b"2")
    slow = faults.latency(500, operation="deliver", direction="out", times=1)
    wire.credit(1, 2)
    wire.feed(b"\x00\x00\x00\x01nonsense")
    assert (wire.octets(), wire.pipe.closed, wire.counts()) == (b"", False, (0, 2))
    wire.loop.pass_time(0.5)
    assert [code for code, _ in wire.heard()] == [TRANSFER, TRANSFER, CLOSE], "those behind the late one waited for it"
    assert (wire.pipe.closed, slow.struck) == (True, 1)


def test_every_frame_is_slow_where_nothing_else_is_said_and_a_link_is_known_when_its_attach_has_come(
    wire: Wire, faults: BusFaults
) -> None:
    slow = faults.latency(10)
    behind = faults.latency(10_000, entity="q", operation="send", times=None)
    wire.say(sender("q", 2))
    wire.send(message(), 2)
    slow.left = 0
    wire.loop.pass_time(1)
    assert wire.counts() == (0, 0)
    wire.loop.pass_time(10)
    assert (wire.counts(), behind.struck, slow.struck) == ((1, 0), 1, 1)


def test_what_was_on_its_way_arrives_though_its_sender_hung_up(wire: Wire, faults: BusFaults) -> None:
    wire.say(sender("q", 2))
    faults.latency(60_000)
    for number in range(3):
        wire.send(message(), 2, number, settled=True)
    wire.connection.connection_lost(None)
    assert wire.counts() == (3, 0)


def test_no_more_is_read_than_can_be_held_up(wire: Wire, faults: BusFaults, monkeypatch: pytest.MonkeyPatch) -> None:
    reading: list[bool] = []
    monkeypatch.setattr(transit, "_MAX_ARRIVALS", 2)
    monkeypatch.setattr(wire.pipe, "pause_reading", lambda: reading.append(False))
    monkeypatch.setattr(wire.pipe, "resume_reading", lambda: reading.append(True))
    wire.say(sender("q", 2))
    faults.latency(1000, direction="in")
    for number in range(5):
        wire.send(message(), 2, number)
    assert reading[-1] is False
    for _ in range(3):
        wire.loop.pass_time(1)
    assert (wire.counts(), reading[-1]) == ((5, 0), True)


def test_links_stop_adding_to_what_is_held_up_and_go_on_when_there_is_room(
    wire: Wire, faults: BusFaults, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transit, "_MAX_QUEUED", 300)
    with_messages(wire, *(b"x" * 100 + b"%d" % number for number in range(8)))
    faults.latency(1000, direction="out", operation="deliver")
    wire.credit(1, 8)
    assert wire.counts() == (7, 1)
    for left in range(6, -1, -1):
        wire.loop.pass_time(1)
        wire.namespace.turn()
        assert wire.counts() == (left, 8 - left)
    wire.loop.pass_time(1)
    assert [bytes(fields[11])[-1:] for fields in wire.heard_of(TRANSFER)] == [b"%d" % number for number in range(8)]
