"""AMQP 1.0 values to bytes, always in the shortest encoding except inside arrays, where all elements share one."""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import Any

from sandbox.servicebus.amqp.types import (
    UUID,
    Array,
    Byte,
    Char,
    Decimal32,
    Decimal64,
    Decimal128,
    Described,
    Float,
    Int,
    Long,
    Short,
    Symbol,
    Timestamp,
    UByte,
    UInt,
    ULong,
    UShort,
)


def encode(value: Any) -> bytes:
    """The bytes of one value; a plain Python int has no AMQP type and is refused."""
    out = bytearray()
    _write(out, value)
    return bytes(out)


def encode_list(items: bytes | bytearray, count: int) -> bytes:
    """A list whose items are encoded already."""
    return _compound(0xC0, 0xD0, items, count)


def encode_map(entries: bytes | bytearray, count: int) -> bytes:
    """A map whose keys and values are encoded already, one after another; ``count`` is the number of pairs."""
    return _compound(0xC1, 0xD1, entries, count * 2)


def _compound(small: int, large: int, body: bytes | bytearray, count: int) -> bytes:
    if len(body) < 255 and count < 256:
        return bytes((small, len(body) + 1, count)) + body
    return struct.pack(">BII", large, len(body) + 4, count) + body


def _write(out: bytearray, value: Any) -> None:
    writer = _WRITERS.get(type(value))
    if writer is None:
        raise ValueError(f"{type(value).__name__} is not an AMQP type")
    try:
        writer(out, value)
    except struct.error as problem:
        raise ValueError(f"{value!r} does not fit into {type(value).__name__}") from problem


def _write_null(out: bytearray, value: None) -> None:
    out.append(0x40)


def _write_bool(out: bytearray, value: bool) -> None:
    out.append(0x41 if value else 0x42)


def _write_uint(out: bytearray, value: int) -> None:
    if value == 0:
        out.append(0x43)
    elif 0 < value < 256:
        out += bytes((0x52, value))
    else:
        out += struct.pack(">BI", 0x70, value)


def _write_ulong(out: bytearray, value: int) -> None:
    if value == 0:
        out.append(0x44)
    elif 0 < value < 256:
        out += bytes((0x53, value))
    else:
        out += struct.pack(">BQ", 0x80, value)


def _write_int(out: bytearray, value: int) -> None:
    out += struct.pack(">Bb", 0x54, value) if -128 <= value < 128 else struct.pack(">Bi", 0x71, value)


def _write_long(out: bytearray, value: int) -> None:
    out += struct.pack(">Bb", 0x55, value) if -128 <= value < 128 else struct.pack(">Bq", 0x81, value)


def _fixed(code: int, layout: str) -> Callable[[bytearray, Any], None]:
    pack = struct.Struct(">B" + layout).pack

    def write(out: bytearray, value: Any) -> None:
        out += pack(code, value)

    return write


def _octets(code: int, size: int) -> Callable[[bytearray, bytes], None]:
    def write(out: bytearray, value: bytes) -> None:
        if len(value) != size:
            raise ValueError(f"{type(value).__name__} has {size} octets, not {len(value)}")
        out.append(code)
        out += value

    return write


def _write_char(out: bytearray, value: str) -> None:
    out += struct.pack(">BI", 0x73, ord(value))


def _write_uuid(out: bytearray, value: UUID) -> None:
    out.append(0x98)
    out += value.bytes


def _variable(small: int, large: int, octets: bytes) -> bytes:
    if len(octets) < 256:
        return bytes((small, len(octets))) + octets
    return struct.pack(">BI", large, len(octets)) + octets


def _write_binary(out: bytearray, value: bytes) -> None:
    out += _variable(0xA0, 0xB0, value)


def _write_string(out: bytearray, value: str) -> None:
    out += _variable(0xA1, 0xB1, value.encode("utf-8"))


def _write_symbol(out: bytearray, value: str) -> None:
    out += _variable(0xA3, 0xB3, value.encode("ascii"))


def _write_list(out: bytearray, value: list[Any]) -> None:
    if not value:
        out.append(0x45)
        return
    body = bytearray()
    for item in value:
        _write(body, item)
    out += encode_list(body, len(value))


def _write_map(out: bytearray, value: dict[Any, Any]) -> None:
    body = bytearray()
    for key, item in value.items():
        _write(body, key)
        _write(body, item)
    out += encode_map(body, len(value))


def _write_described(out: bytearray, value: Described) -> None:
    out.append(0x00)
    _write(out, value.descriptor)
    _write(out, value.value)


def _write_array(out: bytearray, value: Array) -> None:
    element = _ELEMENTS.get(value.kind)
    if element is None:
        raise ValueError(f"an array of {value.kind.__name__} is not supported")
    code, write = element
    body = bytearray((code,))
    for item in value.values:
        if type(item) is not value.kind:
            raise ValueError(f"an array of {value.kind.__name__} cannot hold {item!r}")
        body += write(item)
    out += _compound(0xE0, 0xF0, body, len(value.values))


_WRITERS: dict[type, Callable[[bytearray, Any], None]] = {
    type(None): _write_null,
    bool: _write_bool,
    UByte: _fixed(0x50, "B"),
    UShort: _fixed(0x60, "H"),
    UInt: _write_uint,
    ULong: _write_ulong,
    Byte: _fixed(0x51, "b"),
    Short: _fixed(0x61, "h"),
    Int: _write_int,
    Long: _write_long,
    Float: _fixed(0x72, "f"),
    float: _fixed(0x82, "d"),
    Decimal32: _octets(0x74, 4),
    Decimal64: _octets(0x84, 8),
    Decimal128: _octets(0x94, 16),
    Char: _write_char,
    Timestamp: _fixed(0x83, "q"),
    UUID: _write_uuid,
    bytes: _write_binary,
    str: _write_string,
    Symbol: _write_symbol,
    list: _write_list,
    dict: _write_map,
    Array: _write_array,
    Described: _write_described,
}


def _wide(code: int, layout: str) -> tuple[int, Callable[[Any], bytes]]:
    return code, struct.Struct(">" + layout).pack


def _sized(code: int, to_octets: Callable[[Any], bytes]) -> tuple[int, Callable[[Any], bytes]]:
    def write(value: Any) -> bytes:
        octets = to_octets(value)
        return struct.pack(">I", len(octets)) + octets

    return code, write


def _large(code: int, small: int) -> tuple[int, Callable[[Any], bytes]]:
    """A list, map or array as an array's element: without its constructor and with four-octet size and count."""

    def write(value: Any) -> bytes:
        octets = encode(value)
        if octets[0] == 0x45:
            return struct.pack(">II", 4, 0)
        if octets[0] == small:
            return struct.pack(">II", octets[1] + 3, octets[2]) + octets[3:]
        return octets[1:]

    return code, write


_ELEMENTS: dict[type, tuple[int, Callable[[Any], bytes]]] = {
    type(None): (0x40, lambda value: b""),
    bool: _wide(0x56, "?"),
    UByte: _wide(0x50, "B"),
    UShort: _wide(0x60, "H"),
    UInt: _wide(0x70, "I"),
    ULong: _wide(0x80, "Q"),
    Byte: _wide(0x51, "b"),
    Short: _wide(0x61, "h"),
    Int: _wide(0x71, "i"),
    Long: _wide(0x81, "q"),
    Float: _wide(0x72, "f"),
    float: _wide(0x82, "d"),
    Timestamp: _wide(0x83, "q"),
    Decimal32: (0x74, bytes),
    Decimal64: (0x84, bytes),
    Decimal128: (0x94, bytes),
    Char: (0x73, lambda value: struct.pack(">I", ord(value))),
    UUID: (0x98, lambda value: value.bytes),
    bytes: _sized(0xB0, bytes),
    str: _sized(0xB1, lambda value: value.encode("utf-8")),
    Symbol: _sized(0xB3, lambda value: value.encode("ascii")),
    list: _large(0xD0, 0xC0),
    dict: _large(0xD1, 0xC1),
    Array: _large(0xF0, 0xE0),
}
