"""What a management request was given, each argument of the type it must have."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sandbox.servicebus.amqp.errors import AmqpError
from sandbox.servicebus.amqp.types import Array, Int, Long
from sandbox.servicebus.conditions import ARGUMENT_ERROR


def text(body: dict[Any, Any], name: str) -> str:
    """A text."""
    value = body.get(name)
    if not isinstance(value, str):
        raise AmqpError(ARGUMENT_ERROR, f"{name} is not a text.")
    return value


def number(body: dict[Any, Any], name: str) -> int:
    """A whole number."""
    value = body.get(name)
    if not isinstance(value, int) or isinstance(value, bool):
        raise AmqpError(ARGUMENT_ERROR, f"{name} is not a number.")
    return int(value)


def items(body: dict[Any, Any], name: str) -> Sequence[Any]:
    """An array or list that is not empty."""
    value = body.get(name)
    found: Sequence[Any] = value.values if isinstance(value, Array) else value if isinstance(value, list) else ()
    if not found:
        raise AmqpError(ARGUMENT_ERROR, f"{name} holds nothing.")
    return found


def numbers(body: dict[Any, Any], name: str) -> list[int]:
    """Sequence numbers."""
    given = items(body, name)
    if not all(isinstance(item, Long | Int) for item in given):
        raise AmqpError(ARGUMENT_ERROR, f"{name} holds something that is no sequence number.")
    return [int(item) for item in given]


def uuids(body: dict[Any, Any], name: str) -> list[UUID]:
    """Lock tokens, each once."""
    given = items(body, name)
    if not all(isinstance(item, UUID) for item in given):
        raise AmqpError(ARGUMENT_ERROR, f"{name} holds something that is no lock token.")
    return list(dict.fromkeys(given))
