"""Faults of the bus frame by frame, without a socket and at a clock that is told the time."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from sandbox.servicebus.amqp import transit
from sandbox.servicebus.amqp.encode import encode, encode_list
from sandbox.servicebus.amqp.performatives import Attach, Flow, Transfer
from sandbox.servicebus.amqp.states import Accepted, Modified, Rejected, Released, State
from sandbox.servicebus.amqp.types import Symbol
from sandbox.servicebus.fault_points import OPERATIONS, SETTLEMENTS
from sandbox.servicebus.faults import BusFaults
from sandbox.servicebus.message_faults import settlement
from tests.sandbox.servicebus.wire import (
    ATTACH,
    CLOSE,
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


@pytest.fixture
def faults(wire: Wire) -> BusFaults:
    return wire.namespace.faults


def delivered(wire: Wire) -> int:
    """Ask for one message; the id of its delivery."""
    wire.credit(1, 1)
    delivery_id: int = wire.heard_of(TRANSFER)[0][1]
    return delivery_id


def kinds(wire: Wire) -> list[int]:
    return [code for code, _ in wire.heard()]


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
    assert kinds(wire) == [TRANSFER, TRANSFER, CLOSE], "those behind the one that was held up have waited for it"
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


@pytest.mark.parametrize("carried_out", [False, True])
def test_a_connection_is_cut_at_the_last_frame_of_a_message_when_it_was_taken_in(
    wire: Wire, faults: BusFaults, carried_out: bool
) -> None:
    wire.say(sender("q", 2))
    wire.heard()
    cut = faults.drop_connection(entity="q", carried_out=carried_out)
    whole = message()
    wire.send(whole[:5], 2, more=True)
    assert (wire.pipe.closed, cut.struck) == (not carried_out, int(not carried_out))
    if carried_out:
        wire.say(Transfer(handle=2), payload=whole[5:])
    assert (wire.pipe.closed, wire.octets(), wire.counts()) == (True, b"", (int(carried_out), 0))


@pytest.mark.parametrize(
    ("operation", "act", "left"),
    [
        ("attach", lambda wire: wire.say(receiver("q", 5)), (1, 0)),
        ("credit", lambda wire: wire.credit(1, 1), (1, 0)),
        ("deliver", lambda wire: wire.credit(1, 1), (0, 1)),
        ("send", lambda wire: wire.send(message(), 2, 7), (1, 0)),
        ("now", lambda wire: None, (1, 0)),
    ],
)
def test_a_link_is_closed_in_place_of_the_operation(
    wire: Wire, faults: BusFaults, operation: str, act: Callable[[Wire], None], left: tuple[int, int]
) -> None:
    with_messages(wire, b"1")
    fault = faults.detach_link(entity="q", operation=operation, condition="x:y", description="Gone.")
    act(wire)
    wire.namespace.turn()
    heard = wire.heard()
    assert [fields[2][:2] for code, fields in heard if code == DETACH] == [[b"x:y", b"Gone."]]
    assert {code for code, _ in heard} <= {DETACH, ATTACH, FLOW}
    assert (fault.struck, wire.counts(), wire.pipe.closed) == (1, left, False)


def test_a_receiver_that_waits_for_a_session_is_refused_when_its_link_is_closed(wire: Wire, faults: BusFaults) -> None:
    any_session = source("sessions", *[None] * 6, {Symbol("com.microsoft:session-filter"): None})
    wire.say(Attach(name="r", handle=1, role=True, source=any_session, target=target("sessions")))
    assert wire.heard() == [], "it waits"
    faults.detach_link(entity="sessions", operation="now")
    wire.namespace.turn()
    (attach, answer), (detach, _) = wire.heard()
    assert (attach, detach, answer[5]) == (ATTACH, DETACH, None), "refused: without a source, and closed"
    wire.say(sender("sessions", 2))
    wire.send(message(encode_list(b"".join([b"\x40"] * 10 + [encode("s")]), 11)), 2)
    assert ATTACH not in kinds(wire)[1:], "no session is given to who has gone"


STATES: dict[str, State] = {
    "complete": Accepted(),
    "abandon": Modified(delivery_failed=True),
    "defer": Modified(undeliverable_here=True),
    "dead-letter": Rejected("com.microsoft:dead-letter"),
    "release": Released(),
}


@pytest.mark.parametrize("operation", sorted(SETTLEMENTS))
def test_a_settlement_is_refused_by_its_own_name_and_can_be_tried_again(
    wire: Wire, faults: BusFaults, operation: str
) -> None:
    assert settlement(STATES[operation]) == operation
    with_messages(wire, b"1")
    other = next(iter(SETTLEMENTS - {operation}))
    fault, never = (faults.refuse_settlement(operation=each, condition="x:y") for each in (operation, other))
    first = delivered(wire)
    wire.settle(first, STATES[operation])
    ((code, fields),) = wire.heard()
    assert (code, fields[4]["rejected"][0][0]) == (DISPOSITION, b"x:y")
    assert (wire.counts(), fault.struck, never.struck) == ((0, 1), 1, 0)


def test_a_settlement_that_was_not_answered_can_be_said_again(wire: Wire, faults: BusFaults) -> None:
    with_messages(wire, b"1")
    faults.swallow_confirmation(carried_out=False)
    first = delivered(wire)
    wire.settle(first, Accepted())
    assert (wire.heard(), wire.counts()) == ([], (0, 1))
    wire.settle(first, Accepted())
    assert (len(wire.heard_of(DISPOSITION)), wire.counts()) == (1, (0, 0))


def test_a_message_that_nobody_takes_back_overtakes_the_first_too(wire: Wire, faults: BusFaults) -> None:
    with_messages(wire, b"1", b"2")
    wire.sign_out_of(1)
    wire.say(receiver("q", 3, settled=True))
    faults.reorder(entity="q")
    wire.credit(3, 2)
    assert [bytes(fields[11])[-1:] for fields in wire.heard_of(TRANSFER)] == [b"2", b"1"]
    assert wire.counts() == (0, 0)


def test_a_message_that_has_none_behind_it_is_not_overtaken(wire: Wire, faults: BusFaults) -> None:
    with_messages(wire, b"1")
    fault = faults.reorder()
    wire.credit(1, 1)
    assert (len(wire.heard_of(TRANSFER)), fault.struck, wire.counts()) == (1, 0, (0, 1))


def test_a_lock_is_not_lost_twice(wire: Wire, faults: BusFaults) -> None:
    with_messages(wire, b"1")
    fault = faults.lose_lock(times=None)
    first = delivered(wire)
    wire.settle(first, Accepted())
    wire.settle(first, Accepted())
    assert (fault.struck, wire.counts()) == (1, (1, 0))


def test_draws_are_repeated_by_their_seed(wire: Wire, faults: BusFaults) -> None:
    faults.duplicate(entity="q", probability=0.5, seed=11, times=None)
    again = faults.duplicate(entity="other", probability=0.5, seed=11, times=None)
    wire.say(sender("q", 2), sender("other", 3))
    for handle in (2, 3):
        for number in range(20):
            wire.send(message(), handle, number)
    assert wire.counts()[0] == 20 + again.struck
    assert 0 < again.struck < 20


def test_faults_that_were_called_off_strike_no_more(wire: Wire, faults: BusFaults) -> None:
    with_messages(wire, b"1")
    for kind in OPERATIONS:
        getattr(faults, kind)(**({"milliseconds": 60_000} if kind == "latency" else {}))
    faults.forget()
    assert not faults.any
    wire.credit(1, 1)
    wire.say(Flow(**windows()))
    assert (kinds(wire), wire.counts()) == ([TRANSFER], (0, 1))
