"""What waits on a queue: told by looking without a lock, and where that is too much, by the namespace itself.

Looking counts the first messages only, and says so; it goes on behind those that come later until one is found that
waits. The namespace tells only who may manage it. No message is received, locked or changed.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from azure.core.exceptions import AzureError, DeserializationError
from azure.servicebus import ServiceBusMessageState, ServiceBusSubQueue
from azure.servicebus.exceptions import ServiceBusError
from azure.servicebus.management import ServiceBusAdministrationClient

from connector.bus_access import Access
from connector.bus_connection import close_quietly, connect, failure, signed_in
from connector.errors import Misconfigured, Transient
from connector.queue_settings import administration

PEEKED = 250
"""Messages that are looked at together."""
MOST = 1000
"""Messages that are looked at on a queue, and as many of its dead letters; more where none of them waits."""
LONG_ENOUGH = 10.0
"""Seconds after which no further page is asked for: messages may be large."""
IN_TIME = 60.0
"""Seconds for the whole look at one queue."""


@dataclass(slots=True)
class Seen:
    """What was looked at, by state; ``oldest``: since when the first waits. ``is_all``: there is nothing behind it."""

    states: Counter[ServiceBusMessageState] = field(default_factory=Counter)
    oldest: datetime | None = None
    is_all: bool = False


@dataclass(frozen=True, slots=True)
class QueueFigures:
    """How many messages there are. ``is_more``: only the first were counted, there may be more of every kind but dead
    letters; ``are_more_put_aside``: there may be more of those.

    ``oldest``: since when the first message waits that could be received at once, by the broker's clock; ``None`` where
    none was found among what was looked at.
    """

    active: int
    scheduled: int
    deferred: int
    dead_letters: int
    oldest: datetime | None
    is_more: bool = False
    are_more_put_aside: bool = False


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

    waiting, put_aside = asyncio.run(looked())
    figures = QueueFigures(
        waiting.states[ServiceBusMessageState.ACTIVE],
        waiting.states[ServiceBusMessageState.SCHEDULED],
        waiting.states[ServiceBusMessageState.DEFERRED],
        put_aside.states.total(),
        waiting.oldest,
        not waiting.is_all,
        not put_aside.is_all,
    )
    return figures if waiting.is_all and put_aside.is_all else _managed(access, queue, figures)


async def _peeked(client: Any, queue: str, sub_queue: ServiceBusSubQueue | None) -> Seen:
    """The first messages; all that come later, where none of these waits, up to the first that does."""
    receiver = client.get_queue_receiver(queue, sub_queue=sub_queue, prefetch_count=0, socket_timeout=0.05)
    async with receiver:
        seen, after = Seen(), 0
        until = asyncio.get_running_loop().time() + LONG_ENOUGH
        while seen.states.total() < MOST or not seen.states[ServiceBusMessageState.ACTIVE]:
            if asyncio.get_running_loop().time() >= until:
                break
            page = await receiver.peek_messages(PEEKED, sequence_number=after)
            if not page:
                seen.is_all = True
                break
            after = (page[-1].sequence_number or 0) + 1
            waiting = [one.enqueued_time_utc for one in page if one.state == ServiceBusMessageState.ACTIVE]
            seen.oldest = seen.oldest or next(iter(waiting), None)
            seen.states.update(one.state for one in page)
        return seen


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
