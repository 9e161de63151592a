"""Rules: which messages of a topic a subscription takes, and what changes in them on the way."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from sandbox.servicebus.broker.properties import Evaluate, Properties, system_name
from sandbox.servicebus.broker.sql.action import Change, parse_action
from sandbox.servicebus.broker.sql.operators import is_number
from sandbox.servicebus.broker.sql.parser import Parser

DEFAULT_RULE = "$Default"


@dataclass(frozen=True, slots=True)
class TrueFilter:
    """Every message."""

    def takes(self, message: Properties) -> bool:
        """True."""
        return True


@dataclass(frozen=True, slots=True)
class FalseFilter:
    """No message."""

    def takes(self, message: Properties) -> bool:
        """False."""
        return False


@dataclass(frozen=True, slots=True)
class CorrelationFilter:
    """Messages whose properties have exactly these values: ``system`` by name, ``user`` as the sender spells them."""

    system: Mapping[str, str] = field(default_factory=dict)
    user: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not self.system and not self.user:
            raise ValueError("A correlation filter needs at least one condition.")
        for name in self.system:
            if system_name(name) is None:
                raise ValueError(f"A correlation filter cannot ask for {name}.")

    def takes(self, message: Properties) -> bool:
        """Whether all conditions hold."""
        return all(message.system.get(system_name(name) or "") == value for name, value in self.system.items()) and all(
            name in message.user and _same(message.user[name], value) for name, value in self.user.items()
        )


@dataclass(frozen=True, slots=True)
class SqlFilter:
    """Messages of which a condition in SQL is true; raises ``SqlError`` where it makes no sense."""

    expression: str
    _evaluate: Evaluate = field(init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_evaluate", Parser(self.expression).filter())

    def takes(self, message: Properties) -> bool:
        """Whether it is true, neither false nor unknown; raises ``FilterError`` where values don't go together."""
        return self._evaluate(message) is True


Filter = TrueFilter | FalseFilter | CorrelationFilter | SqlFilter


@dataclass(frozen=True, slots=True)
class Action:
    """SET and REMOVE statements in SQL; raises ``SqlError`` where they make no sense."""

    expression: str
    _change: Change = field(init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_change", parse_action(self.expression))

    def applied(self, message: Properties) -> Properties:
        """The properties afterwards; raises ``FilterError``."""
        return self._change(message)


@dataclass(frozen=True, slots=True)
class Rule:
    """A named filter, and what to change in the messages it takes."""

    name: str
    filter: Filter
    action: Action | None = None

    def __post_init__(self) -> None:
        if not self.name or "/" in self.name:
            raise ValueError(f"{self.name!r} cannot be the name of a rule.")


@dataclass(frozen=True, slots=True)
class KeptRules:
    """The rules of a subscription that clients have changed, and those it was set up with at that time."""

    current: tuple[Rule, ...]
    given: tuple[Rule, ...]


def copies(rules: Iterable[Rule], message: Properties) -> list[Properties]:
    """What becomes of a message: one copy for all rules without an action together, and one for each with one.

    Raises ``FilterError``.
    """
    taken = [rule for rule in rules if rule.filter.takes(message)]
    plain = [message] if any(rule.action is None for rule in taken) else []
    return plain + [rule.action.applied(message) for rule in taken if rule.action is not None]


def _same(value: Any, wanted: Any) -> bool:
    if is_number(value) and is_number(wanted):
        return bool(value == wanted)
    return any(isinstance(value, kind) and isinstance(wanted, kind) and value == wanted for kind in (str, bool, UUID))
