"""The unmodified azure-servicebus SDK with topics, synchronous."""

from __future__ import annotations

from datetime import timedelta

from azure.servicebus import ServiceBusMessage, ServiceBusReceiver, ServiceBusSender

from tests.sandbox.servicebus.conftest import Bus, receive

CLAIM = "http://schemas.microsoft.com/xrm/2011/Claims/EntityLogicalName"


def sender(bus: Bus) -> ServiceBusSender:
    return bus.topic_sender("news")


def receiver(bus: Bus, name: str, **options: object) -> ServiceBusReceiver:
    return bus.subscription_receiver("news", name, **options)


def test_every_subscription_gets_what_its_rules_take(bus: Bus) -> None:
    sender(bus).send_messages(
        [
            ServiceBusMessage("time", subject="approved", application_properties={CLAIM: "msdyn_timeentry"}),
            ServiceBusMessage("other", subject="rejected", application_properties={CLAIM: "account"}),
        ]
    )
    everything = receive(receiver(bus, "everything"), 2)
    assert [str(each) for each in everything] == ["time", "other"]
    (taken,) = receive(receiver(bus, "entries"))
    assert str(taken) == "time"
    assert [bus.counts(f"news/Subscriptions/{name}").active for name in ("approved", "everything")] == [1, 0]
    receiver(bus, "entries").complete_message(taken)
    assert bus.counts("NEWS/subscriptions/entries").locked == 0
    assert bus.counts("news/Subscriptions/everything").locked == 2


def test_an_action_changes_the_copy_and_nothing_else_of_it(bus: Bus) -> None:
    message = ServiceBusMessage(
        b"\x00body",
        subject="s",
        to="before",
        message_id="m",
        content_type="text/plain",
        partition_key="p",
        application_properties={"n": 1, "gone": True},
    )
    sender(bus).send_messages(message)
    (changed,) = receive(receiver(bus, "changed"))
    assert (changed.to, changed.message_id, changed.subject) == ("Entity", "m", "s")
    assert (changed.content_type, changed.partition_key, b"".join(changed.body)) == ("text/plain", "p", b"\x00body")
    assert changed.application_properties == {b"n": 2, b"new": b"text"}


def test_a_subscription_has_a_dead_letter_queue_of_its_own(bus: Bus) -> None:
    sender(bus).send_messages(ServiceBusMessage("x"))
    live = receiver(bus, "everything")
    live.dead_letter_message(receive(live)[0], reason="r")
    (dead,) = receive(receiver(bus, "everything", sub_queue="deadletter"))
    assert (str(dead), dead.dead_letter_reason) == ("x", "r")
    assert dead.dead_letter_source == "news/Subscriptions/everything"


def test_messages_are_scheduled_on_a_topic_and_cancelled(bus: Bus) -> None:
    moment = bus.now() + timedelta(hours=1)
    first, second = sender(bus).schedule_messages([ServiceBusMessage("a"), ServiceBusMessage("b")], moment)
    sender(bus).cancel_scheduled_messages(first)
    assert bus.counts("news/Subscriptions/everything").active == 0
    bus.clock.advance(timedelta(hours=1))
    (message,) = receive(receiver(bus, "everything"))
    assert str(message) == "b"
    assert second > first
