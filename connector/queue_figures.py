"""What waits on a queue: told by looking without a lock, and where that is too much, by the namespace itself.

Looking counts the first messages only, and says so; the namespace tells only who may manage it. No message is
received, locked or changed.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from azure.core.exceptions import AzureError, DeserializationError
from azure.servicebus import ServiceBusMessageState, ServiceBusReceivedMessage, ServiceBusSubQueue
from azure.servicebus.exceptions import ServiceBusError
from azure.servicebus.management import ServiceBusAdministrationClient

from connector.bus_access import Access
from connector.bus_connection import close_quietly, connect, failure, signed_in
from connector.errors import Misconfigured, Transient
from connector.queue_settings import administration

PEEKED = 250
"""Messages that are looked at together."""
MOST = 1000
"""Messages that are looked at on a queue, and as many of its dead letters."""
LONG_ENOUGH = 10.0
"""Seconds after which no further page is asked for: messages may be large."""
IN_TIME = 60.0
"""Seconds for the whole look at one queue."""

Seen = tuple[list[ServiceBusReceivedMessage], bool]


@dataclass(frozen=True, slots=True)
class QueueFigures:
    """How many messages there are. ``is_more``: only the first were counted, there may be more of every kind.

    ``oldest``: since when the first message waits that could be received at once, by the broker's clock.
    """

    active: int
    scheduled: int
    deferred: int
    dead_letters: int
    oldest: datetime | None
    is_more: bool = False


def queue_figures(access: Access, queue: str) -> QueueFigures:
    """Look at one queue. Synchronous, and not for a thread whose event loop runs. Raises ``ConnectorError``."""

    async def looked() -> tuple[Seen, Seen]:
        await signed_in(access)
        client = connect(access)
        try:
            async with asyncio.timeout(IN_TIME):
                # One after the other: the SDK opens one link at a time.
                return await _peeked(client, queue, None), await _peeked(client, queue, ServiceBusSubQueue.DEAD_LETTER)
        except ServiceBusError as error:
            raise failure(error, queue, access) from error
        except ValueError as error:
            # Raised before anything is sent: the connection string is for one queue (EntityPath), and not this one.
            raise Misconfigured(
                "bus-connection-string", f"The connection string is not for queue {queue}: {error}"
            ) from error
        except TimeoutError as error:
            raise Transient("bus-no-answer", f"Service Bus did not answer in {IN_TIME:.0f} s on {queue}.") from error
        finally:
            await close_quietly(client)

    (waiting, is_all), (put_aside, are_all) = asyncio.run(looked())
    states = [message.state for message in waiting]
    oldest = next((one.enqueued_time_utc for one in waiting if one.state == ServiceBusMessageState.ACTIVE), None)
    figures = QueueFigures(
        states.count(ServiceBusMessageState.ACTIVE),
        states.count(ServiceBusMessageState.SCHEDULED),
        states.count(ServiceBusMessageState.DEFERRED),
        len(put_aside),
        oldest,
        is_more=not (is_all and are_all),
    )
    return _managed(access, queue, figures) if figures.is_more else figures


async def _peeked(client: Any, queue: str, sub_queue: ServiceBusSubQueue | None) -> Seen:
    """The first messages, and whether they are all there are."""
    receiver = client.get_queue_receiver(queue, sub_queue=sub_queue, prefetch_count=0, socket_timeout=0.05)
    async with receiver:
        found: list[ServiceBusReceivedMessage] = []
        until = asyncio.get_running_loop().time() + LONG_ENOUGH
        while len(found) < MOST and asyncio.get_running_loop().time() < until:
            after = (found[-1].sequence_number or 0) + 1 if found else 0
            page = await receiver.peek_messages(PEEKED, sequence_number=after)
            if not page:
                return found, True
            found += page
        return found, False


def _managed(access: Access, queue: str, figures: QueueFigures) -> QueueFigures:
    """The namespace's own counts of what is too much to be looked at; what was seen, where they may not be seen."""
    try:
        client: ServiceBusAdministrationClient | None = administration(access)
        if client is None:
            return figures
        with client:
            told = client.get_queue_runtime_properties(queue)
    except (AzureError, DeserializationError):
        # Only a right to manage the namespace shows them; looking has shown that the queue itself answers.
        return figures
    return QueueFigures(
        told.active_message_count or 0,
        told.scheduled_message_count or 0,
        figures.deferred,
        told.dead_letter_message_count or 0,
        figures.oldest,
    )
