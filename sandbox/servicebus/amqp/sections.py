"""A message's sections, found without reading what is in them: bodies pass through a broker byte for byte."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from sandbox.servicebus.amqp.decode import compound_body, decode, skip
from sandbox.servicebus.amqp.errors import DECODE_ERROR, AmqpError
from sandbox.servicebus.amqp.types import ULong

HEADER = 0x70
DELIVERY_ANNOTATIONS = 0x71
MESSAGE_ANNOTATIONS = 0x72
PROPERTIES = 0x73
APPLICATION_PROPERTIES = 0x74
DATA = 0x75
SEQUENCE = 0x76
VALUE = 0x77
FOOTER = 0x78


@dataclass(frozen=True, slots=True)
class Section:
    """One section: ``start``..``end`` with its descriptor, the value from ``value`` on."""

    code: int
    start: int
    value: int
    end: int


def sections(message: bytes) -> Iterator[Section]:
    """The sections of an encoded message in order; raises ``amqp:decode-error`` where it is none."""
    position, previous = 0, 0
    while position < len(message):
        if message[position] != 0x00:
            raise AmqpError(DECODE_ERROR, "a message section does not start with a descriptor")
        descriptor, value = decode(message, position + 1)
        code = _NAMES.get(descriptor) if isinstance(descriptor, int | str) else None
        if code is None:
            raise AmqpError(DECODE_ERROR, f"{descriptor!r} is not a message section")
        if code < previous or (code == previous and code not in (DATA, SEQUENCE)):
            raise AmqpError(DECODE_ERROR, "message sections are doubled or out of order")
        end = skip(message, value)
        yield Section(code, position, value, end)
        position, previous = end, code


def raw_items(data: bytes, position: int) -> list[bytes]:
    """The items of the list or map at ``position``, each still encoded (key and value of a map in turn)."""
    start, end, count = compound_body(data, position)
    items: list[bytes] = []
    while start < end and len(items) < count:
        after = skip(data, start)
        items.append(data[start:after])
        start = after
    if start != end or len(items) != count:
        raise AmqpError(DECODE_ERROR, "a list or map does not hold what its header says")
    return items


def raw_entries(data: bytes, position: int) -> list[tuple[Any, bytes, bytes]]:
    """The entries of the map at ``position``: the key (a text, symbol or number), then key and value still encoded."""
    items = raw_items(data, position)
    if data[position] not in _MAPS:
        raise AmqpError(DECODE_ERROR, f"a map was expected, not 0x{data[position]:02x}")
    if len(items) % 2:
        raise AmqpError(DECODE_ERROR, "a map has a key without a value")
    entries = [(decode(key)[0], key, value) for key, value in zip(items[::2], items[1::2], strict=True)]
    if not all(isinstance(key, str | ULong) for key, _, _ in entries):
        raise AmqpError(DECODE_ERROR, "a section of a message has a key that is no text, symbol or number")
    return entries


_MAPS = (0xC1, 0xD1)
_NAMES: dict[int | str, int] = {
    **{code: code for code in range(HEADER, FOOTER + 1)},
    "amqp:header:list": HEADER,
    "amqp:delivery-annotations:map": DELIVERY_ANNOTATIONS,
    "amqp:message-annotations:map": MESSAGE_ANNOTATIONS,
    "amqp:properties:list": PROPERTIES,
    "amqp:application-properties:map": APPLICATION_PROPERTIES,
    "amqp:data:binary": DATA,
    "amqp:amqp-sequence:list": SEQUENCE,
    "amqp:amqp-value:*": VALUE,
    "amqp:footer:map": FOOTER,
}
