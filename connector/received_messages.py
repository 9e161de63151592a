"""A message of the SDK → an ``Envelope``: names decoded, lineage and attempt read from its properties."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from datetime import UTC, datetime

from azure.servicebus import ServiceBusReceivedMessage
from azure.servicebus.amqp import AmqpMessageBodyType

from connector.envelope import Envelope
from connector.inbox import ATTEMPT, FIRST_SEEN, LINEAGE

log = logging.getLogger(__name__)


def _unchanged(moment: datetime) -> datetime:
    return moment


def envelope_of(
    message: ServiceBusReceivedMessage, queue: str, here: Callable[[datetime], datetime] = _unchanged
) -> Envelope:
    """The envelope. ``enqueued_at`` is when the first message of the lineage was enqueued, not its latest copy; told by
    this host's clock, which ``here`` turns the broker's times into.

    A message without an id is named by its queue and sequence number, which stay the same over redeliveries. One that
    the SDK itself can't read becomes an envelope without a body, which nobody takes for anything: it must not stop the
    ones beside it.
    """
    try:
        return _envelope(message, queue, here)
    except (ValueError, TypeError, AttributeError, KeyError) as error:
        name = f"{queue}/{message.sequence_number}"
        log.error("message %s can't be read (%s: %s)", name, type(error).__name__, error)
        return Envelope(name, b"", None, locked_until=message.locked_until_utc, lineage=name, queue=queue)


def _envelope(message: ServiceBusReceivedMessage, queue: str, here: Callable[[datetime], datetime]) -> Envelope:
    properties = decoded(message.application_properties or {})
    message_id = message.message_id or f"{queue}/{message.sequence_number}"
    attempt = properties.get(ATTEMPT)
    enqueued_at = first_seen(properties) or message.enqueued_time_utc
    return Envelope(
        message_id=str(message_id),
        body=_body(message),
        content_type=message.content_type,
        properties=properties,
        delivery_count=message.delivery_count or 0,
        enqueued_at=None if enqueued_at is None else here(enqueued_at),
        locked_until=message.locked_until_utc,
        correlation_id=None if message.correlation_id is None else str(message.correlation_id),
        reply_to=None if message.reply_to is None else _text(message.reply_to),
        lineage=str(properties.get(LINEAGE) or message_id),
        attempt=attempt if isinstance(attempt, int) else 0,
        queue=queue,
    )


def decoded(properties: Mapping[str | bytes, object]) -> dict[str, object]:
    """Application properties with text where the SDK hands over bytes, in names and in values."""
    return {_text(name): _text(value) if isinstance(value, bytes) else value for name, value in properties.items()}


def _text(value: str | bytes) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else value


def _body(message: ServiceBusReceivedMessage) -> bytes:
    """The bytes of the body. A body that is a bare value is taken when it is text or bytes, else read as empty."""
    body = message.body
    if message.body_type == AmqpMessageBodyType.DATA:
        return b"".join(body)
    if isinstance(body, bytes):
        return body
    return body.encode() if isinstance(body, str) else b""


def first_seen(properties: Mapping[str, object]) -> datetime | None:
    """When the first message of a copy's lineage was enqueued, by the broker's clock; ``None``: it is no copy."""
    told = properties.get(FIRST_SEEN)
    if not isinstance(told, str):
        return None
    try:
        moment = datetime.fromisoformat(told)
    except ValueError:
        return None
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
