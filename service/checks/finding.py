"""What a check found: one sentence about one thing, and what to do about it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum

from connector.errors import ConnectorError, Misconfigured
from service.status.part import UNREADABLE


class Verdict(StrEnum):
    """What a finding means for whoever asked."""

    OK = "ok"
    NOTE = "note"
    """Nothing is wrong; worth knowing."""
    NOT_SEEN = "not seen"
    """It can't be looked at from here, or this user may not; nothing is claimed."""
    DRIFT = "drift"
    """The environment is other than the service relies on."""
    WRONG = "not configured"
    """A setting, a right, a key or a queue is missing or wrong: the service would not work."""
    FAILED = "no answer"
    """Nobody answered; look again."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at. ``area`` groups them; ``remedy`` says what to type or change, if there is any."""

    area: str
    verdict: Verdict
    sentence: str
    remedy: str = ""


Findings = Iterable[Finding]


def looked(area: str, look: Callable[[], Findings], remedies: Callable[[str], str]) -> Iterator[Finding]:
    """What looking brought; a failure to look is a finding too. ``remedies`` gives the remedy for a failure's code."""
    try:
        yield from look()
    except Misconfigured as error:
        yield Finding(area, Verdict.WRONG, f"{error.sentence} ({error.code})", remedies(error.code))
    except ConnectorError as error:
        yield Finding(area, Verdict.FAILED, f"{error.sentence} ({error.code})", remedies(error.code))
    except UNREADABLE as error:
        yield Finding(area, Verdict.FAILED, f"What was answered can't be read ({type(error).__name__}: {error}).")


def may_not_see(area: str, error: Misconfigured, what: str) -> Finding:
    """A refusal to show what is only worth knowing."""
    return Finding(area, Verdict.NOT_SEEN, f"{what} can't be seen by this user ({error.code}).")
