"""Credit, windows, drains and settlement on links, in frames that go in and come out; no socket, no waiting."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any, cast

import pytest
from azure.servicebus._pyamqp import _decode

from sandbox.servicebus.amqp.links import ahead
from sandbox.servicebus.amqp.performatives import (
    Attach,
    Detach,
    Flow,
)
from sandbox.servicebus.amqp.states import Accepted, Modified, Rejected, Released
from sandbox.servicebus.amqp.types import Symbol
from tests.sandbox.servicebus.wire import (
    ATTACH,
    DETACH,
    DISPOSITION,
    FLOW,
    TRANSFER,
    Wire,
    message,
    receiver,
    sender,
    source,
    target,
    windows,
    with_messages,
)


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


@pytest.mark.parametrize("most", [1, 2**31 - 1, 2**31, 2**32 - 1])
def test_credit_and_windows_are_as_large_as_they_are_said_to_be(wire: Wire, most: int) -> None:
    with_messages(wire, b"1", b"2")
    wire.say(Flow(**{**windows(), "incoming_window": max(most, 10)}, handle=1, delivery_count=0, link_credit=most))
    assert len(wire.heard_of(TRANSFER)) == min(most, 2)
    wire.say(Flow(**{**windows(), "incoming_window": max(most, 10)}, handle=1, delivery_count=0, link_credit=most))
    assert len(wire.heard_of(TRANSFER)) == 0, "what was sent is taken off the credit"


@pytest.mark.parametrize(
    ("one", "other", "difference"),
    [
        (5, 3, 2),
        (3, 5, -2),
        (1, 2**32 - 1, 2),
        (2**32 - 1, 1, -2),
        (2**31 - 1, 0, 2**31 - 1),
        (0, 2**31 - 1, 1 - 2**31),
    ],
)
def test_serial_numbers_are_compared_across_their_end(one: int, other: int, difference: int) -> None:
    assert ahead(one, other) == difference


def test_a_second_link_of_one_name_takes_the_place_of_the_first(wire: Wire) -> None:
    with_messages(wire, b"1")
    wire.credit(1, 0)
    wire.say(replace(receiver("q", 7), name="r-1"))
    (stolen,) = wire.heard_of(DETACH)
    assert (stolen[0], stolen[2][0]) == (1, b"amqp:link:stolen")
    wire.credit(7, 1)
    assert len(wire.heard_of(TRANSFER)) == 1
    wire.say(replace(sender("q", 8), name="r-1"))
    assert wire.heard_of(DETACH) == [], "a link in the other direction is another one"


def test_a_receiver_that_attaches_anew_gets_the_session_its_lost_link_held(wire: Wire) -> None:
    named = source("sessions", *[None] * 6, {Symbol("com.microsoft:session-filter"): "s"})
    attach = Attach(name="r", handle=1, role=True, source=named, target=target("sessions"))
    wire.say(attach, replace(attach, handle=2))
    assert [fields[1] for fields in wire.heard_of(ATTACH) if fields[5] is not None] == [1, 2]
