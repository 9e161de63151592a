"""A dead letter as a test fixture: its shape and its structure, without names, texts, amounts and ids of anybody."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid5

from connector.inbox import ATTEMPT, TURN
from connector.replays import REPLAY
from service.dead_letters.letters import Letter

PLACE = UUID("3f0f0b62-5b0f-4f0c-8e3d-5a4d0c6f7b10")
"""The namespace of the ids that stand in for the real ones: the same id is replaced by the same."""
TEXT, NUMBER = "text", 1
AS_IT_IS = frozenset(
    {
        "MessageName",
        "PrimaryEntityName",
        "SecondaryEntityName",
        "LogicalName",
        "__type",
        "key",
        "kind",
        "backlog",
        "table",
        "due",
        "dated_from",
        "dated_to",
        "classes",
        "statuses",
        "Mode",
        "Stage",
        "Depth",
        "IsolationMode",
        "version",
    }
)
"""Members whose values are words and numbers of the product, or of the contract of our messages."""
PROPERTIES = re.compile(r"MessageMaxSizeExceeded|.*/xrm/2011/Claims/(Entity|Request)LogicalName")
"""Properties whose values are such words, too."""
COUNTERS = frozenset({ATTEMPT, TURN, REPLAY})
"""Properties that count; whatever else ours hold may be what a sender made up."""
_ID = re.compile(r"\{?[0-9a-fA-F]{8}-?([0-9a-fA-F]{4}-?){3}[0-9a-fA-F]{12}\}?")
_DATE = re.compile(r"/Date\(-?\d+([+-]\d{4})?\)/")
_CHOICE = "OptionSetValue"
_WORD = re.compile(r"[\w.:#/-]{1,200}", re.ASCII)
_FIGURE = re.compile(r"-?\d+(\.\d+)?")


class NotScrubbed(ValueError):
    """What can't be read can't be told to hold no name; the message says so."""


@dataclass(frozen=True, slots=True)
class Scrubber:
    """``salt`` keeps ids from being found by trying: a new one for each export, the same for all letters of it."""

    salt: UUID

    def fixture(self, letter: Letter) -> dict[str, object]:
        """It as JSON takes it. Raises ``NotScrubbed``."""
        envelope = letter.put_aside.envelope
        try:
            body = json.loads(envelope.body)
        except (ValueError, RecursionError) as error:
            raise NotScrubbed(f"{letter.name} is no JSON, so nobody can tell what names it holds.") from error
        if not isinstance(body, dict):
            raise NotScrubbed(f"{letter.name} is no JSON object, so nobody can tell what names it holds.")
        return {
            "code": letter.code,
            "kind": letter.kind,
            "content_type": envelope.content_type,
            "properties": {name: self._property(name, value) for name, value in envelope.properties.items()},
            "body": self._object(body),
        }

    def _property(self, name: str, value: object) -> object:
        if name in ("DeadLetterReason",):
            return value
        if name in COUNTERS and isinstance(value, int):
            return value
        if PROPERTIES.fullmatch(name) and not (isinstance(value, str) and _ID.fullmatch(value)):
            return value
        return self._value(value if isinstance(value, str | bool | int | float) else str(value))

    def _object(self, told: Mapping[str, Any]) -> dict[str, object]:
        is_choice = _CHOICE in str(told.get("__type", ""))
        return {
            self._name(name): value if _stays(name, value, is_choice=is_choice) else self._value(value)
            for name, value in told.items()
        }

    def _name(self, name: str) -> str:
        return self._id(name) if _ID.fullmatch(name) else name

    def _value(self, value: object) -> object:
        match value:
            case dict():
                return self._object(value)
            case list():
                return [self._value(one) for one in value]
            case bool() | None:
                return value
            case int() | float():
                return NUMBER
            case str():
                return self._text(value)
            case _:
                return TEXT

    def _text(self, text: str) -> str:
        if not text or _DATE.fullmatch(text):
            return text
        if _FIGURE.fullmatch(text):
            return str(NUMBER)
        return self._id(text) if _ID.fullmatch(text) else TEXT

    def _id(self, text: str) -> str:
        id = UUID(text.strip("{}"))
        # That there is none tells something, and is nobody's.
        return text if id.int == 0 else str(uuid5(PLACE, f"{self.salt}/{id}"))


def _stays(name: str, value: object, *, is_choice: bool) -> bool:
    if isinstance(value, list):
        return name in AS_IT_IS and all(isinstance(one, str) and _is_word(one) for one in value)
    if isinstance(value, str):
        return name in AS_IT_IS and _is_word(value)
    return not isinstance(value, dict) and (name in AS_IT_IS or (is_choice and name == "Value"))


def _is_word(text: str) -> bool:
    """A word of a program: no blank in it, and no id."""
    return _WORD.fullmatch(text) is not None and _ID.fullmatch(text) is None
