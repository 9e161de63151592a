"""One part of what is looked at: how it stands, in a sentence, and what to type where it needs a person."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from connector.errors import ConnectorError, Misconfigured
from mappings.refusal import Refusal
from mappings.tables import Ref

FEW = 5
"""Rows that are named; the command that is told shows all of them."""
MAY_NOT = frozenset({"missing-privilege", "forbidden", "unknown-table", "unknown-column", "unknown-name", "not-found"})
"""Refusals that say that this user may not see something, or that this version of the product has no such thing."""

UNREADABLE = (TypeError, ValueError, LookupError, ArithmeticError, Refusal)
"""What reading rows raises that are other than this version knows; nothing else is hidden by it."""


class State(StrEnum):
    """How a part stands."""

    OK = "ok"
    ATTENTION = "attention"
    """It needs a person."""
    NOT_SEEN = "not seen"
    """It can't be looked at from here, or this user may not; nothing is claimed."""
    NO_ANSWER = "no answer"
    """Nobody answered; look again."""


@dataclass(frozen=True, slots=True)
class Named:
    """A row that is told of, by a name people know, with what is said of it where there is something."""

    row: Ref
    name: str
    why: str = ""


@dataclass(frozen=True, slots=True)
class Part:
    """What was found. ``key`` is stable.

    ``next``: what to type. ``count``: how many it concerns, ``is_more`` where there may be more. ``oldest``: since
    when. ``rows``: the first few. ``figures``: what else was counted, by stable names. ``is_refused``: it needs a
    person because looking was refused, so that nothing is known of what it would have told.
    """

    key: str
    state: State
    sentence: str
    next: str = ""
    count: int | None = None
    is_more: bool = False
    oldest: datetime | None = None
    rows: tuple[Named, ...] = ()
    figures: Mapping[str, object] = field(default_factory=dict)
    is_refused: bool = False


Look = Callable[[], Iterable[Part]]
Remedies = Callable[[str], str]


def looked(keys: Sequence[str], look: Look, remedies: Remedies, *, is_optional: bool = False) -> list[Part]:
    """What looking brought. A failure to look is told under every key, and hides no other part.

    ``is_optional``: the service works without seeing it, so that a missing right is no fault. ``remedies`` gives the
    remedy for a failure's code.
    """
    try:
        return list(look())
    except UNREADABLE as error:
        sentence = f"What was answered can't be read ({type(error).__name__}: {error})."
        return [Part(key, State.NO_ANSWER, sentence) for key in keys]
    except ConnectorError as error:
        state, sentence = State.NO_ANSWER, f"{error.sentence} ({error.code})"
        if isinstance(error, Misconfigured):
            state = State.NOT_SEEN if is_optional and error.code in MAY_NOT else State.ATTENTION
        is_refused = state is State.ATTENTION
        return [Part(key, state, sentence, remedies(error.code), is_refused=is_refused) for key in keys]


def number(count: int, one: str, many: str, *, is_more: bool = False) -> str:
    """How many there are, in words; counts end at a limit, beyond which there may be more."""
    if is_more:
        return f"{count:,} or more {many}"
    return f"{count:,} {one if count == 1 else many}"


def ago(now: datetime, moment: datetime) -> str:
    """How long ago it was, to the unit that matters."""
    minutes = max(int((now - moment).total_seconds() // 60), 0)
    if minutes < 120:
        return "a minute" if minutes == 1 else f"{minutes} minutes"
    hours = minutes // 60
    return f"{hours} hours" if hours < 48 else f"{hours // 24} days"
