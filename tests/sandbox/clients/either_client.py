"""Either of an azure-servicebus package's clients, as one: what the asynchronous one answers is awaited.

Used by an interpreter of its own, so it knows nothing of this project but two addresses and a token in its environment.
"""

from __future__ import annotations

import inspect
import json
import os
import urllib.request
from collections.abc import Callable
from datetime import datetime
from typing import Any

from azure.servicebus import ServiceBusMessage
from azure.servicebus.exceptions import ServiceBusError

CONNECTION = os.environ["SANDBOX_BUS"]
LOCK = 60
"""Seconds a message is locked for."""
ERRORS = {
    "MessageLockLostError": "lock lost",
    "SessionLockLostError": "session lock lost",
    "SessionCannotBeLockedError": "session cannot be locked",
    "MessageNotFoundError": "message not found",
    "MessagingEntityNotFoundError": "entity not found",
    "ServiceBusAuthenticationError": "unauthorized",
    "ServiceBusAuthorizationError": "unauthorized",
    "MessageSizeExceededError": "too large",
    "OperationTimeoutError": "timeout",
}


async def done(value: Any) -> Any:
    """What a call of either client came to."""
    return await value if inspect.isawaitable(value) else value


async def refused(call: Callable[[], Any]) -> str:
    """How a call failed, in the words all clients share."""
    try:
        await done(call())
    except ServiceBusError as error:
        return ERRORS.get(type(error).__name__, type(error).__name__)
    return "allowed"


def clock(advance: int = 0) -> datetime:
    """The sandbox's time, after moving it on by so many seconds."""
    url, token = os.environ["SANDBOX_URL"] + "/sandbox/clock", os.environ["SANDBOX_TOKEN"]
    body = json.dumps({"advance_seconds": advance}).encode() if advance else None
    request = urllib.request.Request(url, body, {"Authorization": f"Bearer {token}"})  # noqa: S310
    with urllib.request.urlopen(request, timeout=20) as answer:  # noqa: S310
        return datetime.fromisoformat(json.load(answer)["now"])


def text(message: Any) -> str:
    return str(message)


class Bus:
    """Either client, with senders and receivers opened once."""

    def __init__(self, module: Any) -> None:
        self._module = module
        self.client = self.connected(CONNECTION)
        self._opened: dict[str, Any] = {}

    def connected(self, connection: str) -> Any:
        return self._module.ServiceBusClient.from_connection_string(connection, retry_total=0)

    async def _open(self, kind: str, *names: str, **options: Any) -> Any:
        key = repr((kind, names, sorted(options.items())))
        if key not in self._opened:
            self._opened[key] = getattr(self.client, f"get_{kind}")(*names, **options)
            await self.enter(self._opened[key])
        return self._opened[key]

    async def enter(self, link: Any) -> Any:
        return await link.__aenter__() if hasattr(link, "__aenter__") else link.__enter__()

    async def sender(self, queue: str = "orders") -> Any:
        return await self._open("queue_sender", queue)

    async def receiver(self, queue: str = "orders", **options: Any) -> Any:
        return await self._open("queue_receiver", queue, **options)

    async def topic(self) -> Any:
        return await self._open("topic_sender", "news")

    async def subscription(self, name: str, **options: Any) -> Any:
        return await self._open("subscription_receiver", "news", name, **options)

    async def session(self, session_id: Any, **options: Any) -> Any:
        return await self.enter(self.client.get_queue_receiver("sessions", session_id=session_id, **options))

    async def send(self, *bodies: str, to: str = "orders", **options: Any) -> None:
        await done((await self.sender(to)).send_messages([ServiceBusMessage(body, **options) for body in bodies]))

    async def receive(self, receiver: Any, count: int = 1) -> list[Any]:
        messages: list[Any] = []
        while len(messages) < count:
            more = await done(receiver.receive_messages(max_message_count=count - len(messages), max_wait_time=20))
            if not more:
                raise SystemExit(f"only {len(messages)} of {count} messages came")
            messages += more
        return messages

    async def settle_all(self, receiver: Any, count: int) -> list[Any]:
        messages = await self.receive(receiver, count)
        for message in messages:
            await done(receiver.complete_message(message))
        return messages
