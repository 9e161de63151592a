"""Faults of the bus frame by frame, without a socket and at a clock that is told the time."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from sandbox.servicebus.amqp.encode import encode, encode_list
from sandbox.servicebus.amqp.performatives import Attach, Flow, Transfer
from sandbox.servicebus.amqp.states import Accepted, Modified, Rejected, Released, State
from sandbox.servicebus.amqp.types import Symbol
from sandbox.servicebus.fault_points import OPERATIONS, SETTLEMENTS
from sandbox.servicebus.faults import BusFaults
from sandbox.servicebus.message_faults import settlement
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


def test_what_was_carried_out_is_kept_before_the_connection_is_cut(
    wire: Wire, faults: BusFaults, monkeypatch: pytest.MonkeyPatch
) -> None:
    wire.say(sender("q", 2))
    faults.drop_connection(operation="send", carried_out=True)
    kept: list[tuple[tuple[int, int], bool]] = []
    monkeypatch.setattr(wire.broker.storage, "commit", lambda: kept.append((wire.counts(), wire.pipe.closed)))
    wire.send(message(), 2)
    assert (kept, wire.pipe.closed) == ([((1, 0), False)], True)


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


def test_a_session_is_lost_at_a_settlement_with_all_it_has_locked(wire: Wire, faults: BusFaults) -> None:
    wire.say(sender("sessions", 2))
    for number in range(2):
        wire.send(message(encode_list(b"".join([b"\x40"] * 10 + [encode("s")]), 11)), 2, number)
    named = source("sessions", *[None] * 6, {Symbol("com.microsoft:session-filter"): "s"})
    wire.say(Attach(name="r", handle=1, role=True, source=named, target=target("sessions")))
    wire.credit(1, 2)
    first = wire.heard_of(TRANSFER)[0][1]
    fault = faults.lose_lock(entity="sessions")
    wire.settle(first, Accepted())
    (said, answer), (detached, error) = wire.heard()
    assert (said, answer[4]["rejected"][0][0]) == (DISPOSITION, b"com.microsoft:session-lock-lost")
    assert (detached, error[2][0], fault.struck) == (DETACH, b"com.microsoft:session-lock-lost", 1)
    store = wire.broker.find("sessions")
    assert store is not None
    again = store.accept_session("s", None, wire.clock.now())
    delivery = store.receive(wire.clock.now(), again)
    assert delivery is not None
    assert delivery.message.delivery_count == 1


def test_topics_double_what_is_sent_and_subscriptions_reorder_what_they_deliver(wire: Wire, faults: BusFaults) -> None:
    doubled, reordered = faults.duplicate(entity="T"), faults.reorder(entity="t/Subscriptions/S")
    wire.say(sender("t", 2))
    for number in range(2):
        wire.send(message(body=b"\x00\x53\x75\xa0\x01%d" % number), 2, number)
    wire.heard()
    wire.say(receiver("t/subscriptions/s", 1))
    wire.credit(1, 3)
    wire.credit(1, 3)
    assert [bytes(fields[11])[-1:] for fields in wire.heard_of(TRANSFER)] == [b"0", b"0", b"1"]
    assert (doubled.struck, reordered.struck) == (1, 1)


@pytest.mark.parametrize("entity", ["nowhere", "q/$management", "t/subscriptions/other", "t/$deadletterqueue", ""])
def test_a_fault_of_what_is_not_there_is_refused(faults: BusFaults, entity: str) -> None:
    with pytest.raises(ValueError, match="there is no queue, topic or subscription"):
        faults.reorder(entity=entity)
    for there in ("Q", "q/$DeadLetterQueue", "t", "t/Subscriptions/s/$DeadLetterQueue", "$cbs"):
        assert faults.server_busy(entity=there).entity == there.lower()


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


def test_a_message_is_delivered_before_the_connection_is_cut_behind_it(wire: Wire, faults: BusFaults) -> None:
    with_messages(wire, b"1")
    fault = faults.drop_connection(entity="q", operation="deliver", carried_out=True)
    wire.credit(1, 1)
    assert (kinds(wire), wire.pipe.closed) == ([TRANSFER], True)
    assert (fault.struck, wire.counts()) == (1, (0, 1))


def test_what_the_client_wants_no_answer_to_is_neither_swallowed_nor_refused(wire: Wire, faults: BusFaults) -> None:
    with_messages(wire, b"1")
    first = delivered(wire)
    planned = [
        faults.swallow_confirmation(entity="q", carried_out=False, times=None),
        faults.swallow_confirmation(entity="q", carried_out=False, operation="send", times=None),
        faults.refuse_settlement(entity="q", times=None),
        faults.server_busy(entity="q", operation="send", times=None),
        faults.server_busy(entity="q", operation="settle", times=None),
    ]
    wire.settle(first, Accepted(), settled=True)
    wire.send(message(), 2, 5, settled=True)
    assert ([each.struck for each in planned], wire.counts()) == ([0] * 5, (1, 0))


@pytest.mark.parametrize("kind", ["drop_connection", "detach_link", "server_busy"])
def test_only_a_receiver_that_asks_for_messages_is_struck_at_that(wire: Wire, faults: BusFaults, kind: str) -> None:
    with_messages(wire, b"1")
    wire.say(receiver("q/$management", 20, target=None))
    fault = getattr(faults, kind)(entity="q", operation="credit")
    wire.credit(20, 5)
    wire.credit(2, 5)
    wire.credit(1, 0)
    assert (fault.struck, wire.pipe.closed) == (0, False)
    wire.credit(1, 1)
    assert (fault.struck, wire.counts()) == (1, (1, 0))


@pytest.mark.parametrize("condition", ["ü", "", "a\nb"])
def test_an_error_that_cannot_be_written_is_not_planned(faults: BusFaults, condition: str) -> None:
    for plan in (faults.detach_link, faults.refuse_settlement):
        with pytest.raises(ValueError, match="printable ASCII"):
            plan(condition=condition)
    assert not faults.any
