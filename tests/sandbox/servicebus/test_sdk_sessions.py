"""The unmodified azure-servicebus SDK with message sessions, synchronous.

A receiver of a session cannot be shared, and takes the SDK a second to open and close: so all scenarios are lived
through at the same time, each with a Service Bus of its own, and each test looks at what came of one.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import timedelta

import pytest
from azure.servicebus import NEXT_AVAILABLE_SESSION, ServiceBusMessage
from azure.servicebus.exceptions import (
    OperationTimeoutError,
    SessionCannotBeLockedError,
    SessionLockLostError,
)

from tests.sandbox.servicebus.conftest import Bus, receive

LOCK = timedelta(seconds=60)
SCENARIOS: dict[str, Callable[[Bus], None]] = {}


def scenario(function: Callable[[Bus], None]) -> Callable[[Bus], None]:
    """One of them, by its name."""
    SCENARIOS[function.__name__] = function
    return function


def send(bus: Bus, session_id: str, *bodies: str) -> None:
    bus.sender("sessions").send_messages([ServiceBusMessage(body, session_id=session_id) for body in bodies])


@scenario
def a_receiver_gets_the_messages_of_its_session_in_order(bus: Bus) -> None:
    held = bus.session("a")
    send(bus, "a", "1", "2", "3")
    send(bus, "b", "x")
    messages = receive(held, 3)
    assert [str(message) for message in messages] == ["1", "2", "3"]
    assert {message.session_id for message in messages} == {"a"}
    for message in messages:
        held.complete_message(message)
    assert held.receive_messages(max_wait_time=0.2) == []
    assert [str(message) for message in held.peek_messages(5)] == []
    assert bus.counts("sessions").active == 1


@scenario
def an_abandoned_message_comes_before_those_behind_it(bus: Bus) -> None:
    held = bus.session("a")
    send(bus, "a", "1", "2", "3")
    (first,) = receive(held)
    held.abandon_message(first)
    messages = receive(held, 3)
    assert [(str(message), message.delivery_count) for message in messages] == [("1", 1), ("2", 0), ("3", 0)]


@scenario
def a_held_session_has_a_state_a_lock_to_renew_and_no_second_receiver(bus: Bus) -> None:
    held = bus.session("a")
    session = held.session
    assert session.session_id == "a"
    assert session.locked_until_utc is not None
    assert abs(session.locked_until_utc - bus.now() - LOCK) < timedelta(seconds=5)
    assert session.get_state() is None
    session.set_state("half done")
    assert bytes(session.get_state()) == b"half done"
    assert list(bus.client().list_queue_sessions("sessions")) == ["a"]
    session.set_state(None)
    assert session.get_state() is None
    bus.clock.advance(timedelta(seconds=50))
    assert abs(session.renew_lock() - bus.now() - LOCK) < timedelta(seconds=5)
    bus.clock.advance(timedelta(seconds=50))
    send(bus, "a", "x")
    held.complete_message(receive(held)[0])
    with pytest.raises(SessionCannotBeLockedError):
        bus.session("a")


@scenario
def the_next_session_is_the_free_one_that_waits_longest(bus: Bus) -> None:
    bus.session("a")
    send(bus, "a", "held")
    send(bus, "b", "free")
    receiver = bus.session(NEXT_AVAILABLE_SESSION, max_wait_time=5)
    assert receiver.session.session_id == "b"
    receiver.complete_message(receive(receiver)[0])
    assert bus.counts("sessions").active == 1


@scenario
def who_waits_for_a_session_in_vain_is_told_so(bus: Bus) -> None:
    with pytest.raises(OperationTimeoutError):
        bus.session(NEXT_AVAILABLE_SESSION, max_wait_time=0.2)


@scenario
def a_session_that_is_let_go_is_free_at_once_and_counts_no_delivery(bus: Bus) -> None:
    send(bus, "a", "1")
    with bus.client().get_queue_receiver("sessions", session_id="a") as receiver:
        receive(receiver)
    (message,) = receive(bus.session("a"))
    assert message.delivery_count == 0


@scenario
def a_session_whose_lock_ends_is_lost_with_its_messages(bus: Bus) -> None:
    held = bus.session("a")
    send(bus, "a", "1")
    (message,) = receive(held)
    bus.clock.advance(LOCK)
    assert bus.counts("sessions").active == 1
    with pytest.raises(SessionLockLostError):
        held.complete_message(message)
    with pytest.raises(SessionLockLostError):
        held.session.renew_lock()
    (again,) = receive(bus.session("a"))
    assert again.delivery_count == 1


@scenario
def messages_of_a_session_are_deferred_and_dead_lettered_within_it(bus: Bus) -> None:
    held = bus.session("a")
    send(bus, "a", "aside", "poison")
    aside, poison = receive(held, 2)
    held.defer_message(aside)
    held.dead_letter_message(poison, reason="r")
    (deferred,) = held.receive_deferred_messages([aside.sequence_number or 0])
    held.complete_message(deferred)
    (dead,) = receive(bus.receiver("sessions", sub_queue="deadletter"))
    assert (str(dead), dead.session_id) == ("poison", "a")


@scenario
def a_subscription_has_sessions_too(bus: Bus) -> None:
    bus.topic_sender("news").send_messages(ServiceBusMessage("x", session_id="s"))
    client = bus.client()
    assert list(client.list_subscription_sessions("news", "in-order")) == ["s"]
    receiver = client.get_subscription_receiver("news", "in-order", session_id="s")
    receiver.complete_message(receive(receiver)[0])
    assert bus.counts("news/Subscriptions/in-order").active == 0


@scenario
def what_expires_is_put_aside_where_that_is_asked_for(bus: Bus) -> None:
    bus.sender("patient").send_messages(ServiceBusMessage("late"))
    bus.clock.advance(timedelta(minutes=1))
    (dead,) = receive(bus.receiver("patient", sub_queue="deadletter"))
    assert (str(dead), dead.dead_letter_reason) == ("late", "TTLExpiredException")


def live_through(play: Callable[[Bus], None]) -> None:
    bus = Bus()
    try:
        play(bus)
    finally:
        bus.close()


@pytest.fixture(scope="module")
def outcomes() -> dict[str, Future[None]]:
    """What came of each scenario."""
    with ThreadPoolExecutor(len(SCENARIOS)) as pool:
        return {name: pool.submit(live_through, play) for name, play in SCENARIOS.items()}


@pytest.mark.parametrize("name", SCENARIOS)
def test_with_sessions(name: str, outcomes: dict[str, Future[None]]) -> None:
    outcomes[name].result()
