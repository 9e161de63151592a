"""Faults planned by what another process says of them: names of methods, and their arguments as JSON.

``fault`` is the name of a method of ``Faults``, ``EventFaults`` or ``BusFaults``. Arguments go by their names,
durations are seconds.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sandbox.faults import Faults, Hold, Rule
from sandbox.servicebus.fault_points import OPERATIONS
from sandbox.servicebus.faults import BusFault, BusFaults, Where
from sandbox.switches_http import seconds

KINDS: Final = frozenset(
    {"lose_reply", "cut_in_batch", "refuse", "storm", "deadlock", "sql_timeout", "expire_token", "hold", "finish_late"}
)
EVENT_KINDS: Final = frozenset({"delay", "repost", "overtake", "lose", "roll_back"})
BUS_KINDS: Final = frozenset(OPERATIONS)


class Misused(Exception):
    """A request to the sandbox itself that makes no sense: status and reason."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status
        self.reason = reason


class FaultPlans:
    """The faults of one sandbox, those of requests numbered as they were planned."""

    def __init__(self, faults: Faults) -> None:
        self._faults = faults
        self._event_faults: Any = None
        self._events_planned: list[tuple[str, Any]] = []
        self._bus_faults: BusFaults | None = None
        self._names: dict[Rule, str] = {}

    def of_events(self, faults: Any) -> None:
        """Also plan the faults of events (``event_faults.EventFaults``)."""
        self._event_faults = faults

    def of_bus(self, faults: BusFaults) -> None:
        """Also plan the faults of the Service Bus."""
        self._bus_faults = faults

    def plan(self, wanted: Mapping[str, Any]) -> dict[str, Any]:
        """Plan one, and tell how it stands. Raises ``Misused``."""
        given = dict(wanted)
        name = given.pop("fault", None)
        there = KINDS | (EVENT_KINDS if self._event_faults is not None else set())
        there |= BUS_KINDS if self._bus_faults is not None else set()
        if name not in there:
            raise Misused(400, f"fault is to be one of {', '.join(sorted(there))}.")
        if name in BUS_KINDS:
            return _told_of_bus(_planned(name, getattr(self._bus_faults, name), given))
        of_events = name in EVENT_KINDS
        rule = _planned(name, getattr(self._event_faults if of_events else self._faults, name), given)
        if of_events:
            self._events_planned.append((name, rule))
            return _told_of_event(name, rule)
        self._names[rule] = name
        return self._told(self._faults.planned.index(rule) + 1, rule)

    def listed(self) -> list[dict[str, Any]]:
        """All of them; those of events and of the bus come last and have no number."""
        planned = [self._told(number, rule) for number, rule in enumerate(self._faults.planned, 1)]
        of_events = [_told_of_event(name, rule) for name, rule in self._events_planned]
        of_bus = [] if self._bus_faults is None else [_told_of_bus(fault) for fault in self._bus_faults.planned]
        return planned + of_events + of_bus

    def call_off(self) -> None:
        """Plan nothing any more, and let everything go on."""
        self._faults.release_all()
        self._names.clear()
        self._events_planned.clear()
        if self._event_faults is not None:
            self._event_faults.forget()
        if self._bus_faults is not None:
            self._bus_faults.forget()

    def release(self, number: int) -> None:
        """Let a held request go on. Raises ``Misused``."""
        planned = self._faults.planned
        rule = planned[number - 1] if 0 < number <= len(planned) else None
        if not isinstance(rule, Hold):
            raise Misused(404, f"Fault {number} is no held request.")
        rule.release()

    def _told(self, number: int, rule: Rule) -> dict[str, Any]:
        told: dict[str, Any] = {
            "id": number,
            "fault": self._names.get(rule, type(rule).__name__),
            "path": rule.path.pattern,
            "left": rule.left,
            "struck": rule.struck,
            "until": _shown(rule.until),
        }
        return told | ({"reached": rule.reached.is_set()} if isinstance(rule, Hold) else {})


def parameters(plan: Any) -> dict[str, str]:
    """What the method takes, by name; each with the text of its annotation."""
    taken = inspect.signature(plan).parameters.values()
    named = {each.name: str(each.annotation) for each in taken if each.kind is not inspect.Parameter.VAR_KEYWORD}
    where = {name: annotation.__forward_arg__ for name, annotation in Where.__annotations__.items()}
    return named | (where if len(named) < len(taken) else {})


def _told_of_event(name: str, rule: Any) -> dict[str, Any]:
    return {"fault": name, "left": rule.left, "struck": rule.struck}


def _told_of_bus(fault: BusFault) -> dict[str, Any]:
    where = {"entity": fault.entity, "operation": fault.operation}
    return {"fault": fault.kind, **where, "left": fault.left, "struck": fault.struck, "until": _shown(fault.until)}


def _planned(name: str, plan: Any, given: Mapping[str, Any]) -> Any:
    taken = parameters(plan)
    unknown = sorted(given.keys() - taken.keys())
    if unknown:
        raise Misused(400, f"{name} takes no {unknown[0]}; it takes {', '.join(taken)}.")
    try:
        read = {key: _argument(taken[key], key, value) for key, value in given.items()}
        return plan(*(bound := inspect.signature(plan).bind(**read)).args, **bound.kwargs)
    except KeyError as error:
        raise Misused(400, f"{name} does not know {error}.") from None
    except (TypeError, ValueError, re.error) as error:
        raise Misused(400, f"{name}: {error}") from None


def _argument(kind: str, name: str, value: Any) -> Any:
    """A JSON value as the argument of a method, by the text of its annotation. ``ValueError`` where it is none."""
    kind, _, optional = kind.partition(" | ")
    if value is None and optional == "None":
        return None
    if kind == "timedelta":
        return seconds(value)
    if kind == "bool" and isinstance(value, bool):
        return value
    if kind == "float" and isinstance(value, int | float) and not isinstance(value, bool):
        return float(value)
    if kind == "int" and isinstance(value, int) and not isinstance(value, bool) and value >= (name == "times"):
        return value
    if isinstance(value, str):
        if kind == "UUID":
            return UUID(value)
        if kind == "datetime":
            return _instant(value)
        if kind == "str":
            return value.upper() if name == "method" else value
    if kind == "Mapping[str, str]" and isinstance(value, dict) and all(isinstance(one, str) for one in value.values()):
        return value
    raise ValueError(f"{name} can't be {value!r}.")


def _shown(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat()


def _instant(text: str) -> datetime:
    instant = datetime.fromisoformat(text)
    if instant.tzinfo is None:
        raise ValueError(f"{text!r} lacks its offset from UTC; end it with Z.")
    return instant
