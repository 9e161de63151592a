"""Where the answers to commands go: the queues the settings name, over a connection of its own for each batch."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from datetime import datetime

from connector.bus_access import Access
from connector.inbox import Outgoing
from handlers.replies import Replies, Send
from service.settings import ServiceBusSettings


def replies(bus: ServiceBusSettings, access: Access, now: Callable[[], datetime]) -> Replies:
    """Who answers."""
    return Replies(sender(access), now, frozenset(bus.reply_queues), bus.replies_queue)


def sender(access: Access) -> Send:
    """What sends messages to a queue or topic; it runs in a thread where no event loop does."""

    def send(queue: str, messages: Sequence[Outgoing]) -> None:
        # Imported here: the SDK takes a third of a second, which a command that opens no queue need not spend.
        from connector import outbox

        asyncio.run(outbox.send(access, queue, *messages))

    return send
