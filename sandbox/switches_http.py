"""Switches as JSON: shown by name, and moved by values of the kind they hold; durations are seconds."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from datetime import timedelta
from decimal import Decimal
from enum import Enum
from typing import Any
from uuid import UUID

from sandbox.dataverse.limits.costs import PRESETS, CostModel


class NoSuchSetting(Exception):
    """A switch that is not there, or a value it cannot take."""


class Board:
    """Switches by name; those of a part of the sandbox stand in a section of its own."""

    def __init__(self, switches: Any) -> None:
        self._switches = switches
        self._sections: dict[str, tuple[Any, tuple[str, ...]]] = {}

    def section(self, name: str, switches: Any, *fields: str) -> None:
        """Add a part's switches: a dataclass, or the named attributes of an object."""
        self._sections[name] = switches, fields or _fields(switches)

    def state(self) -> dict[str, Any]:
        """All of them."""
        sections = {name: _state(*section) for name, section in self._sections.items()}
        return _state(self._switches, _fields(self._switches)) | sections

    def move(self, wanted: Mapping[str, Any]) -> None:
        """Set some of them; ``NoSuchSetting``, and nothing is moved, where one makes no sense."""
        plain = {name: value for name, value in wanted.items() if name not in self._sections}
        moves = _moves(self._switches, _fields(self._switches), plain)
        for name, (switches, fields) in self._sections.items():
            moves += _moves(switches, fields, wanted.get(name, {}))
        for target, name, value in moves:
            setattr(target, name, value)


def seconds(value: Any) -> timedelta:
    """A duration."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise NoSuchSetting(f"{value!r} is no number of seconds.")
    return timedelta(seconds=value)


def _fields(switches: Any) -> tuple[str, ...]:
    return tuple(field.name for field in dataclasses.fields(switches))


def _moves(target: Any, fields: tuple[str, ...], wanted: Any) -> list[tuple[Any, str, Any]]:
    if not isinstance(wanted, Mapping):
        raise NoSuchSetting(f"{wanted!r} is no object of switches.")
    moves: list[tuple[Any, str, Any]] = []
    for name, value in wanted.items():
        now = getattr(target, name) if name in fields else None
        if dataclasses.is_dataclass(now) and not isinstance(now, CostModel):
            moves += _moves(now, _fields(now), value)
        else:
            moves.append((target, name, _value(name, now, value)))
    return moves


def _value(name: str, now: Any, value: Any) -> Any:
    """The value as the switch keeps it."""
    if isinstance(now, timedelta):
        return seconds(value)
    if isinstance(now, CostModel) and value in PRESETS:
        return PRESETS[value]
    if isinstance(now, bool | int) and type(now) is type(value):
        return value
    try:
        if isinstance(now, Enum):
            return type(now)(value)
        if isinstance(now, dict):
            return {UUID(key): str(entry) for key, entry in value.items()}
    except (ValueError, AttributeError):
        pass
    raise NoSuchSetting(f"{name} is no switch that can be set to {value!r}.")


def _state(switches: Any, fields: tuple[str, ...]) -> dict[str, Any]:
    return {name: _shown(getattr(switches, name)) for name in fields}


def _shown(value: Any) -> Any:
    if isinstance(value, CostModel):
        return value.name
    if isinstance(value, timedelta):
        return Decimal(value // timedelta(milliseconds=1)) / 1000
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, dict):
        return {str(key): entry for key, entry in value.items()}
    return _state(value, _fields(value)) if dataclasses.is_dataclass(value) else value
