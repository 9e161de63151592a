"""JSON without floats: decimals are read as ``Decimal`` and written as the exact numbers they are."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from uuid import UUID

MOST_DIGITS = 400
"""More than any number has that a column or a double can hold."""


def loads(text: str | bytes) -> object:
    """Read JSON; numbers with a point are ``Decimal``. Raises ``ValueError`` when it is not JSON or too deep."""
    try:
        return json.loads(text, parse_float=_number, parse_constant=_refuse_constant)
    except RecursionError as error:
        raise ValueError("the JSON is nested too deep") from error


def dumps(value: object) -> str:
    """Write JSON. A float, a naive instant or an unknown kind raises ``TypeError`` with the sentence that says why."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False)
    if isinstance(value, Decimal):
        return exact_number(value)
    if isinstance(value, UUID):
        return f'"{value}"'
    if isinstance(value, datetime):
        return f'"{instant(value)}"'
    if isinstance(value, date):
        return f'"{value.isoformat()}"'
    if isinstance(value, Mapping):
        return "{" + ",".join(f"{json.dumps(str(name))}:{dumps(part)}" for name, part in value.items()) + "}"
    if isinstance(value, Sequence) and not isinstance(value, bytes | bytearray):
        return "[" + ",".join(dumps(part) for part in value) + "]"
    if isinstance(value, float):
        raise TypeError("A float cannot hold an exact amount: pass a Decimal instead.")
    raise TypeError(f"A value of type {type(value).__name__} cannot be sent to Dataverse.")


def exact_number(value: Decimal) -> str:
    """A ``Decimal`` in plain digits, its scale kept, never in exponent form."""
    if not value.is_finite() or not _is_written_out(value):
        raise TypeError("A Decimal that is infinite, undefined or out of all proportion cannot be sent to Dataverse.")
    return format(value, "f")


def instant(value: datetime) -> str:
    """An aware instant as Dataverse writes it: UTC with a ``Z``, fractions only when there are any."""
    if value.tzinfo is None:
        raise TypeError("An instant without a time zone cannot be sent to Dataverse: pass an aware datetime.")
    return value.astimezone(UTC).replace(tzinfo=None).isoformat() + "Z"


def _number(text: str) -> Decimal:
    value = Decimal(text)
    if not _is_written_out(value):
        raise ValueError("a number is out of all proportion")
    return value


def _is_written_out(value: Decimal) -> bool:
    """Whether it can be written in plain digits: a few characters may stand for a billion of them."""
    exponent = value.as_tuple().exponent
    return isinstance(exponent, int) and abs(exponent) <= MOST_DIGITS and abs(value.adjusted()) <= MOST_DIGITS


def _refuse_constant(name: str) -> object:
    raise ValueError(f"{name} is not a JSON number")
