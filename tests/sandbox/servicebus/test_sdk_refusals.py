"""The unmodified azure-servicebus SDK is refused what there is not, or what its key does not open.

Each attempt takes the SDK a second, so all are made at the same time; each test looks at what came of one.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from azure.servicebus import ServiceBusMessage, ServiceBusReceiver
from azure.servicebus.aio import ServiceBusClient as AioClient
from azure.servicebus.exceptions import (
    MessagingEntityNotFoundError,
    ServiceBusAuthenticationError,
    ServiceBusAuthorizationError,
    ServiceBusError,
)

from sandbox.servicebus import QueueCounts
from tests.sandbox.servicebus.conftest import Bus

X = ServiceBusMessage("x")


def wrong(bus: Bus) -> str:
    return bus.server.connection_string("root").replace("root-key=", "wrong-key")


async def send_asynchronously(bus: Bus) -> None:
    async with AioClient.from_connection_string(wrong(bus), retry_total=0) as client:
        await client.get_queue_sender("guarded").send_messages(X)


def received(receiver: ServiceBusReceiver) -> object:
    return receiver.receive_messages(max_wait_time=5)


ATTEMPTS: dict[str, tuple[Callable[[Bus], object], type[ServiceBusError], str]] = {
    "a wrong key": (
        lambda bus: bus.client(connection=wrong(bus)).get_queue_sender("guarded").send_messages(X),
        ServiceBusAuthenticationError,
        "client-error",
    ),
    "a wrong key, asynchronously": (
        lambda bus: asyncio.run(send_asynchronously(bus)),
        ServiceBusAuthenticationError,
        "client-error",
    ),
    "to receive with a key that may send": (
        lambda bus: received(bus.client("sender").get_queue_receiver("guarded")),
        ServiceBusAuthorizationError,
        "Listen claim is required",
    ),
    "to send with a key that may listen": (
        lambda bus: bus.client("listener").get_queue_sender("guarded").send_messages(X),
        ServiceBusAuthorizationError,
        "Send claim is required",
    ),
    "an unknown queue": (
        lambda bus: bus.client().get_queue_sender("nowhere").send_messages(X),
        MessagingEntityNotFoundError,
        "'nowhere' could not be found",
    ),
    "an unknown subscription": (
        lambda bus: received(bus.client().get_subscription_receiver("news", "nobody")),
        MessagingEntityNotFoundError,
        "could not be found",
    ),
    "a session of a queue without": (
        lambda bus: received(bus.client().get_queue_receiver("guarded", session_id="s")),
        ServiceBusError,
        "guarded has no sessions",
    ),
    "no session of a queue with sessions": (
        lambda bus: received(bus.client().get_queue_receiver("sessions")),
        ServiceBusError,
        "has sessions",
    ),
    "a message without a session to a queue with sessions": (
        lambda bus: bus.client().get_queue_sender("sessions").send_messages(X),
        ServiceBusError,
        "with a session id",
    ),
    "to receive from a topic": (
        lambda bus: received(bus.client().get_queue_receiver("news")),
        ServiceBusError,
        "is a topic",
    ),
    "to receive from a queue that forwards": (
        lambda bus: received(bus.client().get_queue_receiver("front")),
        ServiceBusError,
        "front forwards its messages to orders",
    ),
}
ALLOWED: tuple[Callable[[Bus], object], ...] = (
    lambda bus: bus.client("sender").get_queue_sender("guarded").send_messages(X),
    lambda bus: bus.client("listener").get_queue_receiver("guarded").peek_messages(),
)


@pytest.fixture(scope="module")
def outcomes(shared_bus: Bus) -> tuple[dict[str, Exception], QueueCounts]:
    """What was raised, by attempt, and what is in the guarded queue afterwards."""

    def outcome(attempt: Callable[[Bus], object]) -> Exception:
        try:
            attempt(shared_bus)
        except ServiceBusError as refusal:
            return refusal
        return AssertionError("it was allowed")

    with ThreadPoolExecutor(len(ATTEMPTS) + len(ALLOWED)) as pool:
        allowed = [pool.submit(attempt, shared_bus) for attempt in ALLOWED]
        refused = list(pool.map(outcome, (attempt for attempt, _, _ in ATTEMPTS.values())))
        for each in allowed:
            each.result()
    return dict(zip(ATTEMPTS, refused, strict=True)), shared_bus.counts("guarded")


@pytest.mark.parametrize("name", ATTEMPTS)
def test_the_sdk_is_refused(name: str, outcomes: tuple[dict[str, Exception], QueueCounts]) -> None:
    _, kind, sentence = ATTEMPTS[name]
    assert isinstance(outcomes[0][name], kind)
    assert sentence in str(outcomes[0][name])


def test_keys_that_may_only_send_or_only_listen_do_that_and_nothing_else_came_of_it(
    outcomes: tuple[dict[str, Exception], QueueCounts],
) -> None:
    assert outcomes[1] == QueueCounts(active=1, locked=0, scheduled=0, dead_letter=0)
