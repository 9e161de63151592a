"""AMQP 1.0 values in Python: a type for each of AMQP's, so that what was read can be written back unchanged."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import UUID

__all__ = [
    "UUID",
    "Array",
    "Byte",
    "Char",
    "Decimal32",
    "Decimal64",
    "Decimal128",
    "Described",
    "Float",
    "Int",
    "Long",
    "Short",
    "Symbol",
    "Timestamp",
    "UByte",
    "UInt",
    "ULong",
    "UShort",
]


class UByte(int):
    """Unsigned, 8 bits."""

    __slots__ = ()


class UShort(int):
    """Unsigned, 16 bits."""

    __slots__ = ()


class UInt(int):
    """Unsigned, 32 bits."""

    __slots__ = ()


class ULong(int):
    """Unsigned, 64 bits."""

    __slots__ = ()


class Byte(int):
    """Signed, 8 bits."""

    __slots__ = ()


class Short(int):
    """Signed, 16 bits."""

    __slots__ = ()


class Int(int):
    """Signed, 32 bits."""

    __slots__ = ()


class Long(int):
    """Signed, 64 bits."""

    __slots__ = ()


class Timestamp(int):
    """Milliseconds since 1970-01-01 UTC, signed 64 bits."""

    __slots__ = ()


class Float(float):
    """IEEE 754 binary32; a plain Python float is AMQP's double."""

    __slots__ = ()


class Char(str):
    """One Unicode character."""

    __slots__ = ()


class Symbol(str):
    """An ASCII name from a constrained domain; compares equal to the same text."""

    __slots__ = ()


class Decimal32(bytes):
    """IEEE 754 decimal32, four octets kept as they came."""

    __slots__ = ()


class Decimal64(bytes):
    """IEEE 754 decimal64, eight octets kept as they came."""

    __slots__ = ()


class Decimal128(bytes):
    """IEEE 754 decimal128, sixteen octets kept as they came."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Array:
    """Values of one type; ``kind`` is the Python type every element has."""

    kind: type
    values: tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Described:
    """A value with a descriptor that says what it means."""

    descriptor: Any
    value: Any
