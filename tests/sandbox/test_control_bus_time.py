"""The clock over HTTP moves the Service Bus too: what waits there for a moment need not be waited for."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta

import pytest
from azure.servicebus import ServiceBusClient, ServiceBusMessage
from azure.servicebus.exceptions import MessageLockLostError, SessionLockLostError

from sandbox.servicebus import QueueSettings
from sandbox.world import Sandbox
from tests.sandbox.other_process import OtherProcess

QUEUES = (
    QueueSettings(
        "work",
        lock_duration=timedelta(seconds=30),
        default_ttl=timedelta(hours=1),
        dead_letter_expired=True,
        duplicate_detection_window=timedelta(minutes=10),
    ),
    QueueSettings("sessions", lock_duration=timedelta(seconds=30), requires_session=True),
)


@pytest.fixture
def world() -> Iterator[Sandbox]:
    with Sandbox(QUEUES, company=False) as world:
        yield world


@pytest.fixture
def client(world: Sandbox) -> Iterator[ServiceBusClient]:
    with ServiceBusClient.from_connection_string(world.servicebus, retry_total=0) as client:
        yield client


def advance(world: Sandbox, seconds: int) -> datetime:
    """The sandbox's time, so many seconds later."""
    answer = OtherProcess(world)("POST", "sandbox/clock", {"advance_seconds": seconds})
    return datetime.fromisoformat(answer.json()["now"])


def test_locks_end_duplicates_are_forgotten_lives_end_and_scheduled_messages_come(
    world: Sandbox, client: ServiceBusClient
) -> None:
    copy = ServiceBusMessage("copy", message_id="one")
    with client.get_queue_sender("work") as sender, client.get_queue_receiver("work") as receiver:
        sender.send_messages(copy)
        [message] = receiver.receive_messages(max_wait_time=5)
        advance(world, 31)
        assert world.bus.wait_until("work", lambda counts: (counts.active, counts.locked) == (1, 0), 5)
        with pytest.raises(MessageLockLostError):
            receiver.complete_message(message)
        sender.send_messages(copy)
        assert world.bus.counts("work").active == 1
        now = advance(world, 600)
        sender.send_messages(copy)
        assert world.bus.counts("work").active == 2
        sender.schedule_messages(ServiceBusMessage("later"), now + timedelta(hours=2))
        advance(world, 3600)
        assert world.bus.wait_until("work", lambda counts: (counts.active, counts.dead_letter) == (0, 2), 5)
        assert world.bus.counts("work").scheduled == 1
        with ThreadPoolExecutor(1) as pool:
            waiting = pool.submit(receiver.receive_messages, max_wait_time=30)
            advance(world, 3600)
            [message] = waiting.result(30)
        assert str(message) == "later"


def test_the_lock_of_a_session_ends_and_the_session_is_free(world: Sandbox, client: ServiceBusClient) -> None:
    with client.get_queue_sender("sessions") as sender:
        sender.send_messages(ServiceBusMessage("a", session_id="s"))
    with client.get_queue_receiver("sessions", session_id="s") as receiver:
        assert len(receiver.receive_messages(max_wait_time=5)) == 1
        advance(world, 31)
        with client.get_queue_receiver("sessions", session_id="s") as second:
            [message] = second.receive_messages(max_wait_time=5)
            assert message.delivery_count == 1
        with pytest.raises(SessionLockLostError):
            receiver.session.renew_lock()
