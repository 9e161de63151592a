"""Faults on demand: answers that get lost, requests that are refused, requests held until a test lets them go."""

from __future__ import annotations

import re
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeVar

RuleType = TypeVar("RuleType", bound="Rule")
WAIT = 60.0
"""Seconds a held request waits at most, so that a forgotten release ends a test instead of hanging it."""


@dataclass(slots=True, eq=False)
class Rule:
    """When a fault strikes. ``struck`` counts how often it really did."""

    path: re.Pattern[str]
    method: str | None
    containing: bytes | None
    left: int
    struck: int = 0

    def meets(self, method: str, path: str, body: bytes) -> bool:
        """Whether the rule speaks of this request and has a turn left."""
        return (
            self.left > 0
            and self.method in (None, method)
            and self.path.search(path) is not None
            and (self.containing is None or self.containing in body)
        )


@dataclass(slots=True, eq=False)
class LostReply(Rule):
    """The request is carried out and committed; then the connection is cut before a byte of the answer is sent."""


@dataclass(slots=True, eq=False)
class Refusal(Rule):
    """The request is answered with this error and not carried out."""

    status: int = 503
    code: str = ""
    message: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(slots=True, eq=False)
class Hold(Rule):
    """The request waits, before it is carried out or (``after_commit``) before it is answered."""

    after_commit: bool = False
    reached: threading.Event = field(default_factory=threading.Event)
    released: threading.Event = field(default_factory=threading.Event)

    def release(self) -> None:
        """Let it go on."""
        self.released.set()


class Faults:
    """The faults planned for one server. Safe to use from any thread.

    Every rule strikes ``times`` times and takes ``path`` (a regular expression searched in the request's path),
    ``method``, and ``containing`` (text to be found in the body). A ``$batch`` is one request; ``refuse`` also looks at
    each operation inside it.
    """

    def __init__(self) -> None:
        self._rules: list[Rule] = []
        self._lock = threading.Lock()

    def lose_reply(
        self, times: int = 1, path: str = "", method: str | None = None, containing: str | None = None
    ) -> LostReply:
        """Carry the request out, then cut the connection."""
        return self._plan(LostReply(re.compile(path), method, _bytes(containing), times))

    def refuse(
        self,
        times: int = 1,
        path: str = "",
        status: int = 503,
        code: str = "",
        message: str = "The service is unavailable.",
        headers: Mapping[str, str] | None = None,
        method: str | None = None,
        containing: str | None = None,
    ) -> Refusal:
        """Answer with an error instead of carrying the request out."""
        rule = Refusal(
            re.compile(path), method, _bytes(containing), times, 0, status, code, message, dict(headers or {})
        )
        return self._plan(rule)

    def hold(
        self,
        path: str = "",
        times: int = 1,
        method: str | None = None,
        containing: str | None = None,
        *,
        after_commit: bool = False,
    ) -> Hold:
        """Park the request until the returned handle is released; ``reached`` is set once it is parked."""
        return self._plan(Hold(re.compile(path), method, _bytes(containing), times, after_commit=after_commit))

    def release_all(self) -> None:
        """Let every held request go on, and strike no more."""
        with self._lock:
            rules, self._rules = self._rules, []
        for rule in rules:
            rule.left = 0
            if isinstance(rule, Hold):
                rule.release()

    def lost(self, method: str, path: str, body: bytes) -> bool:
        """Whether this request's answer is to be lost."""
        return self._strike(LostReply, method, path, body) is not None

    def refusal(self, method: str, path: str, body: bytes) -> Refusal | None:
        """The error this request is to be answered with, if any."""
        return self._strike(Refusal, method, path, body)

    def wait(self, method: str, path: str, body: bytes, *, after_commit: bool) -> None:
        """Wait here if the request is to be held at this point."""
        hold = self._strike(Hold, method, path, body, after_commit=after_commit)
        if hold is not None:
            hold.reached.set()
            hold.released.wait(WAIT)

    def _plan(self, rule: RuleType) -> RuleType:
        with self._lock:
            self._rules.append(rule)
        return rule

    def _strike(
        self, kind: type[RuleType], method: str, path: str, body: bytes, *, after_commit: bool | None = None
    ) -> RuleType | None:
        with self._lock:
            for rule in self._rules:
                fits = isinstance(rule, kind) and rule.meets(method, path, body)
                if fits and (not isinstance(rule, Hold) or rule.after_commit is after_commit):
                    rule.left -= 1
                    rule.struck += 1
                    return rule  # type: ignore[return-value]
        return None


def _bytes(text: str | None) -> bytes | None:
    return None if text is None else text.encode()
