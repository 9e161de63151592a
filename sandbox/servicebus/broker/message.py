"""Messages as a queue knows them: what it decides on, and content it only carries."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import IntEnum
from uuid import UUID


class MessageState(IntEnum):
    """Where a message is in its life, in the numbers the wire uses."""

    ACTIVE = 0
    DEFERRED = 1
    SCHEDULED = 2


@dataclass(frozen=True, slots=True)
class Content:
    """The parts of an encoded message that pass through: the sender's delivery hints, annotations and everything else.

    ``header`` holds the encoded durable and priority fields, ``annotations`` the encoded entries the sender may set,
    ``bare`` all sections from the properties on. The broker reads none of them.
    """

    header: bytes
    annotations: bytes
    annotation_count: int
    bare: bytes


@dataclass(frozen=True, slots=True)
class Draft:
    """A message on its way in; ``scheduled_for`` in the future keeps it back until then."""

    message_id: str
    content: Content
    time_to_live: timedelta | None = None
    scheduled_for: datetime | None = None
    session_id: str | None = None


REASONS = ("DeadLetterReason", "DeadLetterErrorDescription")
"""The application properties in which clients look for why a message was put aside."""


@dataclass(frozen=True, slots=True)
class DeadLettering:
    """Why a message was put aside, and the queue it came from."""

    reason: str
    description: str
    source: str

    @property
    def properties(self) -> dict[str, str]:
        """The reason as application properties, under the names clients know."""
        named = zip(REASONS, (self.reason, self.description), strict=True)
        return {name: text for name, text in named if text}


@dataclass(frozen=True, slots=True)
class Message:
    """A message in a queue; every change makes a new one.

    ``enqueued_number`` is the sequence number it was first given, where it has moved on to another entity since.
    """

    sequence_number: int
    message_id: str
    content: Content
    enqueued_at: datetime
    state: MessageState = MessageState.ACTIVE
    delivery_count: int = 0
    time_to_live: timedelta | None = None
    expires_at: datetime | None = None
    scheduled_for: datetime | None = None
    dead_lettering: DeadLettering | None = None
    session_id: str | None = None
    enqueued_number: int | None = None


@dataclass(frozen=True, slots=True)
class Delivery:
    """A message handed to one receiver under a lock."""

    message: Message
    lock_token: UUID
    locked_until: datetime
