"""The values inside an execution context: what the .NET serializer makes of entities, references, choices and dates."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import TypeAlias
from uuid import UUID

from connector.dataverse.changes import Reference

MAX_DEPTH = 32
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
DATE = re.compile(r"^/Date\((-?\d{1,18})(?:[+-]\d{4})?\)/$")
ABSENT = object()
"""A value of a kind nobody here reads: its name is left out, which is not the same as empty."""


@dataclass(frozen=True, slots=True)
class Entity:
    """A row, or the part of it that was sent: a column that was cleared is there with ``None``."""

    table: str
    id: UUID | None
    values: Mapping[str, ContextValue] = field(default_factory=dict)


ContextValue: TypeAlias = (
    "str | int | bool | Decimal | UUID | datetime | Reference | Entity | tuple[ContextValue, ...] | None"
)
"""Choices are ``int``, money ``Decimal``, several choices or rows a tuple; a bare id is ``str``, as it was sent."""


class Unreadable(ValueError):
    """The body does not have the shape of an execution context; the text completes "…: …"."""


def pairs(raw: object, member: str, depth: int = 0) -> dict[str, ContextValue]:
    """A list of ``{"key": …, "value": …}`` as a mapping."""
    if raw is None:
        return {}
    if not isinstance(raw, list):
        raise Unreadable(f"its member {member} is not a list of keys and values")
    found: dict[str, ContextValue] = {}
    for pair in raw:
        if not isinstance(pair, Mapping) or not isinstance(pair.get("key"), str):
            raise Unreadable(f"its member {member} holds something without a key")
        read = _read(pair.get("value"), depth + 1)
        if read is not ABSENT:
            found[pair["key"]] = read  # type: ignore[assignment]
    return found


def _read(raw: object, depth: int) -> object:
    """The value, or ``ABSENT``."""
    if depth > MAX_DEPTH:
        raise Unreadable("it is nested too deeply")
    if isinstance(raw, str):
        return _text_or_instant(raw)
    if raw is None or isinstance(raw, bool | int | Decimal):
        return raw
    if isinstance(raw, list):
        members = [_read(member, depth + 1) for member in raw]
        return tuple(member for member in members if member is not ABSENT)
    return _typed(raw, depth) if isinstance(raw, Mapping) else ABSENT


def _typed(raw: Mapping[str, object], depth: int) -> object:
    name = str(raw.get("__type", "")).partition(":")[0]
    match name:
        case "Entity":
            return _entity(raw, depth)
        case "EntityReference":
            key = _guid(raw.get("Id"))
            return ABSENT if key is None else Reference(str(raw.get("LogicalName", "")), key)
        case "OptionSetValue" | "BooleanManagedProperty" | "AliasedValue":
            return _read(raw.get("Value"), depth + 1)
        case "Money":
            return _amount(raw.get("Value"))
        case "EntityCollection":
            rows = raw.get("Entities")
            return tuple(_entity(row, depth + 1) for row in rows) if isinstance(rows, list) else ()
        case "OptionSetValueCollection":
            return _read(raw.get("Values", raw.get("Value")), depth + 1)
        case "Guid":
            return _guid(raw.get("__value")) or ABSENT
        case "Decimal" | "Double":
            return _amount(raw.get("__value"))
        case "DateTime" | "String" | "Int32" | "Int64" | "Boolean":
            return _read(raw.get("__value"), depth + 1)
        case "":
            return _untyped(raw, depth)
        case _:
            return ABSENT


def _untyped(raw: Mapping[str, object], depth: int) -> object:
    """Members of a statically typed list carry no type: several choices, for one."""
    if set(raw) == {"Value"}:
        return _read(raw["Value"], depth + 1)
    return _entity(raw, depth) if "Attributes" in raw and "LogicalName" in raw else ABSENT


def _entity(raw: object, depth: int) -> Entity:
    if not isinstance(raw, Mapping):
        raise Unreadable("a row in it is not an object")
    if depth > MAX_DEPTH:
        raise Unreadable("it is nested too deeply")
    values = pairs(raw.get("Attributes"), "Attributes", depth=depth + 1)
    return Entity(str(raw.get("LogicalName", "")), _guid(raw.get("Id")), values)


def _text_or_instant(text: str) -> str | datetime:
    """``/Date(ms±hhmm)/`` counts milliseconds since 1970 in UTC; the offset is for display and changes nothing."""
    found = DATE.match(text)
    if found is None:
        return text
    try:
        return EPOCH + timedelta(milliseconds=int(found.group(1)))
    except OverflowError:
        return text


def _amount(raw: object) -> object:
    if isinstance(raw, int | Decimal) and not isinstance(raw, bool):
        return Decimal(raw)
    return None if raw is None else ABSENT


def _guid(raw: object) -> UUID | None:
    try:
        return UUID(raw) if isinstance(raw, str) else None
    except ValueError:
        return None
