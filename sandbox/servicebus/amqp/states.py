"""Delivery states: what became of a delivery, as the two sides of a link tell each other."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sandbox.servicebus.amqp.errors import DECODE_ERROR, NOT_IMPLEMENTED, AmqpError
from sandbox.servicebus.amqp.types import Described, Symbol, UInt, ULong

_ERROR = 0x1D


@dataclass(frozen=True, slots=True)
class Received:
    """Some of the delivery has arrived; not an outcome."""


@dataclass(frozen=True, slots=True)
class Accepted:
    """The delivery was taken."""


@dataclass(frozen=True, slots=True)
class Rejected:
    """The delivery was not taken; without a condition, an echo of the peer's own rejection."""

    condition: str | None = None
    description: str | None = None
    info: Mapping[Any, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Released:
    """The delivery goes back as if it had never been sent."""


@dataclass(frozen=True, slots=True)
class Modified:
    """The delivery goes back changed; ``annotations``: what the message is to carry from now on."""

    delivery_failed: bool = False
    undeliverable_here: bool = False
    annotations: Mapping[Any, Any] = field(default_factory=dict)


State = Received | Accepted | Rejected | Released | Modified

_CODES: dict[Any, int] = {
    0x23: 0x23,
    0x24: 0x24,
    0x25: 0x25,
    0x26: 0x26,
    0x27: 0x27,
    "amqp:received:list": 0x23,
    "amqp:accepted:list": 0x24,
    "amqp:rejected:list": 0x25,
    "amqp:released:list": 0x26,
    "amqp:modified:list": 0x27,
}


def read_state(value: Any) -> State | None:
    """The state a peer wrote, or None where it wrote none; states of transactions are refused."""
    if value is None:
        return None
    if not isinstance(value, Described) or not isinstance(value.value, list):
        raise AmqpError(DECODE_ERROR, "a delivery state is not a described list")
    descriptor, fields = value.descriptor, value.value
    code = _CODES.get(descriptor) if isinstance(descriptor, int | str) else None
    if code == 0x23:
        return Received()
    if code == 0x24:
        return Accepted()
    if code == 0x25:
        return _read_rejected(fields)
    if code == 0x26:
        return Released()
    if code == 0x27:
        failed, elsewhere, annotations, *_ = [*fields, None, None, None]
        return Modified(bool(failed), bool(elsewhere), _read_map(annotations))
    raise AmqpError(NOT_IMPLEMENTED, f"the delivery state {descriptor!r} is not supported (transactions are not)")


def _read_rejected(fields: list[Any]) -> Rejected:
    if not fields or fields[0] is None:
        return Rejected()
    error = fields[0]
    if not isinstance(error, Described) or not isinstance(error.value, list) or not error.value:
        raise AmqpError(DECODE_ERROR, "the error of a rejected delivery is not an AMQP error")
    condition, description, info, *_ = [*error.value, None, None]
    return Rejected(
        str(condition) if condition is not None else None,
        str(description) if description is not None else None,
        _read_map(info),
    )


def _read_map(value: Any) -> Mapping[Any, Any]:
    if value is None or isinstance(value, dict):
        return value or {}
    raise AmqpError(DECODE_ERROR, "what a delivery state adds to a message is not a map")


def write_state(state: State) -> Described:
    """The state as it goes on the wire."""
    match state:
        case Accepted():
            return Described(ULong(0x24), [])
        case Rejected(condition=None):
            return Described(ULong(0x25), [])
        case Rejected(condition=condition, description=description):
            return Described(ULong(0x25), [write_error(str(condition), description)])
        case Released():
            return Described(ULong(0x26), [])
        case Modified(delivery_failed=failed, undeliverable_here=elsewhere):
            return Described(ULong(0x27), [failed, elsewhere, None])
        case Received():
            return Described(ULong(0x23), [UInt(0), ULong(0)])


def write_error(condition: str, description: str | None) -> Described:
    """An error as it goes on the wire, with all three of its fields."""
    return Described(ULong(_ERROR), [Symbol(condition), description, None])
