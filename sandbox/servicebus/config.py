"""Entities from a file of the shape Microsoft's emulator reads (``Config.json``), with that emulator's defaults."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeVar

from sandbox.servicebus.broker.forwarding import check_forwarding
from sandbox.servicebus.broker.rules import Action, CorrelationFilter, Filter, Rule, SqlFilter
from sandbox.servicebus.broker.settings import QueueSettings, SubscriptionSettings, TopicSettings

Made = TypeVar("Made")
_DURATION = re.compile(r"P(?=.)(?:(\d+)D)?(?:T(?=.)(?:(\d+)H)?(?:(\d+)M)?(?:(\d+(?:\.\d+)?)S)?)?")
_FOREVER = timedelta(days=36500)
"""Nobody waits that long: such a life has no end."""
_DEFAULT_LIFE, _DEFAULT_LOCK, _DEFAULT_WINDOW = timedelta(hours=1), timedelta(minutes=1), timedelta(seconds=20)
_DEFAULT_DELIVERIES = 3
_CORRELATION = ("ContentType", "CorrelationId", "Label", "MessageId", "ReplyTo", "ReplyToSessionId", "SessionId", "To")


class WrongConfig(ValueError):
    """The file describes no entities that the sandbox can make; the sentence names the place."""


@dataclass(frozen=True, slots=True)
class Entities:
    """What a file describes."""

    queues: tuple[QueueSettings, ...]
    topics: tuple[TopicSettings, ...]

    @property
    def names(self) -> list[str]:
        """The names of all queues and topics."""
        return [queue.name for queue in self.queues] + [topic.name for topic in self.topics]

    def beside(self, queues: Iterable[QueueSettings]) -> Entities:
        """These entities, and those of some queues whose names are not taken."""
        taken = {name.lower() for name in self.names}
        more = (queue for queue in queues if queue.name.lower() not in taken)
        return Entities((*self.queues, *more), self.topics)


def read_config(path: Path) -> Entities:
    """The entities a file describes. Raises ``WrongConfig`` for what cannot be read or is not supported."""
    try:
        document = json.loads(path.read_text("utf-8-sig"))
    except OSError as problem:
        raise WrongConfig(f"{path} can't be read: {problem.strerror}.") from problem
    except (UnicodeDecodeError, json.JSONDecodeError, RecursionError) as problem:
        raise WrongConfig(f"{path} is not JSON: {problem}.") from problem
    try:
        return entities_of(document)
    except WrongConfig as problem:
        raise WrongConfig(f"{path}: {problem}") from problem


def entities_of(document: Any) -> Entities:
    """The entities a parsed file describes."""
    user = Section(document, "the file").section("UserConfig")
    namespaces = user.sections("Namespaces")
    if len(namespaces) != 1:
        raise WrongConfig("UserConfig.Namespaces has to hold exactly one namespace.")
    namespace = namespaces[0]
    entities = Entities(
        tuple(_queue(each) for each in namespace.sections("Queues")),
        tuple(_topic(each) for each in namespace.sections("Topics")),
    )
    names = [name.lower() for name in entities.names]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise WrongConfig(f"Two entities are named {twice}.")
    namespace.make(lambda: check_forwarding(entities.queues, entities.topics))
    namespace.done("Name")
    return entities


class Section:
    """One object of the file, which knows its place, and what of it was not asked for."""

    def __init__(self, value: Any, place: str) -> None:
        if not isinstance(value, dict):
            raise WrongConfig(f"{place} is not an object.")
        self.place = place
        self._values = value
        self._asked: set[str] = set()

    def get(self, name: str, kind: type[Made], default: Made) -> Made:
        """A value of a kind, or the default where it is missing or null."""
        self._asked.add(name)
        value = self._values.get(name)
        if value is None:
            return default
        if type(value) is not kind:
            raise WrongConfig(f"{self.place}.{name} cannot be {json.dumps(value)}.")
        return value

    def name(self) -> str:
        """The entity's name, by which the place is called from now on."""
        name = self.get("Name", str, "")
        if not name:
            raise WrongConfig(f"{self.place} has no Name.")
        self.place = f"{self.place} ({name})"
        return name

    def duration(self, name: str, default: timedelta) -> timedelta:
        """An ISO 8601 duration of days, hours, minutes and seconds."""
        text = self.get(name, str, "")
        if not text:
            return default
        match = _DURATION.fullmatch(text)
        if match is None:
            raise WrongConfig(f"{self.place}.{name}: {text!r} is not a duration such as PT1M or P1DT12H.")
        days, hours, minutes, seconds = (float(part or 0) for part in match.groups())
        total = ((days * 24 + hours) * 60 + minutes) * 60 + seconds
        return min(timedelta(seconds=min(total, _FOREVER.total_seconds())), _FOREVER)

    def section(self, name: str) -> Section:
        """An object inside; an empty one where it is missing or null."""
        return Section(self.get(name, dict, {}), name if self.place == "the file" else f"{self.place}.{name}")

    def sections(self, name: str) -> list[Section]:
        """The objects of a list inside."""
        items: list[Any] = self.get(name, list, [])
        return [Section(item, f"{self.place}.{name}[{index}]") for index, item in enumerate(items)]

    def done(self, *known: str) -> None:
        """Refuse what was not asked for: it would be meant to do something, and does not."""
        for name, value in self._values.items():
            if name not in self._asked and name not in known and value:
                raise WrongConfig(f"{self.place}.{name} is not supported by the sandbox.")

    def make(self, maker: Callable[[], Made]) -> Made:
        """Make something; what refuses it is told with the place."""
        try:
            return maker()
        except ValueError as problem:
            raise WrongConfig(f"{self.place}: {problem}") from problem


def _queue(section: Section) -> QueueSettings:
    name, given = section.name(), section.section("Properties")
    window = _window(given)
    made = section.make(
        lambda: QueueSettings(name, duplicate_detection_window=window, **_receiving(given)),
    )
    given.done()
    section.done()
    return made


def _topic(section: Section) -> TopicSettings:
    name, given = section.name(), section.section("Properties")
    window, life = _window(given), _life(given)
    given.done()
    subscriptions = tuple(_subscription(each) for each in section.sections("Subscriptions"))
    section.done()
    return section.make(lambda: TopicSettings(name, subscriptions, window, life))


def _subscription(section: Section) -> SubscriptionSettings:
    name, given = section.name(), section.section("Properties")
    # Without any rule the service adds one that takes everything; so does an empty list.
    rules = tuple(_rule(each) for each in section.sections("Rules")) or None
    made = section.make(lambda: SubscriptionSettings(name, rules, **_receiving(given)))
    given.done()
    section.done()
    return made


def _receiving(given: Section) -> dict[str, Any]:
    return {
        "lock_duration": given.duration("LockDuration", _DEFAULT_LOCK),
        "max_delivery_count": given.get("MaxDeliveryCount", int, _DEFAULT_DELIVERIES),
        "default_ttl": _life(given),
        "dead_letter_expired": given.get("DeadLetteringOnMessageExpiration", bool, False),
        "requires_session": given.get("RequiresSession", bool, False),
        "forward_to": given.get("ForwardTo", str, "") or None,
        "forward_dead_letters_to": given.get("ForwardDeadLetteredMessagesTo", str, "") or None,
    }


def _life(given: Section) -> timedelta | None:
    life = given.duration("DefaultMessageTimeToLive", _DEFAULT_LIFE)
    return None if life >= _FOREVER else life


def _window(given: Section) -> timedelta | None:
    window = given.duration("DuplicateDetectionHistoryTimeWindow", _DEFAULT_WINDOW)
    return window if given.get("RequiresDuplicateDetection", bool, False) else None


def _rule(section: Section) -> Rule:
    name, given = section.name(), section.section("Properties")
    chosen = _filter(given)
    expression = given.section("Action").get("SqlExpression", str, "")
    action = given.make(lambda: Action(expression)) if expression else None
    given.done("SqlFilter", "CorrelationFilter")
    section.done()
    return section.make(lambda: Rule(name, chosen, action))


def _filter(given: Section) -> Filter:
    kind = given.get("FilterType", str, "")
    if kind == "Sql":
        expression = given.section("SqlFilter").get("SqlExpression", str, "")
        return given.make(lambda: SqlFilter(expression))
    if kind == "Correlation":
        asked = given.section("CorrelationFilter")
        system = {name: value for name in _CORRELATION if (value := asked.get(name, str, ""))}
        user: dict[str, Any] = asked.get("Properties", dict, {})
        asked.done()
        return asked.make(lambda: CorrelationFilter(system, user))
    raise WrongConfig(f"{given.place}.FilterType is neither Sql nor Correlation.")
