"""Frames: how performatives share a connection. Eight octets of header, then a body."""

from __future__ import annotations

import struct
from dataclasses import dataclass

from sandbox.servicebus.amqp.errors import FRAMING_ERROR, AmqpError

AMQP_HEADER = b"AMQP\x00\x01\x00\x00"
SASL_HEADER = b"AMQP\x03\x01\x00\x00"
AMQP_FRAME = 0x00
SASL_FRAME = 0x01
HEADER_SIZE = 8
EMPTY_FRAME = struct.pack(">IBBH", HEADER_SIZE, 2, AMQP_FRAME, 0)
"""A heartbeat: keeps a connection from looking dead."""


@dataclass(frozen=True, slots=True)
class Frame:
    """One frame as it arrived; ``body`` is empty for a heartbeat."""

    kind: int
    channel: int
    body: bytes


def write_frame(channel: int, body: bytes, kind: int = AMQP_FRAME) -> bytes:
    """The octets of a frame."""
    return struct.pack(">IBBH", len(body) + HEADER_SIZE, 2, kind, channel) + body


def take_frame(buffer: bytearray, max_size: int) -> Frame | None:
    """Take the first frame off the buffer, or None while it is incomplete; an impossible one is an error."""
    if len(buffer) < HEADER_SIZE:
        return None
    size, offset, kind, channel = struct.unpack_from(">IBBH", buffer)
    if size > max_size:
        raise AmqpError(FRAMING_ERROR, f"a frame of {size} octets is larger than the {max_size} this side announced")
    if offset < 2 or offset * 4 > size or kind not in (AMQP_FRAME, SASL_FRAME):
        raise AmqpError(FRAMING_ERROR, f"an impossible frame header: size {size}, offset {offset}, type {kind}")
    if len(buffer) < size:
        return None
    body = bytes(buffer[offset * 4 : size])
    del buffer[:size]
    return Frame(kind, channel, body)
