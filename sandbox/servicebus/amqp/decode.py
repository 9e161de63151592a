"""Bytes to AMQP 1.0 values, bounded in depth and size: whatever arrives, the answer is a value or a decode error."""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import Any

from sandbox.servicebus.amqp.errors import DECODE_ERROR, NOT_IMPLEMENTED, AmqpError
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

_MAX_DEPTH = 16
"""Values nested deeper than this are refused: nothing on this wire needs it."""
_MAX_WIDTHLESS = 4096
"""An array of values that take no space could claim any length."""


def decode(data: bytes, position: int = 0) -> tuple[Any, int]:
    """The value at ``position`` and the position after it; raises ``amqp:decode-error`` for anything malformed."""
    try:
        return _read(data, position, 0)
    except (IndexError, struct.error) as problem:
        raise AmqpError(DECODE_ERROR, "a value ends before it is complete") from problem
    except UnicodeDecodeError as problem:
        raise AmqpError(DECODE_ERROR, f"a string is not valid {problem.encoding}") from problem


def skip(data: bytes, position: int, depth: int = 0) -> int:
    """The position after the value at ``position``, without reading it."""
    if depth >= _MAX_DEPTH:
        raise AmqpError(DECODE_ERROR, f"values are nested deeper than {_MAX_DEPTH}")
    try:
        code = data[position]
        if code == 0x00:
            return skip(data, skip(data, position + 1, depth + 1), depth + 1)
        width = _WIDTHS.get(code >> 4)
        if width is None:
            raise AmqpError(DECODE_ERROR, f"0x{code:02x} is not an AMQP constructor")
        position += 1
        if width < 0:
            size = data[position] if width == -1 else struct.unpack_from(">I", data, position)[0]
            width = -width + size
    except (IndexError, struct.error) as problem:
        raise AmqpError(DECODE_ERROR, "a value ends before it is complete") from problem
    if position + width > len(data):
        raise AmqpError(DECODE_ERROR, "a value ends before it is complete")
    return position + width


def compound_body(data: bytes, position: int) -> tuple[int, int, int]:
    """Where the items of the list or map at ``position`` start and end, and how many they are (two per map entry)."""
    end = skip(data, position)
    code = data[position]
    try:
        if code == 0x45:
            return end, end, 0
        if code in (0xC0, 0xC1):
            return position + 3, end, data[position + 2]
        if code in (0xD0, 0xD1):
            return position + 9, end, int(struct.unpack_from(">I", data, position + 5)[0])
    except (IndexError, struct.error) as problem:
        raise AmqpError(DECODE_ERROR, "a value ends before it is complete") from problem
    raise AmqpError(DECODE_ERROR, f"a list or map was expected, not 0x{code:02x}")


_WIDTHS = {4: 0, 5: 1, 6: 2, 7: 4, 8: 8, 9: 16, 0xA: -1, 0xB: -4, 0xC: -1, 0xD: -4, 0xE: -1, 0xF: -4}
"""Octets after the constructor by its first half; negative: a size field of that many octets comes first."""

_Reader = Callable[[bytes, int, int], tuple[Any, int]]


def _read(data: bytes, position: int, depth: int) -> tuple[Any, int]:
    code = data[position]
    reader = _READERS.get(code)
    if reader is None:
        raise AmqpError(DECODE_ERROR, f"0x{code:02x} is not an AMQP constructor")
    return reader(data, position + 1, depth)


def _constant(value: Any) -> _Reader:
    def read(data: bytes, position: int, depth: int) -> tuple[Any, int]:
        return value, position

    return read


def _number(kind: Callable[[Any], Any], layout: str) -> _Reader:
    shape = struct.Struct(">" + layout)

    def read(data: bytes, position: int, depth: int) -> tuple[Any, int]:
        return kind(shape.unpack_from(data, position)[0]), position + shape.size

    return read


def _octets(kind: Callable[[bytes], Any], size: int) -> _Reader:
    def read(data: bytes, position: int, depth: int) -> tuple[Any, int]:
        return kind(_slice(data, position, size)), position + size

    return read


def _variable(kind: Callable[[bytes], Any], wide: bool) -> _Reader:
    def read(data: bytes, position: int, depth: int) -> tuple[Any, int]:
        size, position = _size(data, position, wide)
        return kind(_slice(data, position, size)), position + size

    return read


def _slice(data: bytes, position: int, size: int) -> bytes:
    if position + size > len(data):
        raise AmqpError(DECODE_ERROR, "a value ends before it is complete")
    return bytes(data[position : position + size])


def _size(data: bytes, position: int, wide: bool) -> tuple[int, int]:
    if wide:
        return struct.unpack_from(">I", data, position)[0], position + 4
    return data[position], position + 1


def _header(data: bytes, position: int, depth: int, wide: bool) -> tuple[int, int, int]:
    """Count, position of the first item, and end of a list, map or array."""
    if depth >= _MAX_DEPTH:
        raise AmqpError(DECODE_ERROR, f"values are nested deeper than {_MAX_DEPTH}")
    size, start = _size(data, position, wide)
    end = start + size
    if end > len(data):
        raise AmqpError(DECODE_ERROR, "a value ends before it is complete")
    count, first = _size(data, start, wide)
    if first > end:
        raise AmqpError(DECODE_ERROR, "a list, map or array is smaller than its own header")
    return count, first, end


def _list(wide: bool) -> _Reader:
    def read(data: bytes, position: int, depth: int) -> tuple[Any, int]:
        count, position, end = _header(data, position, depth, wide)
        items: list[Any] = []
        while position < end and len(items) < count:
            item, position = _read(data, position, depth + 1)
            items.append(item)
        if position != end or len(items) != count:
            raise AmqpError(DECODE_ERROR, "a list does not hold what its header says")
        return items, end

    return read


def _map(wide: bool) -> _Reader:
    read_items = _list(wide)

    def read(data: bytes, position: int, depth: int) -> tuple[Any, int]:
        items, end = read_items(data, position, depth)
        if len(items) % 2:
            raise AmqpError(DECODE_ERROR, "a map has a key without a value")
        try:
            return dict(zip(items[::2], items[1::2], strict=True)), end
        except TypeError as problem:
            raise AmqpError(NOT_IMPLEMENTED, "a map key that is itself a list or map is not supported") from problem

    return read


def _array(wide: bool) -> _Reader:
    def read(data: bytes, position: int, depth: int) -> tuple[Any, int]:
        count, position, end = _header(data, position, depth, wide)
        code = data[position]
        reader = _READERS.get(code)
        kind = _KINDS.get(code)
        if reader is None or kind is None:
            raise AmqpError(NOT_IMPLEMENTED, f"arrays with the element constructor 0x{code:02x} are not supported")
        position += 1
        if count > (end - position if _WIDTHS[code >> 4] else _MAX_WIDTHLESS):
            raise AmqpError(DECODE_ERROR, "an array claims more elements than it has room for")
        values = []
        for _ in range(count):
            value, position = reader(data, position, depth + 1)
            values.append(value)
        if position != end:
            raise AmqpError(DECODE_ERROR, "an array does not hold what its header says")
        return Array(kind, tuple(values)), end

    return read


def _described(data: bytes, position: int, depth: int) -> tuple[Any, int]:
    if depth >= _MAX_DEPTH:
        raise AmqpError(DECODE_ERROR, f"values are nested deeper than {_MAX_DEPTH}")
    descriptor, position = _read(data, position, depth + 1)
    value, position = _read(data, position, depth + 1)
    return Described(descriptor, value), position


def _boolean(octet: int) -> bool:
    if octet > 1:
        raise AmqpError(DECODE_ERROR, f"0x{octet:02x} is not a boolean")
    return octet == 1


def _character(code_point: int) -> Char:
    if code_point > 0x10FFFF or 0xD800 <= code_point < 0xE000:
        raise AmqpError(DECODE_ERROR, f"{code_point:#x} is not a Unicode character")
    return Char(chr(code_point))


def _uuid(octets: bytes) -> UUID:
    return UUID(bytes=octets)


def _string(octets: bytes) -> str:
    return octets.decode("utf-8")


def _symbol(octets: bytes) -> Symbol:
    return Symbol(octets.decode("ascii"))


_TABLE: tuple[tuple[int, type | None, _Reader], ...] = (
    (0x00, None, _described),
    (0x40, type(None), _constant(None)),
    (0x41, bool, _constant(True)),
    (0x42, bool, _constant(False)),
    (0x43, UInt, _constant(UInt(0))),
    (0x44, ULong, _constant(ULong(0))),
    (0x45, list, lambda data, position, depth: ([], position)),
    (0x50, UByte, _number(UByte, "B")),
    (0x51, Byte, _number(Byte, "b")),
    (0x52, UInt, _number(UInt, "B")),
    (0x53, ULong, _number(ULong, "B")),
    (0x54, Int, _number(Int, "b")),
    (0x55, Long, _number(Long, "b")),
    (0x56, bool, _number(_boolean, "B")),
    (0x60, UShort, _number(UShort, "H")),
    (0x61, Short, _number(Short, "h")),
    (0x70, UInt, _number(UInt, "I")),
    (0x71, Int, _number(Int, "i")),
    (0x72, Float, _number(Float, "f")),
    (0x73, Char, _number(_character, "I")),
    (0x74, Decimal32, _octets(Decimal32, 4)),
    (0x80, ULong, _number(ULong, "Q")),
    (0x81, Long, _number(Long, "q")),
    (0x82, float, _number(float, "d")),
    (0x83, Timestamp, _number(Timestamp, "q")),
    (0x84, Decimal64, _octets(Decimal64, 8)),
    (0x94, Decimal128, _octets(Decimal128, 16)),
    (0x98, UUID, _octets(_uuid, 16)),
    (0xA0, bytes, _variable(bytes, wide=False)),
    (0xA1, str, _variable(_string, wide=False)),
    (0xA3, Symbol, _variable(_symbol, wide=False)),
    (0xB0, bytes, _variable(bytes, wide=True)),
    (0xB1, str, _variable(_string, wide=True)),
    (0xB3, Symbol, _variable(_symbol, wide=True)),
    (0xC0, list, _list(wide=False)),
    (0xC1, dict, _map(wide=False)),
    (0xD0, list, _list(wide=True)),
    (0xD1, dict, _map(wide=True)),
    (0xE0, Array, _array(wide=False)),
    (0xF0, Array, _array(wide=True)),
)
_READERS = {code: reader for code, _, reader in _TABLE}
_KINDS = {code: kind for code, kind, _ in _TABLE if kind is not None}
