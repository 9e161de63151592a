"""One Service Bus on loopback, on a thread of its own, emptied between tests, and the SDK's clients for it.

The SDK takes half a second to open anything and another to close it, both mostly asleep: what is shared is opened once
and all at the same time, and everything is closed together at the end. A test that leaves credit behind, or closes what
it uses, opens its own.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from azure.servicebus import (
    ServiceBusClient,
    ServiceBusReceivedMessage,
    ServiceBusReceiveMode,
    ServiceBusReceiver,
    ServiceBusSender,
)

from sandbox.clock import Clock
from sandbox.servicebus import (
    QueueCounts,
    QueueSettings,
    ServiceBusServer,
    SharedKey,
    SubscriptionSettings,
    TopicSettings,
)
from sandbox.servicebus.amqp.errors import AmqpError
from sandbox.servicebus.broker.rules import Action, CorrelationFilter, Rule, SqlFilter
from tests.sandbox.servicebus.wire import Wire

QUEUES = (
    QueueSettings("orders", max_delivery_count=3),
    QueueSettings("unique", duplicate_detection_window=timedelta(minutes=10)),
    QueueSettings("brief", default_ttl=timedelta(minutes=1)),
    QueueSettings("fragile"),
    QueueSettings("patient", default_ttl=timedelta(minutes=1), dead_letter_expired=True),
    QueueSettings("sessions", requires_session=True, max_delivery_count=3),
    QueueSettings("guarded"),
    QueueSettings("front", forward_to="orders"),
)
TOPICS = (
    TopicSettings(
        "news",
        (
            SubscriptionSettings("everything"),
            SubscriptionSettings("approved", (Rule("label", CorrelationFilter({"Label": "approved"})),)),
            SubscriptionSettings(
                "entries",
                (
                    Rule(
                        "by claim",
                        SqlFilter(
                            "[http://schemas.microsoft.com/xrm/2011/Claims/EntityLogicalName] LIKE 'msdyn[_]%' OR "
                            "\"http://schemas.microsoft.com/xrm/2011/Claims/EntityLogicalName\" = 'msdyn_timeentry'"
                        ),
                    ),
                ),
            ),
            SubscriptionSettings(
                "changed",
                (
                    Rule(
                        "act",
                        SqlFilter("sys.MessageId = 'm'"),
                        Action("SET sys.To = 'Entity'; SET n = n + 1; SET new = 'text'; REMOVE gone"),
                    ),
                ),
            ),
            SubscriptionSettings("in-order", requires_session=True),
        ),
    ),
)
DEAD = {"sub_queue": "deadletter"}
SENDERS = ("ORDERS", "front", "fragile", "brief", "unique", "patient", "sessions")
RECEIVERS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("orders", {}),
    ("orders", DEAD),
    ("orders", {"max_wait_time": 9}),
    ("orders", {"receive_mode": ServiceBusReceiveMode.RECEIVE_AND_DELETE}),
    ("fragile", {}),
    ("sessions", DEAD),
    ("patient", DEAD),
)
SUBSCRIBERS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("everything", {}),
    ("everything", DEAD),
    ("entries", {}),
    ("changed", {}),
)
KEYS = (
    SharedKey("root", "root-key="),
    SharedKey("sender", "sender-key", frozenset({"Send"})),
    SharedKey("listener", "listener-key", frozenset({"Listen"})),
    SharedKey("orders-only", "orders-key", queue="orders"),
)


class Bus:
    """The server and its clock; ``client`` makes clients that do not retry, so that errors are seen at once."""

    def __init__(self, queues: tuple[QueueSettings, ...] = QUEUES) -> None:
        self.clock = Clock()
        self.server = ServiceBusServer(queues, KEYS, self.clock, topics=TOPICS)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._thread.start()
        self.run(self.server.start())
        self._clients: list[ServiceBusClient] = []
        self._senders: dict[str, ServiceBusSender] = {}
        self._receivers: dict[tuple[str, str], ServiceBusReceiver] = {}

    def run(self, work: Coroutine[Any, Any, None]) -> None:
        """Run something on the server's loop."""
        asyncio.run_coroutine_threadsafe(work, self._loop).result(20)

    def client(self, key: str = "root", connection: str | None = None) -> ServiceBusClient:
        client = ServiceBusClient.from_connection_string(
            connection or self.server.connection_string(key), retry_total=0
        )
        self._clients.append(client)
        return client

    def sender(self, queue: str = "ORDERS") -> ServiceBusSender:
        """A sender opened once for all tests; names of queues may be capitalised in any way."""
        if queue not in self._senders:
            self._senders[queue] = self.client().get_queue_sender(queue)
        return self._senders[queue]

    def receiver(self, queue: str = "orders", **options: Any) -> ServiceBusReceiver:
        """A receiver opened once for all tests; leave no credit behind."""
        key = (queue, repr(sorted(options.items())))
        if key not in self._receivers:
            self._receivers[key] = self.client().get_queue_receiver(queue, **options)
        return self._receivers[key]

    def topic_sender(self, topic: str) -> ServiceBusSender:
        """A sender to a topic opened once for all tests."""
        if topic not in self._senders:
            self._senders[topic] = self.client().get_topic_sender(topic)
        return self._senders[topic]

    def subscription_receiver(self, topic: str, name: str, **options: Any) -> ServiceBusReceiver:
        """A receiver of a subscription opened once for all tests; leave no credit behind."""
        key = (f"{topic}/{name}", repr(sorted(options.items())))
        if key not in self._receivers:
            self._receivers[key] = self.client().get_subscription_receiver(topic, name, **options)
        return self._receivers[key]

    def session(self, session_id: Any, queue: str = "sessions", **options: Any) -> ServiceBusReceiver:
        """A receiver of a session; it keeps the session until the test is over, and is closed at the end of all."""
        receiver = self.client().get_queue_receiver(queue, session_id=session_id, **options)
        return receiver.__enter__()

    def open_shared(self) -> None:
        """Open what most tests share, all at the same time."""
        shared: list[ServiceBusSender | ServiceBusReceiver] = [
            *map(self.sender, SENDERS),
            self.topic_sender("news"),
            *(self.receiver(queue, **options) for queue, options in RECEIVERS),
            *(self.subscription_receiver("news", name, **options) for name, options in SUBSCRIBERS),
        ]
        with ThreadPoolExecutor(len(shared)) as pool:
            list(pool.map(lambda each: each.__enter__(), shared))

    def empty(self) -> None:
        """Remove every message, locked and scheduled ones too, and the credit of receivers that got less than asked.

        Where messages come too slowly the SDK gives up early, asks again for the rest, and is left with credit.
        """
        self.clock.advance(timedelta(minutes=6))
        broker = self.server._broker
        with self.server._namespace.lock:
            for outlets in self.server._namespace.dispatcher._receivers.values():
                for outlet in outlets:
                    outlet.link.credit = 0
            for topic in broker.topics:
                topic.cancel_scheduled([each.sequence_number for each in topic.peek(0, 1000, self.now())], self.now())
            for queue in broker.receiving:
                for store in (queue, queue.dead_letters):
                    for message in store.peek(0, 1000, self.now()):
                        store._remove(message)

    def detach_receivers(self, queue: str = "orders") -> None:
        """Close the links of all receivers, as the service does after ten idle minutes."""

        async def detach() -> None:
            namespace = self.server._namespace
            with namespace.lock:
                for outlets in list(namespace.dispatcher._receivers.values()):
                    for outlet in list(outlets):
                        if outlet.store.path == queue:
                            outlet.link.session.detach(outlet.link, AmqpError("amqp:link:detach-forced", "Idle."))
                namespace.touched()

        self.run(detach())

    def counts(self, queue: str = "orders") -> QueueCounts:
        return self.server.counts(queue)

    def settles(self, holds: Callable[[], bool], timeout: float = 10) -> bool:
        """Whether something comes to hold once the server has done what it has at hand."""

        async def turns() -> None:
            deadline = asyncio.get_running_loop().time() + timeout
            while not holds() and asyncio.get_running_loop().time() < deadline:
                await asyncio.sleep(0)

        self.run(turns())
        return holds()

    def now(self) -> datetime:
        return self.clock.now()

    def close(self) -> None:
        with ThreadPoolExecutor(max(len(self._clients), 1)) as pool:
            list(pool.map(ServiceBusClient.close, self._clients))
        self.run(self.server.stop())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()


def receive(receiver: ServiceBusReceiver, count: int = 1, wait: float = 5) -> list[ServiceBusReceivedMessage]:
    """Receive exactly this many messages, however many calls it takes."""
    messages: list[ServiceBusReceivedMessage] = []
    while len(messages) < count:
        more = receiver.receive_messages(max_message_count=count - len(messages), max_wait_time=wait)
        assert more, f"only {len(messages)} of {count} messages came"
        messages += more
    return messages


def utc_now() -> datetime:
    return datetime.now(UTC)


@pytest.fixture(scope="session")
def shared_bus() -> Iterator[Bus]:
    bus = Bus()
    try:
        bus.open_shared()
        yield bus
    finally:
        bus.close()


@pytest.fixture
def bus(shared_bus: Bus) -> Iterator[Bus]:
    yield shared_bus
    shared_bus.empty()


@pytest.fixture
def wire() -> Wire:
    """A signed-in client without a socket."""
    wire = Wire()
    wire.sign_in()
    return wire
