"""The unmodified azure-servicebus SDK, synchronous, over real sockets: locks, and how messages end."""

from __future__ import annotations

from datetime import timedelta

import pytest
from azure.servicebus import (
    ServiceBusMessage,
    ServiceBusReceivedMessage,
    ServiceBusReceiveMode,
    ServiceBusReceiver,
)
from azure.servicebus.exceptions import MessageLockLostError, MessageNotFoundError, ServiceBusError

from tests.sandbox.servicebus.conftest import Bus, receive

LOCK = timedelta(seconds=60)


def test_a_completed_message_is_gone(bus: Bus) -> None:
    bus.sender().send_messages(ServiceBusMessage("x"))
    (message,) = receive(bus.receiver())
    assert bus.counts().locked == 1
    bus.receiver().complete_message(message)
    counts = bus.counts()
    assert (counts.active, counts.locked) == (0, 0)


def test_an_abandoned_message_comes_again_first_in_line_and_counts_its_deliveries(bus: Bus) -> None:
    bus.sender().send_messages([ServiceBusMessage("a"), ServiceBusMessage("b")])
    receiver = bus.receiver()
    (message,) = receive(receiver)
    receiver.abandon_message(message)
    again, other = receive(receiver, 2)
    assert (str(again), again.delivery_count, again.sequence_number) == ("a", 1, message.sequence_number)
    assert (str(other), other.delivery_count) == ("b", 0)


def test_a_message_that_fails_too_often_goes_to_the_dead_letter_queue(bus: Bus) -> None:
    bus.sender().send_messages(ServiceBusMessage("poison", message_id="p", application_properties={"own": 1}))
    receiver = bus.receiver()
    for _ in range(3):
        receiver.abandon_message(receive(receiver)[0])
    counts = bus.counts()
    assert (counts.active, counts.locked, counts.dead_letter) == (0, 0, 1)
    (dead,) = receive(bus.receiver(sub_queue="deadletter"))
    assert (str(dead), dead.message_id, dead.delivery_count) == ("poison", "p", 3)
    assert dead.dead_letter_reason == "MaxDeliveryCountExceeded"
    assert dead.dead_letter_source == "orders"
    assert (dead.application_properties or {})[b"own"] == 1


def test_a_dead_lettered_message_keeps_its_reason_and_can_be_settled_there(bus: Bus) -> None:
    bus.sender().send_messages(ServiceBusMessage("x"))
    (message,) = receive(bus.receiver())
    bus.receiver().dead_letter_message(message, reason="no-rate", error_description="No price list has a rate.")
    dead_letters = bus.receiver(sub_queue="deadletter")
    (dead,) = receive(dead_letters)
    assert dead.sequence_number == message.sequence_number
    assert dead.dead_letter_reason == "no-rate"
    assert dead.dead_letter_error_description == "No price list has a rate."
    dead_letters.abandon_message(dead)
    (peeked,) = dead_letters.peek_messages(5, sequence_number=1)
    assert peeked.dead_letter_reason == "no-rate"
    (dead,) = receive(dead_letters)
    with pytest.raises(ServiceBusError, match="cannot be dead-lettered again"):
        dead_letters.dead_letter_message(dead)
    assert bus.counts().dead_letter == 1
    dead_letters.complete_message(receive_again(bus, dead_letters))
    assert bus.counts().dead_letter == 0


def receive_again(bus: Bus, receiver: ServiceBusReceiver) -> ServiceBusReceivedMessage:
    """The message after its lock has ended."""
    bus.clock.advance(LOCK)
    return receive(receiver)[0]


def test_a_dead_lettered_message_sent_again_is_a_message_like_any_other(bus: Bus) -> None:
    bus.sender().send_messages(ServiceBusMessage("x", message_id="m", application_properties={"k": "v"}))
    bus.receiver().dead_letter_message(receive(bus.receiver())[0], reason="r")
    (dead,) = receive(bus.receiver(sub_queue="deadletter"))
    bus.sender().send_messages(dead)
    (message,) = receive(bus.receiver())
    assert (message.message_id, message.delivery_count, message.dead_letter_source) == ("m", 0, None)


def test_a_lock_ends_when_the_clock_says_and_the_message_comes_again(bus: Bus) -> None:
    bus.sender().send_messages(ServiceBusMessage("x"))
    receiver = bus.receiver()
    (late,) = receive(receiver)
    bus.clock.advance(LOCK)
    assert bus.counts().active == 1
    (message,) = receive(receiver)
    assert message.delivery_count == 1
    for settle in (receiver.complete_message, receiver.abandon_message, receiver.dead_letter_message):
        with pytest.raises(MessageLockLostError):
            settle(late)
    with pytest.raises(MessageLockLostError):
        receiver.renew_message_lock(late)
    receiver.complete_message(message)
    assert bus.counts().active == bus.counts().locked == bus.counts().dead_letter == 0


def test_a_renewed_lock_holds_for_its_full_time_from_then(bus: Bus) -> None:
    bus.sender().send_messages(ServiceBusMessage("x"))
    receiver = bus.receiver()
    (message,) = receive(receiver)
    bus.clock.advance(timedelta(seconds=50))
    until = receiver.renew_message_lock(message)
    assert abs(until - bus.now() - LOCK) < timedelta(seconds=2)
    bus.clock.advance(timedelta(seconds=50))
    assert bus.counts().locked == 1
    receiver.complete_message(message)
    assert bus.counts().locked == 0


def test_a_deferred_message_waits_until_it_is_asked_for_by_number(bus: Bus) -> None:
    bus.sender().send_messages([ServiceBusMessage("aside"), ServiceBusMessage("next")])
    receiver = bus.receiver()
    (message,) = receive(receiver)
    number = message.sequence_number or 0
    receiver.defer_message(message)
    assert str(receive(receiver)[0]) == "next"
    assert receiver.peek_messages(1, sequence_number=number)[0].state.name == "DEFERRED"
    (deferred,) = receiver.receive_deferred_messages(number)
    assert (str(deferred), deferred.sequence_number) == ("aside", number)
    receiver.abandon_message(deferred)
    assert bus.counts().deferred == 1, "an abandoned deferred message is still deferred"
    (deferred,) = receiver.receive_deferred_messages([number])
    receiver.complete_message(deferred)
    with pytest.raises(MessageNotFoundError):
        receiver.receive_deferred_messages(number)


def test_a_deferred_message_can_be_taken_for_good(bus: Bus) -> None:
    bus.sender().send_messages(ServiceBusMessage("aside"))
    (message,) = receive(bus.receiver())
    bus.receiver().defer_message(message)
    taker = bus.receiver(receive_mode=ServiceBusReceiveMode.RECEIVE_AND_DELETE)
    assert [str(each) for each in taker.receive_deferred_messages([message.sequence_number or 0])] == ["aside"]
    assert bus.counts().deferred == 0


def test_a_receiver_that_goes_away_keeps_its_locks_and_gives_back_what_it_never_looked_at(bus: Bus) -> None:
    bus.sender().send_messages([ServiceBusMessage(str(number)) for number in range(5)])
    with bus.client().get_queue_receiver("orders", prefetch_count=5) as receiver:
        (message,) = receive(receiver)
        assert str(message) == "0"
    counts = bus.counts()
    assert (counts.active, counts.locked) == (4, 1)
    messages = receive(bus.receiver(), 4)
    assert [(str(each), each.delivery_count) for each in messages] == [("1", 0), ("2", 0), ("3", 0), ("4", 0)]


def test_settling_falls_back_to_the_management_link_when_the_receiver_link_is_gone(bus: Bus) -> None:
    bus.sender("fragile").send_messages([ServiceBusMessage("a"), ServiceBusMessage("b"), ServiceBusMessage("c")])
    receiver = bus.receiver("fragile")
    first, second, third = receive(receiver, 3)
    bus.detach_receivers("fragile")
    receiver.complete_message(first)
    settle = receiver._settle_message_via_mgmt_link
    settle("abandoned", [second.lock_token or ""])
    settle("suspended", [third.lock_token or ""], {"deadletter-reason": "r", "deadletter-description": "d"})
    with pytest.raises(MessageLockLostError):
        settle("completed", [third.lock_token or ""])
    counts = bus.counts("fragile")
    assert (counts.active, counts.locked, counts.dead_letter) == (1, 0, 1)
    (again,) = receiver.peek_messages(5, sequence_number=1)
    assert (str(again), again.delivery_count) == ("b", 1)


def test_two_receivers_share_a_queue_and_no_message_goes_to_both(bus: Bus) -> None:
    bus.sender().send_messages([ServiceBusMessage(str(number)) for number in range(20)])
    one, other = bus.receiver(), bus.receiver(max_wait_time=9)
    messages = receive(one, 10) + receive(other, 10)
    assert sorted(int(str(message)) for message in messages) == list(range(20))
