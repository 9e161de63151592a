"""A filter's text, cut into tokens."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from uuid import UUID

from sandbox.dataverse.refusals import bad_query


class EnumName(str):
    """A value of an enumeration (``Microsoft.Dynamics.CRM.AttributeTypeCode'Money'``); only metadata has them."""

    __slots__ = ()


Literal = str | int | Decimal | bool | UUID | datetime | date | None

_PATTERN = re.compile(
    r"(?P<space>\s+)"
    r"|(?P<guid>[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}(?![\w-]))"
    r"|(?P<datetime>\d{4}-\d\d-\d\dT\d\d:\d\d(?::\d\d(?:\.\d{1,7})?)?(?:Z|[+-]\d\d:\d\d))"
    r"|(?P<date>\d{4}-\d\d-\d\d(?![\w-]))"
    r"|(?P<number>-?\d+(?:\.\d+)?(?![\w-]))"
    r"|(?P<string>'(?:[^']|'')*')"
    r'|(?P<quoted>"(?:[^"\\]|\\.)*")'
    r"|(?P<enum>[A-Za-z_][\w.]*'(?:[^']|'')*')"
    r"|(?P<name>@?[A-Za-z_][\w.]*)"
    r"|(?P<mark>[(),/=:\[\]])"
)


@dataclass(frozen=True, slots=True)
class Token:
    """One token: its ``kind``, text, value and position.

    Kinds: name, mark, literal, quoted (a JSON string, allowed inside ``[…]`` only) and end.
    """

    kind: str
    text: str
    value: Literal
    at: int


def tokenize(text: str) -> list[Token]:
    """All tokens of ``text``, ended by one of kind ``end``; anything unknown is refused with its position."""
    tokens: list[Token] = []
    at = 0
    while at < len(text):
        match = _PATTERN.match(text, at)
        if match is None:
            raise bad_query(f"Syntax error: character '{text[at]}' is not valid at position {at} in '{text}'.")
        kind = match.lastgroup or ""
        if kind != "space":
            tokens.append(_token(kind, match.group(), at, text))
        at = match.end()
    tokens.append(Token("end", "", None, at))
    return tokens


def _token(kind: str, word: str, at: int, text: str) -> Token:
    if kind == "mark":
        return Token(kind, word, None, at)
    if kind == "quoted":
        return Token(kind, word, _json_string(word, at, text), at)
    if kind == "name":
        if word in ("true", "false"):
            return Token("literal", word, word == "true", at)
        return Token("literal", word, None, at) if word == "null" else Token(kind, word, None, at)
    try:
        return Token("literal", word, _value(kind, word), at)
    except ValueError:
        raise bad_query(f"Unrecognized '{word}' literal '{word}' at '{at}' in '{text}'.") from None


def _json_string(word: str, at: int, text: str) -> str:
    try:
        return str(json.loads(word))
    except ValueError:
        raise bad_query(f"Unrecognized string literal '{word}' at '{at}' in '{text}'.") from None


def _value(kind: str, word: str) -> Literal:
    if kind == "guid":
        return UUID(word)
    if kind == "datetime":
        whole, fraction, zone = re.match(r"([^.Z+]{16,19}?)(\.\d+)?(Z|[+-]\d\d:\d\d)$", word).groups()  # type: ignore[union-attr]
        moment = datetime.fromisoformat(f"{whole}{(fraction or '')[:7]}{zone}")
        return moment.astimezone(UTC)
    if kind == "date":
        return date.fromisoformat(word)
    if kind == "number":
        return Decimal(word) if "." in word else int(word)
    if kind == "enum":
        return EnumName(word.partition("'")[2][:-1])
    return word[1:-1].replace("''", "'")
