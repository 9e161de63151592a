"""Sending messages to a Service Bus queue: an outbox that stays open, and a helper that closes again."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any, cast

from azure.servicebus import ServiceBusMessage
from azure.servicebus.exceptions import MessageSizeExceededError, ServiceBusError

from connector.bus_access import Access
from connector.bus_connection import close_quietly, connect, failure, signed_in
from connector.inbox import Outgoing


class Outbox:
    """Sends messages to one queue over one connection: ``async with Outbox(…) as outbox``."""

    def __init__(self, access: Access, queue: str) -> None:
        self._queue = queue
        self._access = access
        self._client = connect(access)
        self._sender = self._client.get_queue_sender(queue)
        self._sending = asyncio.Lock()

    async def __aenter__(self) -> Outbox:
        return self

    async def __aexit__(self, *_: object) -> None:
        await close_quietly(self._sender, self._client)

    async def send(self, messages: Sequence[Outgoing]) -> None:
        """Send them in few batches, in order. Raises ``ConnectorError``; some may have been sent by then."""
        async with self._sending:
            await signed_in(self._access)
            try:
                batch = await self._sender.create_message_batch()
                for outgoing in messages:
                    message = _to_message(outgoing)
                    try:
                        batch.add_message(message)
                    except MessageSizeExceededError:
                        if len(batch):
                            await self._sender.send_messages(batch)
                        batch = await self._sender.create_message_batch()
                        batch.add_message(message)
                if len(batch):
                    await self._sender.send_messages(batch)
            except ServiceBusError as error:
                raise failure(error, self._queue, self._access) from error


async def send(access: Access, queue: str, *messages: Outgoing) -> None:
    """Send a few messages and close again, for a command line."""
    async with Outbox(access, queue) as outbox:
        await outbox.send(messages)


def _to_message(outgoing: Outgoing) -> ServiceBusMessage:
    return ServiceBusMessage(
        outgoing.body,
        message_id=outgoing.message_id,
        content_type=outgoing.content_type,
        correlation_id=outgoing.correlation_id,
        application_properties=cast(Any, dict(outgoing.properties)),
        scheduled_enqueue_time_utc=outgoing.scheduled_for,
    )
