"""Switches as JSON: shown by name, and moved by values of the kind they hold; durations are seconds."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from datetime import timedelta
from decimal import Decimal
from enum import Enum
from typing import Any, Protocol
from uuid import UUID

from sandbox.dataverse.limits.costs import PRESETS, CostModel

Move = Callable[[], None]


class NoSuchSetting(ValueError):
    """A switch that is not there, or a value it cannot take."""


class Section(Protocol):
    """The switches of one part of the sandbox."""

    def state(self) -> Any:
        """All of them, as JSON."""
        ...

    def moves(self, wanted: Any) -> list[Move]:
        """What moving some of them takes; ``NoSuchSetting`` where one makes no sense."""
        ...


class Attributes:
    """Switches that are the fields of a dataclass, or the named attributes of an object.

    ``durations``: attributes that hold a duration for each of several names.
    """

    def __init__(self, switches: Any, *fields: str, durations: tuple[str, ...] = ()) -> None:
        self._switches = switches
        self._fields = fields or _fields(switches)
        self._durations = durations

    def state(self) -> Any:
        """All of them, as JSON."""
        return {name: _shown(getattr(self._switches, name)) for name in (*self._fields, *self._durations)}

    def moves(self, wanted: Any) -> list[Move]:
        """What moving some of them takes."""
        if not isinstance(wanted, Mapping):
            raise NoSuchSetting(f"{wanted!r} is no object of switches.")
        moves: list[Move] = []
        for name, value in wanted.items():
            now = getattr(self._switches, name) if name in self._fields else None
            if name in self._durations:
                moves.append(self._to(name, _durations(name, value)))
            elif dataclasses.is_dataclass(now) and not isinstance(now, CostModel):
                moves += Attributes(now).moves(value)
            else:
                moves.append(self._to(name, _value(name, now, value)))
        return moves

    def _to(self, name: str, value: Any) -> Move:
        return lambda: setattr(self._switches, name, value)


class Board:
    """Switches by name; those of a part of the sandbox stand in a section of its own."""

    def __init__(self, switches: Any) -> None:
        self._general = Attributes(switches)
        self._sections: dict[str, Section] = {}

    def section(self, name: str, section: Section) -> None:
        """Add a part's switches."""
        self._sections[name] = section

    def state(self) -> dict[str, Any]:
        """All of them."""
        general: dict[str, Any] = self._general.state()
        return general | {name: section.state() for name, section in self._sections.items()}

    def move(self, wanted: Mapping[str, Any]) -> None:
        """Set some of them; ``NoSuchSetting``, and nothing is moved, where one makes no sense."""
        moves = self._general.moves({name: value for name, value in wanted.items() if name not in self._sections})
        for name, section in self._sections.items():
            moves += section.moves(wanted.get(name, {}))
        for move in moves:
            move()


def seconds(value: Any) -> timedelta:
    """A duration of not less than nothing."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not value >= 0:
        raise NoSuchSetting(f"{value!r} is no number of seconds that can pass.")
    try:
        return timedelta(seconds=value)
    except OverflowError:
        raise NoSuchSetting(f"{value!r} seconds are too many.") from None


def _durations(name: str, value: Any) -> dict[str, timedelta]:
    if not isinstance(value, Mapping):
        raise NoSuchSetting(f"{name} is no switch that can be set to {value!r}.")
    return {str(key): seconds(entry) for key, entry in value.items()}


def _fields(switches: Any) -> tuple[str, ...]:
    return tuple(field.name for field in dataclasses.fields(switches))


def _value(name: str, now: Any, value: Any) -> Any:
    """The value as the switch keeps it."""
    if isinstance(now, timedelta):
        return seconds(value)
    if isinstance(now, CostModel) and isinstance(value, str) and value in PRESETS:
        return PRESETS[value]
    if isinstance(now, bool | int) and type(now) is type(value) and value >= 0:
        return value
    try:
        if isinstance(now, Enum):
            return type(now)(value)
        if isinstance(now, dict):
            return {UUID(key): str(entry) for key, entry in value.items()}
    except (ValueError, AttributeError):
        pass
    raise NoSuchSetting(f"{name} is no switch that can be set to {value!r}.")


def _shown(value: Any) -> Any:
    if isinstance(value, CostModel):
        return value.name
    if isinstance(value, timedelta):
        return Decimal(value // timedelta(milliseconds=1)) / 1000
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, Mapping):
        return {str(key): _shown(entry) for key, entry in value.items()}
    return Attributes(value).state() if dataclasses.is_dataclass(value) else value
