"""Messages between the wire and the broker: only header and annotations are rewritten, everything else stays raw."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from sandbox.servicebus.amqp.decode import decode
from sandbox.servicebus.amqp.encode import encode, encode_list, encode_map
from sandbox.servicebus.amqp.errors import DECODE_ERROR, INVALID_FIELD, NOT_IMPLEMENTED, AmqpError
from sandbox.servicebus.amqp.sections import (
    APPLICATION_PROPERTIES,
    DATA,
    HEADER,
    MESSAGE_ANNOTATIONS,
    PROPERTIES,
    Section,
    raw_entries,
    raw_items,
    sections,
)
from sandbox.servicebus.amqp.types import Int, Long, Symbol, Timestamp, UInt
from sandbox.servicebus.broker.message import REASONS, Content, Draft, Message
from sandbox.servicebus.message_properties import with_user_properties

BATCH_FORMAT = 0x80013700
"""The message format of an envelope whose data sections are messages."""
_NULL = b"\x40"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SCHEDULED = "x-opt-scheduled-enqueue-time"
_GROUP_ID = 10
"""Where the session id stands among the properties."""
_OURS = frozenset(
    {
        "x-opt-sequence-number",
        "x-opt-enqueued-time",
        "x-opt-enqueue-sequence-number",
        "x-opt-locked-until",
        "x-opt-lock-token",
        "x-opt-message-state",
        "x-opt-deadletter-source",
    }
)
_SEQUENCE_NUMBER = encode(Symbol("x-opt-sequence-number"))
_ENQUEUED_TIME = encode(Symbol("x-opt-enqueued-time"))
_ENQUEUE_SEQUENCE_NUMBER = encode(Symbol("x-opt-enqueue-sequence-number"))
_LOCKED_UNTIL = encode(Symbol("x-opt-locked-until"))
_LOCK_TOKEN = Symbol("x-opt-lock-token")
_STATE = encode(Symbol("x-opt-message-state"))
_SOURCE = encode(Symbol("x-opt-deadletter-source"))


def timestamp(moment: datetime) -> Timestamp:
    """Milliseconds since 1970, as AMQP counts."""
    return Timestamp((moment - _EPOCH) // timedelta(milliseconds=1))


def split_batch(envelope: bytes) -> list[bytes]:
    """The encoded messages inside a batch."""
    messages = []
    for section in sections(envelope):
        if section.code == DATA:
            value, _ = decode(envelope, section.value)
            if not isinstance(value, bytes):
                raise AmqpError(DECODE_ERROR, "a data section does not hold octets")
            messages.append(value)
    if not messages:
        raise AmqpError(DECODE_ERROR, "a batch holds no messages")
    return messages


def read_message(encoded: bytes) -> Draft:
    """A message as a client sent it; without a message-id it is given one, as some clients cannot do without."""
    header = _NULL + _NULL
    life: timedelta | None = None
    kept: list[bytes] = []
    scheduled_for: datetime | None = None
    properties: Section | None = None
    bare = len(encoded)
    for section in sections(encoded):
        if section.code == HEADER:
            header, life = _read_header(encoded, section.value)
        elif section.code == MESSAGE_ANNOTATIONS:
            kept, scheduled_for = _read_annotations(encoded, section.value)
        elif section.code >= PROPERTIES:
            bare = min(bare, section.start)
            if section.code == PROPERTIES:
                properties = section
            elif section.code == APPLICATION_PROPERTIES:
                _check_properties(encoded, section.value)
    items = [] if properties is None else raw_items(encoded, properties.value)
    message_id, rest = _identified(encoded, properties, items, bare)
    session_id = _session_id(items)
    return Draft(message_id, Content(header, b"".join(kept), len(kept), rest), life, scheduled_for, session_id)


def write_message(message: Message, locked_until: datetime | None = None, lock_token: UUID | None = None) -> bytes:
    """A message as a receiver gets it; ``locked_until`` where it is locked for them.

    ``lock_token``: of a message that comes without a delivery tag, where some clients look for it in the message.
    """
    content = message.content
    life = message.time_to_live
    header = encode_list(
        content.header
        + (_NULL if life is None else encode(UInt(min(life // timedelta(milliseconds=1), 0xFFFFFFFF))))
        + _NULL
        + encode(UInt(message.delivery_count)),
        5,
    )
    number = encode(Long(message.sequence_number))
    first = message.enqueued_number
    entries = [
        content.annotations,
        _SEQUENCE_NUMBER + number,
        _ENQUEUE_SEQUENCE_NUMBER + (number if first is None else encode(Long(first))),
        _ENQUEUED_TIME + encode(timestamp(message.enqueued_at)),
        _STATE + encode(Int(message.state)),
    ]
    if locked_until is not None:
        entries.append(_LOCKED_UNTIL + encode(timestamp(locked_until)))
    bare = content.bare
    if message.dead_lettering is not None:
        entries.append(_SOURCE + encode(message.dead_lettering.source))
        bare = with_user_properties(bare, message.dead_lettering.properties, without=REASONS)
    annotations = encode_map(b"".join(entries), content.annotation_count + len(entries) - 1)
    locked = b"" if lock_token is None else b"\x00\x53\x71" + encode({_LOCK_TOKEN: lock_token})
    return b"".join((b"\x00\x53\x70", header, locked, b"\x00\x53\x72", annotations, bare))


def _session_id(items: list[bytes]) -> str | None:
    value = decode(items[_GROUP_ID])[0] if len(items) > _GROUP_ID else None
    return value if isinstance(value, str) else None


def _read_header(encoded: bytes, position: int) -> tuple[bytes, timedelta | None]:
    durable, priority, life, *_ = [*raw_items(encoded, position), _NULL, _NULL, _NULL]
    value, _ = decode(life)
    if value is not None and not isinstance(value, UInt):
        raise AmqpError(DECODE_ERROR, "the time to live of a message is not an unsigned number")
    return durable + priority, None if value is None else timedelta(milliseconds=value)


def _read_annotations(encoded: bytes, position: int) -> tuple[list[bytes], datetime | None]:
    kept: list[bytes] = []
    scheduled_for: datetime | None = None
    for key, raw_key, raw_value in raw_entries(encoded, position):
        if key in _OURS:
            continue
        if key == "x-opt-via-partition-key":
            raise AmqpError(NOT_IMPLEMENTED, "The sandbox has no transactions, so no transfers via another entity.")
        if key == _SCHEDULED:
            scheduled_for = _moment(decode(raw_value)[0])
        kept.append(raw_key + raw_value)
    return kept, scheduled_for


def _check_properties(encoded: bytes, position: int) -> None:
    """Nothing reads them before the message is dead-lettered or meets rules: too late to refuse it."""
    properties, _ = decode(encoded, position)
    if not isinstance(properties, dict) or not all(isinstance(name, str) for name in properties):
        raise AmqpError(DECODE_ERROR, "the application properties are not a map with texts for names")


def _moment(value: Any) -> datetime | None:
    if value is None:
        return None
    if not isinstance(value, Timestamp):
        raise AmqpError(DECODE_ERROR, f"{_SCHEDULED} is not a timestamp")
    try:
        return _EPOCH + timedelta(milliseconds=value)
    except OverflowError as problem:
        raise AmqpError(INVALID_FIELD, f"{_SCHEDULED} is out of range") from problem


def _identified(encoded: bytes, properties: Section | None, items: list[bytes], bare: int) -> tuple[str, bytes]:
    """The message-id as text, and the bare message with one if it had none."""
    value = decode(items[0])[0] if items else None
    if value is not None:
        return str(value), encoded[bare:]
    message_id = uuid4().hex
    items = [encode(message_id), *items[1:]]
    rest = encoded[bare:] if properties is None else encoded[properties.end :]
    return message_id, b"\x00\x53\x73" + encode_list(b"".join(items), len(items)) + rest
