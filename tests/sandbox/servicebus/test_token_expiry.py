"""Links whose token has expired in the meantime."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from sandbox.servicebus import namespace
from sandbox.servicebus.broker.queue import Queue
from sandbox.servicebus.sas import LISTEN, SEND, Grant
from tests.sandbox.servicebus.wire import ATTACH, DETACH, TRANSFER, Wire, message, receiver, with_messages


@pytest.fixture
def expired(wire: Wire, monkeypatch: pytest.MonkeyPatch) -> Wire:
    """Links that send (2), receive (1), and receive with credit for more than there is (3), of before the expiry."""
    with_messages(wire, b"1", b"2")
    wire.say(receiver("other", 3))
    wire.credit(3, 10)
    wire.heard()
    monkeypatch.setattr(namespace, "_wall_clock", lambda: datetime(2200, 1, 1, tzinfo=UTC))
    return wire


def refused(wire: Wire) -> list[tuple[int, bytes]]:
    """Which links were closed, and why; nothing else was said."""
    heard = wire.heard()
    assert {code for code, _ in heard} <= {DETACH, ATTACH}
    return [(fields[0], fields[2][0]) for code, fields in heard if code == DETACH]


def test_nothing_is_taken_in_any_more(expired: Wire) -> None:
    expired.send(message(), 2, 7)
    assert refused(expired) == [(2, b"amqp:unauthorized-access")]
    assert expired.counts() == (2, 0)


def test_nothing_is_handed_out_for_new_credit(expired: Wire) -> None:
    expired.credit(1, 1)
    assert refused(expired) == [(1, b"amqp:unauthorized-access")]
    assert expired.counts() == (2, 0)


def test_nothing_is_handed_out_for_credit_given_before(expired: Wire) -> None:
    other = expired.broker.find("other")
    kept = expired.queue.peek(0, 1, expired.clock.now())[0]
    assert isinstance(other, Queue)
    other.take_over(kept, expired.clock.now())
    expired.namespace.turn()
    assert refused(expired) == [(3, b"amqp:unauthorized-access")]
    assert other.counts(expired.clock.now()).active == 1


def test_a_newer_token_lets_them_go_on(expired: Wire) -> None:
    both = frozenset({LISTEN, SEND})
    expired.namespace.connections[expired.connection].add(Grant("", both, datetime(2300, 1, 1, tzinfo=UTC)))
    expired.credit(1, 2)
    assert len(expired.heard_of(TRANSFER)) == 2
    expired.send(message(), 2, 7)
    assert expired.counts() == (1, 2)
