"""JSON with exact numbers: decimals are written digit by digit and read as ``Decimal``, never as a float."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from json.encoder import encode_basestring
from typing import Any
from uuid import UUID


def load(text: bytes) -> Any:
    """The JSON value; ``ValueError`` when it is none. Numbers with a point or exponent become ``Decimal``."""
    return json.loads(text, parse_float=Decimal, parse_constant=_no_constant)


def _no_constant(word: str) -> Any:
    raise ValueError(f"{word} is not JSON.")


def dump(value: Any) -> str:
    """The JSON text of plain values, decimals, ids and instants (UTC, whole seconds)."""
    if value is None:
        return "null"
    if isinstance(value, str):
        return encode_basestring(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, UUID):
        return f'"{value}"'
    if isinstance(value, datetime):
        return f'"{value.replace(tzinfo=None, microsecond=0).isoformat()}Z"'
    if isinstance(value, date):
        return f'"{value.isoformat()}"'
    if isinstance(value, Mapping):
        return "{" + ",".join([f"{encode_basestring(name)}:{dump(part)}" for name, part in value.items()]) + "}"
    if isinstance(value, Sequence):
        return "[" + ",".join([dump(part) for part in value]) + "]"
    raise TypeError(f"{type(value).__name__} has no JSON form here.")
