"""What the operators of a filter do: as in C#, and with None for SQL's unknown."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from typing import Any
from uuid import UUID

from sandbox.servicebus.broker.properties import FilterError

_ORDERED: dict[str, Callable[[Any, Any], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
_ARITHMETIC: dict[str, Callable[[Any, Any], Any]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
}
_LONGEST = 32767
_SMALLEST, _LARGEST = -(2**63), 2**63 - 1


def is_number(value: Any) -> bool:
    """Whether it is a number; true and false are none."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def compare(sign: str, left: Any, right: Any) -> bool | None:
    """One of = <> != < <= > >=; unknown if either side is."""
    if left is None or right is None:
        return None
    if sign in ("=", "<>", "!="):
        return _equal(left, right) is (sign == "=")
    if is_number(left) and is_number(right):
        return _ORDERED[sign](left, right)
    raise FilterError(f"{_name(left)} and {_name(right)} cannot be compared with {sign}.")


def calculate(sign: str, left: Any, right: Any) -> Any:
    """One of + - * / %; unknown if either side is. Texts are put together by +."""
    if left is None or right is None:
        return None
    if sign == "+" and isinstance(left, str) and isinstance(right, str):
        if len(left) + len(right) > _LONGEST:
            raise FilterError(f"A text can have at most {_LONGEST} characters.")
        return left + right
    if not (is_number(left) and is_number(right)):
        raise FilterError(f"{_name(left)} and {_name(right)} cannot be combined by {sign}.")
    if sign in _ARITHMETIC:
        return _bounded(_ARITHMETIC[sign](left, right))
    if isinstance(left, int) and isinstance(right, int):
        if right == 0:
            raise FilterError("A number cannot be divided by zero.")
        # Towards zero, as in C#.
        quotient = abs(left) // abs(right) * (1 if (left < 0) == (right < 0) else -1)
        return quotient if sign == "/" else left - quotient * right
    return _real_division(sign, float(left), float(right))


def negate(value: Any) -> Any:
    """The number with its sign changed; unknown stays unknown."""
    if value is None:
        return None
    if not is_number(value):
        raise FilterError(f"{_name(value)} has no sign.")
    return _bounded(-value)


def both(left: bool | None, ask_right: Callable[[], bool | None]) -> bool | None:
    """AND; the right side is asked only where the left does not decide."""
    if left is False:
        return False
    right = ask_right()
    return None if left is None and right is True else right


def either(left: bool | None, ask_right: Callable[[], bool | None]) -> bool | None:
    """OR; the right side is asked only where the left does not decide."""
    if left is True:
        return True
    right = ask_right()
    return None if left is None and right is False else right


def opposite(value: bool | None) -> bool | None:
    """NOT."""
    return None if value is None else not value


def among(value: Any, choices: Iterable[Any]) -> bool | None:
    """IN; what stands behind the first that equals the value is not asked."""
    if value is None:
        return None
    unknown = False
    for choice in choices:
        answer = compare("=", value, choice)
        if answer:
            return True
        unknown = unknown or answer is None
    return None if unknown else False


def like(value: Any, pattern: Any, escape: Any) -> bool | None:
    """LIKE: % for any text, _ for any character, unless the escape character stands before them."""
    if value is None or pattern is None:
        return None
    if not isinstance(value, str) or not isinstance(pattern, str):
        raise FilterError(f"LIKE needs texts, not {_name(value)} and {_name(pattern)}.")
    if escape is not None and (not isinstance(escape, str) or len(escape) != 1):
        raise FilterError("What follows ESCAPE is not one character.")
    return _matches(value, _pieces(pattern, escape))


@lru_cache(maxsize=256)
def _pieces(pattern: str, escape: str | None) -> tuple[str | None, ...]:
    """The pattern's characters; "" stands for any one, None for any text."""
    pieces: list[str | None] = []
    characters = iter(pattern)
    for character in characters:
        if character == escape:
            pieces.append(next(characters, character))
        else:
            pieces.append({"%": None, "_": ""}.get(character, character))
    return tuple(pieces)


def _matches(text: str, pieces: Sequence[str | None]) -> bool:
    """Wildcards by going back to the last % only, so that no pattern takes long on any text."""
    at, piece, last, resume = 0, 0, -1, 0
    while at < len(text):
        if piece < len(pieces) and pieces[piece] is None:
            last, resume = piece, at
            piece += 1
        elif piece < len(pieces) and pieces[piece] in ("", text[at]):
            at, piece = at + 1, piece + 1
        elif last >= 0:
            resume += 1
            at, piece = resume, last + 1
        else:
            return False
    return all(each is None for each in pieces[piece:])


def _equal(left: Any, right: Any) -> bool:
    if is_number(left) and is_number(right):
        return bool(left == right)
    for kind in (str, bool, UUID):
        if isinstance(left, kind) and isinstance(right, kind):
            return bool(left == right)
    raise FilterError(f"{_name(left)} and {_name(right)} cannot be compared.")


def _real_division(sign: str, left: float, right: float) -> float:
    if sign == "%":
        return math.nan if right == 0 or math.isinf(left) else math.fmod(left, right)
    if right == 0:
        return math.nan if left == 0 or math.isnan(left) else math.copysign(math.inf, left)
    return left / right


def _bounded(value: Any) -> Any:
    if isinstance(value, int) and not _SMALLEST <= value <= _LARGEST:
        raise FilterError("The result is larger than a number may be.")
    return value


def _name(value: Any) -> str:
    kinds = ((bool, "a boolean"), (int, "a number"), (float, "a number"), (str, "a text"), (UUID, "a GUID"))
    return next((name for kind, name in kinds if isinstance(value, kind)), "something else")
