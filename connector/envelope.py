"""One message as it came off the bus, frozen, with every name decoded."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Envelope:
    """What a handler may know of a message: bytes, names, counts and times; nothing that can settle it.

    ``attempt`` counts our own delayed retries (0 for the first delivery of a lineage); ``lineage`` is the id of the
    message the copies descend from, and ``enqueued_at`` when that one was enqueued. ``delivery_count`` is the broker's
    and only guards against crash loops.
    """

    message_id: str
    body: bytes
    content_type: str | None
    properties: Mapping[str, object] = field(default_factory=dict)
    delivery_count: int = 0
    enqueued_at: datetime | None = None
    locked_until: datetime | None = None
    correlation_id: str | None = None
    reply_to: str | None = None
    lineage: str = ""
    attempt: int = 0
    queue: str = ""
