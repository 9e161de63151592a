"""The words a filter or action is made of."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any

KEYWORDS = frozenset(
    {"AND", "OR", "NOT", "IS", "NULL", "IN", "LIKE", "ESCAPE", "EXISTS", "TRUE", "FALSE", "SET", "REMOVE"}
)
_LONGEST = 1024
_LARGEST = 2**63 - 1
_TOKEN = re.compile(
    r"""
      (?P<space>\s+)
    | (?P<float>\d+\.\d*(?:[eE][+-]?\d+)?|\.\d+(?:[eE][+-]?\d+)?|\d+[eE][+-]?\d+)
    | (?P<integer>\d+)
    | (?P<text>'(?:[^']|'')*')
    | (?P<brackets>\[(?:[^\]]|\]\])*\])
    | (?P<quoted>"(?:[^"]|"")*")
    | (?P<word>[^\W\d_]\w*)
    | (?P<parameter>@\w+)
    | (?P<symbol><>|!=|>=|<=|[=<>+\-*/%(),.;])
    """,
    re.VERBOSE,
)


class SqlError(ValueError):
    """The text is no filter or action that is supported; the sentence says where and why."""


class Kind(Enum):
    """What sort of word it is."""

    NUMBER = auto()
    TEXT = auto()
    NAME = auto()
    QUOTED = auto()
    KEYWORD = auto()
    SYMBOL = auto()
    END = auto()


@dataclass(frozen=True, slots=True)
class Token:
    """One word: keywords in capitals, names and texts without their quotes, numbers as such."""

    kind: Kind
    value: Any
    position: int

    def is_(self, *values: str) -> bool:
        """Whether it is one of these keywords or symbols."""
        return self.kind in (Kind.KEYWORD, Kind.SYMBOL) and self.value in values


def tokens_of(text: str) -> list[Token]:
    """All words of a text, and the end."""
    if len(text) > _LONGEST:
        raise SqlError(f"An expression must have at most {_LONGEST} characters.")
    if any("\ud800" <= character <= "\udfff" for character in text):
        raise SqlError("An expression holds half a character, which no message can carry.")
    found: list[Token] = []
    position = 0
    while position < len(text):
        match = _TOKEN.match(text, position)
        if match is None:
            raise SqlError(f"{text[position]!r} at position {position + 1} is not understood.")
        if match.lastgroup != "space":
            found.append(_token(str(match.lastgroup), match.group(), position))
        position = match.end()
    found.append(Token(Kind.END, "the end", position))
    return found


def _token(group: str, raw: str, position: int) -> Token:
    match group:
        case "float":
            return Token(Kind.NUMBER, float(raw), position)
        case "integer":
            if int(raw) > _LARGEST:
                raise SqlError(f"{raw} is larger than a number may be.")
            return Token(Kind.NUMBER, int(raw), position)
        case "text":
            return Token(Kind.TEXT, raw[1:-1].replace("''", "'"), position)
        case "brackets":
            return Token(Kind.QUOTED, raw[1:-1].replace("]]", "]"), position)
        case "quoted":
            return Token(Kind.QUOTED, raw[1:-1].replace('""', '"'), position)
        case "parameter":
            raise SqlError(f"The parameter {raw} has no value; parameters are not supported by the sandbox.")
        case "word" if raw.upper() in KEYWORDS:
            return Token(Kind.KEYWORD, raw.upper(), position)
        case "word":
            return Token(Kind.NAME, raw, position)
        case _:
            return Token(Kind.SYMBOL, raw, position)
