"""The unmodified azure-servicebus SDK, synchronous, over real sockets: what is sent, and what arrives."""

from __future__ import annotations

from datetime import UTC, timedelta
from uuid import uuid4

import pytest
from azure.servicebus import ServiceBusMessage, ServiceBusReceiveMode
from azure.servicebus.amqp import AmqpAnnotatedMessage, AmqpMessageBodyType
from azure.servicebus.exceptions import (
    MessageNotFoundError,
    MessageSizeExceededError,
)

from tests.sandbox.servicebus.conftest import Bus, receive


def test_a_message_arrives_with_everything_its_sender_gave_it(bus: Bus) -> None:
    unique = uuid4()
    sent = ServiceBusMessage(
        b"\x00body\xff",
        application_properties={"text": "é", "number": 7, "real": 1.5, "flag": True, "id": unique},
        message_id="m-1",
        correlation_id="c-1",
        content_type="application/json",
        subject="subject",
        to="to",
        reply_to="reply",
        session_id="s",
        reply_to_session_id="rs",
        partition_key="s",
        time_to_live=timedelta(hours=1),
    )
    before = bus.now()
    bus.sender().send_messages(sent)
    (message,) = receive(bus.receiver())
    assert b"".join(message.body) == b"\x00body\xff"
    assert message.application_properties == {
        b"text": "é".encode(),
        b"number": 7,
        b"real": 1.5,
        b"flag": True,
        b"id": unique,
    }
    fields = ("message_id", "correlation_id", "content_type", "subject", "to", "reply_to", "session_id")
    for name in (*fields, "reply_to_session_id", "partition_key", "time_to_live"):
        assert getattr(message, name) == getattr(sent, name), name
    assert message.sequence_number
    assert message.sequence_number == message.enqueued_sequence_number
    assert message.delivery_count == 0
    assert message.enqueued_time_utc is not None
    assert abs(message.enqueued_time_utc - before) < timedelta(seconds=5)
    assert message.locked_until_utc is not None
    assert timedelta(seconds=59) < message.locked_until_utc - message.enqueued_time_utc < timedelta(seconds=65)
    assert message.lock_token is not None
    bus.receiver().complete_message(message)


def test_a_message_without_an_id_is_given_one_and_keeps_its_other_properties(bus: Bus) -> None:
    kept = {"message_id": None, "body": "x"}
    bare = [
        AmqpAnnotatedMessage(data_body=kept["body"]),
        AmqpAnnotatedMessage(data_body="y", properties={"subject": "s"}),
    ]
    for message in bare:
        bus.sender().send_messages(message)
    first, second = receive(bus.receiver(), 2)
    assert first.message_id
    assert second.message_id
    assert first.message_id != second.message_id
    assert (first.subject, second.subject) == (None, "s")


def test_bodies_that_are_values_and_sequences_pass_through(bus: Bus) -> None:
    bus.sender().send_messages(AmqpAnnotatedMessage(value_body={"a": [1, "two", None]}))
    bus.sender().send_messages(AmqpAnnotatedMessage(sequence_body=[[1, 2], ["three"]]))
    value, sequence = receive(bus.receiver(), 2)
    assert value.body_type == AmqpMessageBodyType.VALUE
    assert value.body == {b"a": [1, b"two", None]}
    assert sequence.body_type == AmqpMessageBodyType.SEQUENCE
    assert list(sequence.body) == [[1, 2], [b"three"]]


def test_a_batch_becomes_its_messages_in_order(bus: Bus) -> None:
    batch = bus.sender().create_message_batch()
    for number in range(50):
        batch.add_message(ServiceBusMessage(str(number), message_id=f"id-{number}"))
    bus.sender().send_messages(batch)
    assert bus.counts().active == 50
    assert [str(message) for message in receive(bus.receiver(), 50)] == [str(number) for number in range(50)]


def test_a_message_of_many_frames_passes_both_ways(bus: Bus) -> None:
    body = bytes(range(256)) * 800
    bus.sender().send_messages([ServiceBusMessage(body), ServiceBusMessage(b"after")])
    bus.sender().send_messages(ServiceBusMessage(body))
    assert [b"".join(message.body) for message in receive(bus.receiver(), 3)] == [body, b"after", body]


def test_a_message_above_the_size_limit_is_refused_and_the_sender_lives_on(bus: Bus) -> None:
    assert bus.sender().create_message_batch().max_size_in_bytes == 256 * 1024
    with pytest.raises(MessageSizeExceededError, match="larger than the 262144 bytes"):
        bus.sender("fragile").send_messages(ServiceBusMessage(b"x" * (256 * 1024 + 1)))
    bus.sender("fragile").send_messages(ServiceBusMessage("small"))
    assert bus.counts("fragile").active == 1


def test_receive_and_delete_removes_messages_as_they_leave(bus: Bus) -> None:
    bus.sender().send_messages([ServiceBusMessage(str(number)) for number in range(5)])
    receiver = bus.receiver(receive_mode=ServiceBusReceiveMode.RECEIVE_AND_DELETE)
    assert [str(message) for message in receive(receiver, 5)] == ["0", "1", "2", "3", "4"]
    counts = bus.counts()
    assert (counts.active, counts.locked) == (0, 0)


def test_peeking_shows_messages_in_every_state_and_locks_none(bus: Bus) -> None:
    sender, receiver = bus.sender(), bus.receiver()
    sender.send_messages([ServiceBusMessage("locked"), ServiceBusMessage("waiting"), ServiceBusMessage("z" * 70000)])
    (scheduled,) = sender.schedule_messages(ServiceBusMessage("scheduled"), bus.now() + timedelta(hours=1))
    receive(receiver, 1)
    peeked = receiver.peek_messages(10, sequence_number=1)
    assert [(message.sequence_number, message.state.name) for message in peeked] == [
        (scheduled - 3, "ACTIVE"),
        (scheduled - 2, "ACTIVE"),
        (scheduled - 1, "ACTIVE"),
        (scheduled, "SCHEDULED"),
    ]
    assert [message.sequence_number for message in receiver.peek_messages(1, sequence_number=scheduled - 1)] == [
        scheduled - 1
    ]
    assert all(message.locked_until_utc is None for message in peeked)
    assert receiver.peek_messages(10, sequence_number=scheduled + 1) == []
    counts = bus.counts()
    assert (counts.active, counts.locked, counts.scheduled) == (2, 1, 1)


def test_names_of_queues_are_the_same_however_capitalised(bus: Bus) -> None:
    assert (bus.sender().entity_name, bus.receiver().entity_path) == ("ORDERS", "orders")
    bus.sender().send_messages(ServiceBusMessage("here"))
    assert str(receive(bus.receiver())[0]) == "here"


def test_messages_live_no_longer_than_their_time(bus: Bus) -> None:
    sender = bus.sender("brief")
    sender.send_messages(ServiceBusMessage("capped by the queue", time_to_live=timedelta(hours=1)))
    sender.send_messages(ServiceBusMessage("shorter", time_to_live=timedelta(seconds=10)))
    bus.clock.advance(timedelta(seconds=11))
    assert bus.counts("brief").active == 1
    bus.clock.advance(timedelta(seconds=50))
    assert bus.counts("brief").active == 0


def test_a_message_scheduled_by_annotation_arrives_when_the_clock_says(bus: Bus) -> None:
    when = bus.now() + timedelta(hours=1)
    bus.sender().send_messages(ServiceBusMessage("later", scheduled_enqueue_time_utc=when))
    (waiting,) = bus.receiver().peek_messages(1, sequence_number=1)
    assert bus.counts().scheduled == 1
    bus.clock.advance(timedelta(hours=1))
    (message,) = receive(bus.receiver())
    assert message.scheduled_enqueue_time_utc is not None
    assert abs(message.scheduled_enqueue_time_utc - when) < timedelta(milliseconds=2)
    assert message.enqueued_time_utc == message.scheduled_enqueue_time_utc.astimezone(UTC)
    assert message.sequence_number == (waiting.sequence_number or 0) + 1, "a new number when it gets in line"


def test_scheduled_messages_can_be_cancelled_until_they_arrive(bus: Bus) -> None:
    sender = bus.sender()
    messages = [ServiceBusMessage("one"), ServiceBusMessage("two")]
    first, second = sender.schedule_messages(messages, bus.now() + timedelta(minutes=5))
    sender.cancel_scheduled_messages(first)
    bus.clock.advance(timedelta(minutes=5))
    assert [str(message) for message in receive(bus.receiver())] == ["two"]
    with pytest.raises(MessageNotFoundError, match=f"no such message with the sequence number {second}"):
        sender.cancel_scheduled_messages(second)


def test_duplicates_are_dropped_within_the_window_and_taken_after_it(bus: Bus) -> None:
    sender = bus.sender("unique")
    for _ in range(2):
        sender.send_messages(ServiceBusMessage("x", message_id="same"))
    sender.send_messages([ServiceBusMessage("x", message_id="same"), ServiceBusMessage("y", message_id="other")])
    sender.schedule_messages(ServiceBusMessage("x", message_id="same"), bus.now() + timedelta(hours=1))
    counts = bus.counts("unique")
    assert (counts.active, counts.scheduled) == (2, 0)
    bus.clock.advance(timedelta(minutes=10))
    sender.send_messages(ServiceBusMessage("x", message_id="same"))
    assert bus.counts("unique").active == 3


def test_a_message_to_a_queue_that_forwards_is_received_from_the_next(bus: Bus) -> None:
    bus.sender("front").send_messages(ServiceBusMessage("x"))
    (message,) = receive(bus.receiver())
    assert str(message) == "x"
    assert bus.counts("front").active == 0
