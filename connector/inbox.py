"""What the worker may do with a queue: receive, settle, renew; and how the copies of a message are named."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol
from uuid import UUID, uuid5

from connector.envelope import Envelope

COPIES = UUID("5d0e6f6c-6a53-4c6d-9f0b-2d6d1f7f0c11")
"""The namespace of copy ids. Changing it, or the formula below, doubles every message that is waiting."""

LINEAGE = "connector-lineage"
ATTEMPT = "connector-attempt"
TURN = "connector-turn"
FIRST_SEEN = "connector-first-seen"


def copy_id(lineage: str, attempt: int, turn: int = 0) -> str:
    """The message id of the copy that carries this attempt: the same however often the copy is made.

    With duplicate detection on, a second copy of one attempt is dropped by the queue while its twin carries the work.
    ``turn`` counts copies that carry the same attempt again: after a wait that was no attempt, or to refresh a message
    that was given back too often.
    """
    return str(uuid5(COPIES, f"{lineage}/{attempt}" if turn == 0 else f"{lineage}/{attempt}.{turn}"))


@dataclass(frozen=True, slots=True)
class Received:
    """A message that is locked for us: what handlers may know of it, and what the inbox needs to settle it."""

    envelope: Envelope
    handle: object = None


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A message to be sent. ``message_id`` is what duplicate detection goes by; ``scheduled_for`` is aware UTC."""

    body: bytes
    message_id: str
    content_type: str = "application/json"
    correlation_id: str | None = None
    properties: Mapping[str, object] = field(default_factory=dict)
    scheduled_for: datetime | None = None


class Inbox(Protocol):
    """One receiver on one queue, used by one task; settlements of one batch may run at the same time.

    ``open`` and ``receive`` raise ``ConnectorError``. Settling does not: it returns whether the broker confirmed it.
    ``False`` says that the message will come again (its lock was lost) or may (no confirmation): nobody's fault,
    nothing to undo.
    """

    async def open(self) -> None:
        """Prove that the queue is there and may be received from, without taking a message."""
        ...

    async def receive(self, max_messages: int, max_wait: float) -> list[Received]:
        """Up to so many messages; an empty list when none came within ``max_wait`` seconds."""
        ...

    async def complete(self, received: Received) -> bool:
        """The message is done with."""
        ...

    async def dead_letter(self, received: Received, code: str, sentence: str) -> bool:
        """Put the message aside under this code."""
        ...

    async def redeliver_at(self, received: Received, when: datetime, attempt: int) -> bool:
        """Schedule a copy as this attempt, then complete the message; neither when the lock is lost.

        The attempt may be the message's own: then the wait did not count as one.
        """
        ...

    async def release(self, received: Received) -> bool:
        """Give the message back to be received again."""
        ...

    async def renew(self, received: Received) -> datetime | None:
        """Lock it for longer: the end of the lock, the old one where another try is worth it; ``None``: lost."""
        ...

    async def close(self) -> None:
        """Close everything; never raises."""
        ...
