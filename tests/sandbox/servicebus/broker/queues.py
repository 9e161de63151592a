"""Queues to test with, and the moment tests begin."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import uuid4

from sandbox.servicebus.broker.message import Content, Delivery, Draft
from sandbox.servicebus.broker.queue import Queue
from sandbox.servicebus.broker.settings import QueueSettings
from sandbox.servicebus.storage import MemoryStorage

START = datetime(2026, 3, 1, tzinfo=UTC)
LOCK = timedelta(seconds=60)
SECOND = timedelta(seconds=1)
BODY = Content(b"\x40\x40", b"", 0, b"")


def draft(
    message_id: str = "",
    life: timedelta | None = None,
    scheduled_for: datetime | None = None,
    session_id: str | None = None,
) -> Draft:
    return Draft(message_id or uuid4().hex, BODY, life, scheduled_for, session_id)


def queue(storage: MemoryStorage | None = None, **changes: object) -> Queue:
    return Queue(QueueSettings("q", lock_duration=LOCK, **changes), storage or MemoryStorage())  # type: ignore[arg-type]


def received(store: Queue, now: datetime) -> Delivery:
    delivery = store.receive(now)
    assert delivery is not None
    return delivery
