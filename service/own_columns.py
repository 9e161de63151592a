"""The administrator's profile file: columns of one's own on actuals, each wish with the lines it stands on.

What the file says is read here; whether the environment has these columns is judged by ``service.column_fit``.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from mappings.choices import TransactionClass, TransactionType
from mappings.not_to_exceed import NotToExceed
from mappings.profile import ENTRIES, WRITTEN_TYPES, Source, Tie
from service.not_configured import NotConfigured
from service.settings_files import text_of

SOURCES = {"from_entry": Source.ENTRY, "from_approval": Source.APPROVAL, "constant": Source.CONSTANT}
KEYS = ("actual", *SOURCES, "on", "entries")
TIES = {"line_tasks": ("line", "task"), "unit_cost_lists": ("unit", "price_list")}
"""Tables an environment may have under a name of its own, and what their two columns point to."""
NOT_TO_EXCEED = ("column", "failed")
"""What says of an actual that its not-to-exceed check failed."""
MAY_HAVE = {"line_tasks": ("billing_type",), "unit_cost_lists": ()}
"""What such a table may be told besides."""
_NAME = re.compile(r"[a-z][a-z0-9]*_[a-z0-9_]+")
_HEADER = re.compile(r"\s*\[\s*(\[?)\s*([\w-]+)\s*\]")
_KEY = re.compile(r"""\s*(["']?)([\w-]+)\1\s*=""")


@dataclass(frozen=True, slots=True)
class Place:
    """Where something stands: the file, and the line of each key of one of its tables (``""``: the table itself)."""

    file: Path
    lines: Mapping[str, int]

    def of(self, key: str = "") -> str:
        """The file and the line, for the beginning of a sentence."""
        return f"{self.file}, line {self.lines.get(key, self.lines.get('', 1))}"


@dataclass(frozen=True, slots=True)
class Wish:
    """One column as the file asks for it; ``key`` is the name under which its source stands."""

    place: Place
    actual: str
    key: str
    value: Any
    on: frozenset[TransactionType]
    entries: frozenset[TransactionClass]

    @property
    def source(self) -> Source:
        """Where its value comes from."""
        return SOURCES[self.key]


@dataclass(slots=True)
class OwnFile:
    """A profile file: what it asks for, and what is wrong with it, by line."""

    wishes: list[Wish] = field(default_factory=list)
    ties: dict[str, tuple[Place, Tie]] = field(default_factory=dict)
    not_to_exceed: tuple[Place, NotToExceed] | None = None
    faults: list[str] = field(default_factory=list)


def read(path: Path) -> OwnFile:
    """What the file says. Raises ``NotConfigured`` for one that can't be read as TOML at all."""
    text = text_of(path)
    try:
        given = tomllib.loads(text, parse_float=Decimal)
    except tomllib.TOMLDecodeError as error:
        raise NotConfigured([f"{path} is no TOML file: {error}."]) from error
    places = list(_places(path, text))
    own = OwnFile()
    for name, value in given.items():
        of_name = [place for found, place in places if found == name] or [Place(path, _top(text))]
        if name == "columns" and isinstance(value, list) and all(isinstance(one, dict) for one in value):
            if len(of_name) != len(value):
                of_name = [Place(path, {"": of_name[0].lines.get(name, of_name[0].lines.get("", 1))})] * len(value)
            for place, one in zip(of_name, value, strict=True):
                _column(own, place, one)
        elif name in TIES and isinstance(value, dict):
            _tie(own, of_name[0], name, value)
        elif name == "not_to_exceed" and isinstance(value, dict):
            _not_to_exceed(own, of_name[0], value)
        else:
            known = "`[[columns]]`, `[line_tasks]`, `[unit_cost_lists]` and `[not_to_exceed]`"
            own.faults.append(f"{of_name[0].of(name)}: `{name}` means nothing here; the file holds {known}.")
    return own


def _column(own: OwnFile, place: Place, given: Mapping[str, Any]) -> None:
    """Read one ``[[columns]]``; whatever is wrong with it is added to the faults, and it is left out."""
    before = len(own.faults)

    def fault(key: str, sentence: str) -> None:
        own.faults.append(f"{place.of(key)}: {sentence}")

    for key in given:
        if key not in KEYS:
            fault(key, f"`{key}` means nothing here; a column has {_listed(KEYS)}.")
    on = _words(given, "on", WRITTEN_TYPES, fault)
    entries = _words(given, "entries", ENTRIES, fault)
    actual = given.get("actual")
    if actual is None:
        fault("", "`actual` is missing; it names the column of `msdyn_actual` that is to be filled.")
    elif not isinstance(actual, str) or not _NAME.fullmatch(actual):
        fault(
            "actual", f"`actual` is {actual!r}, which is no logical name of a column of your own, as `new_costcentre`."
        )
    elif actual.startswith("msdyn_"):
        fault("actual", f"`{actual}` is the product's own; only columns with another prefix than msdyn_ may be filled.")
    elif any(wish.actual == actual and wish.on & on and wish.entries & entries for wish in own.wishes):
        fault("actual", f"`{actual}` is filled twice on the same actuals.")
    sources = [key for key in SOURCES if key in given]
    if len(sources) != 1:
        fault(
            sources[1] if sources else "",
            f"it needs one of {_listed(tuple(SOURCES))}, and has {len(sources) or 'none'}.",
        )
    for key in sources:
        value = given[key]
        if key != "constant" and (not isinstance(value, str) or not value):
            fault(key, f"`{key}` is {value!r}; it names a column.")
        if key == "constant" and not isinstance(value, str | int | Decimal | datetime | date):
            fault(key, "`constant` is neither text, nor a number, a yes or no, a day or a moment.")
    if len(own.faults) == before:
        own.wishes.append(Wish(place, str(actual), sources[0], given[sources[0]], on, entries))


def _tie(own: OwnFile, place: Place, name: str, given: Mapping[str, Any]) -> None:
    needed = ("table", *TIES[name])
    keys = (*needed, *MAY_HAVE[name])
    wrong = [
        key
        for key in keys
        if (key in needed or key in given) and (not isinstance(given.get(key), str) or not given[key])
    ]
    own.faults += [f"{place.of(key)}: `{key}` of `[{name}]` is missing or no name." for key in wrong]
    strangers = [key for key in given if key not in keys]
    own.faults += [f"{place.of(key)}: `{key}` means nothing here; `[{name}]` has {_listed(keys)}." for key in strangers]
    if not wrong and not strangers:
        left, right = TIES[name]
        own.ties[name] = (place, Tie(given["table"], given[left], given[right], given.get("billing_type")))


def _not_to_exceed(own: OwnFile, place: Place, given: Mapping[str, Any]) -> None:
    """Read ``[not_to_exceed]``, the product's own column or another."""
    before, (column, failed) = len(own.faults), (given.get(key) for key in NOT_TO_EXCEED)
    if not isinstance(column, str) or not _NAME.fullmatch(column):
        own.faults.append(f"{place.of('column')}: `column` of `[not_to_exceed]` is missing or no logical name.")
    if not isinstance(failed, int) or isinstance(failed, bool):
        own.faults.append(f"{place.of('failed')}: `failed` of `[not_to_exceed]` is missing or no number of a choice.")
    own.faults += [
        f"{place.of(key)}: `{key}` means nothing here; `[not_to_exceed]` has {_listed(NOT_TO_EXCEED)}."
        for key in given
        if key not in NOT_TO_EXCEED
    ]
    if len(own.faults) == before:
        own.not_to_exceed = (place, NotToExceed(str(column), int(str(failed))))


def _words(
    given: Mapping[str, Any], key: str, known: Mapping[str, Any], fault: Callable[[str, str], None]
) -> frozenset[Any]:
    """What the words of a list stand for; a list that was left out means all of them."""
    words = given.get(key, list(known))
    if not isinstance(words, list) or not words or not all(isinstance(word, str) and word in known for word in words):
        fault(key, f"`{key}` is {words!r}; it lists one or more of {_listed(tuple(known))}.")
        return frozenset()
    return frozenset(known[word] for word in words)


def _listed(words: tuple[str, ...]) -> str:
    return ", ".join(f"`{word}`" for word in words)


def _places(path: Path, text: str) -> Iterator[tuple[str, Place]]:
    """Every table of the file with the lines of its keys, in order: the TOML reader itself tells no lines."""
    name, lines = "", dict[str, int]()
    for number, line in enumerate(text.splitlines(), start=1):
        if header := _HEADER.match(line):
            if name:
                yield name, Place(path, lines)
            name, lines = header[2], {"": number}
        elif key := _KEY.match(line):
            lines.setdefault(key[2], number)
    if name:
        yield name, Place(path, lines)


def _top(text: str) -> dict[str, int]:
    """The lines of the keys that stand before any table."""
    lines = {"": 1}
    for number, line in enumerate(text.splitlines(), start=1):
        if _HEADER.match(line):
            break
        if key := _KEY.match(line):
            lines.setdefault(key[2], number)
    return lines
