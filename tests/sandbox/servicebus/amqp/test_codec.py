"""Values survive the wire, the SDK's decoder reads them the same way, and nonsense ends in a decode error."""

from __future__ import annotations

import math
import struct
from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest
from azure.servicebus._pyamqp import _decode
from azure.servicebus._pyamqp._encode import encode_value
from azure.servicebus._pyamqp.types import AMQPTypes
from hypothesis import given
from hypothesis import strategies as st

from sandbox.servicebus.amqp.decode import compound_body, decode, skip
from sandbox.servicebus.amqp.encode import encode
from sandbox.servicebus.amqp.errors import AmqpError
from sandbox.servicebus.amqp.types import (
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


def whole(kind: type, bits: int, signed: bool) -> st.SearchStrategy[Any]:
    low, high = (-(1 << bits - 1), (1 << bits - 1) - 1) if signed else (0, (1 << bits) - 1)
    return st.one_of(st.integers(low, high), st.integers(max(low, -300), min(high, 300))).map(kind)


text = st.text(st.characters(exclude_categories=["Cs"]), max_size=300)
names = st.text(st.characters(max_codepoint=127), max_size=300)
scalars: dict[type, st.SearchStrategy[Any]] = {
    bool: st.booleans(),
    UByte: whole(UByte, 8, False),
    UShort: whole(UShort, 16, False),
    UInt: whole(UInt, 32, False),
    ULong: whole(ULong, 64, False),
    Byte: whole(Byte, 8, True),
    Short: whole(Short, 16, True),
    Int: whole(Int, 32, True),
    Long: whole(Long, 64, True),
    Timestamp: whole(Timestamp, 64, True),
    Float: st.floats(width=32, allow_nan=False).map(Float),
    float: st.floats(allow_nan=False),
    UUID: st.uuids(),
    bytes: st.binary(max_size=300),
    str: text,
    Symbol: names.map(Symbol),
}
kept_raw: dict[type, st.SearchStrategy[Any]] = {
    Decimal32: st.binary(min_size=4, max_size=4).map(Decimal32),
    Decimal64: st.binary(min_size=8, max_size=8).map(Decimal64),
    Decimal128: st.binary(min_size=16, max_size=16).map(Decimal128),
    Char: st.characters(exclude_categories=["Cs"]).map(Char),
}
simple = st.one_of(st.none(), *scalars.values())
arrays = st.one_of(
    *(
        st.builds(Array, st.just(kind), st.lists(each, min_size=1, max_size=40).map(tuple))
        for kind, each in (scalars | kept_raw).items()
    )
)


def nested(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.one_of(
        st.lists(inner, max_size=8),
        st.dictionaries(text, inner, max_size=8),
        st.builds(Described, st.one_of(whole(ULong, 64, False), names.map(Symbol)), inner),
        st.lists(st.lists(inner, max_size=3), min_size=1, max_size=3).map(lambda items: Array(list, tuple(items))),
        st.lists(st.dictionaries(text, inner, max_size=3), min_size=1, max_size=3).map(
            lambda items: Array(dict, tuple(items))
        ),
    )


values = st.recursive(st.one_of(simple, arrays, *kept_raw.values()), nested, max_leaves=12)


def same(one: Any, other: Any) -> bool:
    """Equal, and of the same AMQP type all the way down."""
    if type(one) is not type(other):
        return False
    if isinstance(one, list):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    if isinstance(one, Described):
        return same(one.descriptor, other.descriptor) and same(one.value, other.value)
    if isinstance(one, Array):
        return one.kind is other.kind and same(list(one.values), list(other.values))
    return bool(one == other)


@given(values)
def test_every_value_survives_the_wire_with_its_type(value: Any) -> None:
    encoded = encode(value)
    decoded, end = decode(encoded + b"rest")
    assert same(value, decoded)
    assert end == len(encoded) == skip(encoded + b"rest", 0)


def as_the_sdk_reads(value: Any) -> Any:
    """What the SDK's decoder is to make of a value: strings and symbols are bytes to it."""
    if isinstance(value, str):
        return value.encode()
    if isinstance(value, list):
        return [as_the_sdk_reads(item) for item in value]
    if isinstance(value, Array):
        return [as_the_sdk_reads(item) for item in value.values]
    if isinstance(value, dict):
        return {as_the_sdk_reads(key): as_the_sdk_reads(item) for key, item in value.items()}
    return value


@given(
    st.recursive(
        st.one_of(simple, arrays.filter(lambda array: array.kind not in kept_raw)),
        lambda inner: st.one_of(st.lists(inner, max_size=8), st.dictionaries(text, inner, max_size=8)),
        max_leaves=10,
    )
)
def test_the_sdk_reads_every_value_as_it_was_meant(value: Any) -> None:
    encoded = memoryview(encode(value))
    rest, decoded = _decode._DECODE_BY_CONSTRUCTOR[encoded[0]](encoded[1:])
    assert len(rest) == 0
    assert decoded == as_the_sdk_reads(value)


PAIRS = [
    (AMQPTypes.uint, UInt, 7),
    (AMQPTypes.ulong, ULong, 1 << 40),
    (AMQPTypes.long, Long, -5),
    (AMQPTypes.int, Int, -70000),
    (AMQPTypes.ushort, UShort, 65535),
    (AMQPTypes.ubyte, UByte, 255),
    (AMQPTypes.timestamp, Timestamp, 1_700_000_000_000),
    (AMQPTypes.string, str, "é" * 200),
    (AMQPTypes.symbol, Symbol, "name"),
    (AMQPTypes.binary, bytes, b"\x00\xff"),
    (AMQPTypes.uuid, UUID, UUID(int=5)),
    (AMQPTypes.boolean, bool, True),
    (AMQPTypes.double, float, math.pi),
]


@pytest.mark.parametrize(("sdk_type", "kind", "value"), PAIRS, ids=lambda value: str(value)[:12])
def test_what_the_sdk_writes_is_read_with_its_type(sdk_type: AMQPTypes, kind: type, value: Any) -> None:
    out = bytearray()
    encode_value(out, {"TYPE": sdk_type, "VALUE": value})
    decoded, end = decode(bytes(out))
    assert end == len(out)
    assert type(decoded) is kind
    assert decoded == value


def refusal(read: Callable[[bytes, int], object], data: bytes) -> str | None:
    """The condition a reader refuses with, or None if it reads."""
    try:
        read(data, 0)
    except AmqpError as problem:
        return problem.condition
    return None


@given(st.binary(max_size=200))
def test_whatever_arrives_is_a_value_or_a_decode_error(data: bytes) -> None:
    for read in (decode, skip, compound_body):
        assert refusal(read, data) in (None, "amqp:decode-error", "amqp:not-implemented")


@given(values, st.data())
def test_a_damaged_value_is_a_value_or_a_decode_error(value: Any, data: st.DataObject) -> None:
    encoded = bytearray(encode(value))
    at = data.draw(st.integers(0, len(encoded) - 1))
    encoded[at] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(0, len(encoded)))
    for damaged in (bytes(encoded), bytes(encoded[:cut])):
        assert refusal(decode, damaged) in (None, "amqp:decode-error", "amqp:not-implemented")


@pytest.mark.parametrize(
    ("encoded", "sentence"),
    [
        (b"\x00\x40" * 40, "nested deeper"),
        (b"\xc0\x01\x02", "does not hold"),
        (b"\xc1\x02\x01\x40", "key without a value"),
        (b"\xd0" + struct.pack(">II", 4, 1 << 31), "does not hold"),
        (b"\xf0" + struct.pack(">II", 5, 1 << 31) + b"\x40", "more elements than it has room"),
        (b"\xf0" + struct.pack(">II", 5, 1 << 31) + b"\x70", "more elements than it has room"),
        (b"\xe0\x03\x01\x00\x40", "element constructor 0x00"),
        (b"\xb1" + struct.pack(">I", 0xFFFFFFFF), "before it is complete"),
        (b"\xa1\x01\xff", "not valid utf-8"),
        (b"\x56\x02", "not a boolean"),
        (b"\x73\x00\x00\xd8\x00", "not a Unicode character"),
        (b"\x3f", "not an AMQP constructor"),
        (b"", "before it is complete"),
        (b"\xc1\x03\x02\x45\x40", "key that is itself a list"),
    ],
)
def test_malformed_values_are_refused_with_the_reason(encoded: bytes, sentence: str) -> None:
    with pytest.raises(AmqpError, match=sentence):
        decode(encoded)


@pytest.mark.parametrize("value", [1, UByte(256), Int(1 << 31), {1: 2}, Array(int, (1,)), Array(str, (b"",)), object()])
def test_a_value_without_an_amqp_type_is_refused(value: Any) -> None:
    with pytest.raises(ValueError, match=r"is not an AMQP type|does not fit|not supported|cannot hold"):
        encode(value)
