"""What a rule may look at in a message: system properties by their names in filters, and the sender's own."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from sandbox.servicebus.broker.message import Content

SYSTEM = (
    "ContentType",
    "CorrelationId",
    "Label",
    "MessageId",
    "PartitionKey",
    "ReplyTo",
    "ReplyToSessionId",
    "SessionId",
    "To",
)
"""The system properties a rule may name; all are text."""
_ALIASES = {"subject": "label"}
_KNOWN = {name.lower() for name in SYSTEM}


def system_name(name: str) -> str | None:
    """The system property of this name, in lower case; None if a rule cannot name it."""
    lowered = _ALIASES.get(name.lower(), name.lower())
    return lowered if lowered in _KNOWN else None


@dataclass(frozen=True, slots=True)
class Properties:
    """System properties by lower-case name, left out where not set, and user properties as they were sent."""

    system: Mapping[str, str]
    user: Mapping[str, Any]
    _lowered: dict[str, str] = field(init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_lowered", {name.lower(): name for name in self.user})

    def spelled(self, name: str) -> str | None:
        """The user property of this name as its sender spelled it; names are the same however capitalised."""
        return name if name in self.user else self._lowered.get(name.lower())

    def of_user(self, name: str) -> Any:
        """A user property's value; None where there is none."""
        spelled = self.spelled(name)
        return None if spelled is None else self.user[spelled]


class Reader(Protocol):
    """Who can read the content of messages, which the broker itself only carries."""

    def read(self, content: Content) -> Properties:
        """The properties of a message; raises ``Unreadable``."""

    def write(self, content: Content, properties: Properties) -> Content:
        """The same message with other properties."""


Evaluate = Callable[[Properties], Any]
"""A piece of a filter, ready to be asked about one message; None is SQL's unknown."""


class FilterError(Exception):
    """A rule cannot be applied to this message: what it compares or computes does not go together."""
