"""Faults on demand: answers that get lost, requests that are refused, held, or cut off in the middle.

The same faults are planned from another process through ``control_http``.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Mapping
from concurrent.futures import Future
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final, TypeVar

from sandbox.clock import Clock

RuleType = TypeVar("RuleType", bound="Rule")
WAIT = 60.0
"""Seconds a held request waits at most, so that a forgotten release ends a test instead of hanging it."""
UNLIMITED: Final = 1_000_000_000
STORMS: Final[Mapping[int, tuple[str, str]]] = {
    429: ("0x80072322", "Number of requests exceeded the limit of 6000 over time window of 300 seconds."),
    502: ("", "Bad Gateway"),
    503: ("", "The service is unavailable."),
    504: ("", "Gateway Timeout"),
}
"""What a front door or a tired server answers, by status."""
DEADLOCK: Final = (
    "0x80044150",
    "Sql error: Generic SQL error. CRM ErrorCode: -2147204784 Sql ErrorCode: -2146232060 Sql Number: 1205",
)
SQL_TIMEOUT: Final = (
    "0x80044151",
    "Sql error: SQL timeout expired. CRM ErrorCode: -2147204783 Sql ErrorCode: -2146232060 Sql Number: -2",
)


@dataclass(slots=True, eq=False)
class Rule:
    """When a fault strikes. ``struck`` counts how often it really did."""

    path: re.Pattern[str]
    method: str | None
    containing: bytes | None
    left: int
    struck: int = 0
    until: datetime | None = None

    def meets(self, method: str, path: str, body: bytes, now: datetime) -> bool:
        """Whether the rule speaks of this request, has a turn left, and its time is not over."""
        return (
            self.left > 0
            and (self.until is None or now < self.until)
            and self.method in (None, method)
            and self.path.search(path) is not None
            and (self.containing is None or self.containing in body)
        )


@dataclass(slots=True, eq=False)
class LostReply(Rule):
    """The request is carried out and committed; then the connection is cut after ``sent`` bytes of the answer's body,
    or, where that is ``None``, before a byte of the answer."""

    sent: int | None = None


@dataclass(slots=True, eq=False)
class CutInBatch(Rule):
    """A batch is given up after ``after`` of its operations, as when its server dies: what was committed stays, an open
    change set is rolled back, the rest is not carried out, and the connection is cut."""

    after: int = 0


@dataclass(slots=True, eq=False)
class ExpiredToken(Rule):
    """The request's token is refused as expired, whatever it is."""


@dataclass(slots=True, eq=False)
class Refusal(Rule):
    """The request is answered with this error and not carried out."""

    status: int = 503
    code: str = ""
    message: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(slots=True, eq=False)
class Hold(Rule):
    """The request waits, before it is carried out or (``after_commit``) before it is answered.

    ``until_gone``: it goes on by itself once its caller has given up and hung up.
    """

    after_commit: bool = False
    until_gone: bool = False
    reached: threading.Event = field(default_factory=threading.Event)
    released: threading.Event = field(default_factory=threading.Event)

    def release(self) -> None:
        """Let it go on."""
        self.released.set()


class Faults:
    """The faults planned for one server. Safe to use from any thread.

    Every rule strikes ``times`` times and takes ``path`` (a regular expression searched in the request's path),
    ``method``, and ``containing`` (text to be found in the body). A ``$batch`` is one request; refusals also look at
    each operation inside it.
    """

    def __init__(self, clock: Clock | None = None) -> None:
        self._clock = clock or Clock()
        self._rules: list[Rule] = []
        self._lock = threading.Lock()

    @property
    def planned(self) -> list[Rule]:
        """Every rule since the last ``release_all``, also those that have struck their last."""
        with self._lock:
            return list(self._rules)

    def lose_reply(
        self,
        times: int = 1,
        path: str = "",
        method: str | None = None,
        containing: str | None = None,
        *,
        sent: int | None = None,
    ) -> LostReply:
        """Carry the request out, then cut the connection, where ``sent`` is given in the middle of the answer."""
        return self._plan(LostReply(re.compile(path), method, _bytes(containing), times, sent=sent))

    def cut_in_batch(
        self, after: int, times: int = 1, path: str = "batch$", containing: str | None = None
    ) -> CutInBatch:
        """Give a batch up after this many operations."""
        return self._plan(CutInBatch(re.compile(path), "POST", _bytes(containing), times, after=after))

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
        *,
        until: datetime | None = None,
    ) -> Refusal:
        """Answer with an error (``ValueError``: the status is none of one) instead of carrying the request out;
        ``until``: and no longer than to that moment."""
        if not 400 <= status < 600:
            raise ValueError(f"{status} is no status of an error.")
        given = dict(headers or {})
        rule = Refusal(re.compile(path), method, _bytes(containing), times, 0, until, status, code, message, given)
        return self._plan(rule)

    def storm(
        self,
        status: int = 503,
        times: int = UNLIMITED,
        path: str = "",
        *,
        lasting: timedelta | None = None,
        retry_after: int | None = None,
    ) -> Refusal:
        """Refuse everything with 429, 502, 503 or 504, so many times or for so long by the sandbox's clock."""
        code, message = STORMS[status]
        headers = {} if retry_after is None else {"Retry-After": str(retry_after)}
        until = None if lasting is None else self._clock.now() + lasting
        return self.refuse(times, path, status, code, message, headers, until=until)

    def deadlock(
        self, times: int = 1, path: str = "", method: str | None = None, containing: str | None = None
    ) -> Refusal:
        """Choose the request as the victim of an SQL deadlock (number 1205; the status 500 is inferred)."""
        return self.refuse(times, path, 500, *DEADLOCK, None, method, containing)

    def sql_timeout(
        self, times: int = 1, path: str = "", method: str | None = None, containing: str | None = None
    ) -> Refusal:
        """Let the request run into SQL's time-out (the status 500 is inferred)."""
        return self.refuse(times, path, 500, *SQL_TIMEOUT, None, method, containing)

    def expire_token(self, times: int = 1, path: str = "", method: str | None = None) -> ExpiredToken:
        """Refuse the request's token as expired."""
        return self._plan(ExpiredToken(re.compile(path), method, None, times))

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

    def finish_late(self, path: str = "", method: str | None = None, containing: str | None = None) -> Hold:
        """Carry one request out only after its caller has hung up: the commit, or the slow action, that finishes when
        nobody listens any more."""
        return self._plan(Hold(re.compile(path), method, _bytes(containing), 1, until_gone=True))

    def release_all(self) -> None:
        """Let every held request go on, and strike no more."""
        with self._lock:
            rules, self._rules = self._rules, []
        for rule in rules:
            rule.left = 0
            if isinstance(rule, Hold):
                rule.release()

    def lost(self, method: str, path: str, body: bytes) -> LostReply | None:
        """Whether and how this request's answer is to be lost."""
        return self._strike(LostReply, method, path, body)

    def cut(self, method: str, path: str, body: bytes) -> CutInBatch | None:
        """Whether and where this batch is to be given up."""
        return self._strike(CutInBatch, method, path, body)

    def refusal(self, method: str, path: str, body: bytes) -> Refusal | None:
        """The error this request is to be answered with, if any."""
        return self._strike(Refusal, method, path, body)

    def expired(self, method: str, path: str, body: bytes) -> bool:
        """Whether this request's token is to be taken for expired."""
        return self._strike(ExpiredToken, method, path, body) is not None

    def wait(self, method: str, path: str, body: bytes, gone: Future[None], *, after_commit: bool) -> None:
        """Wait here if the request is to be held at this point; ``gone`` is done once its caller has hung up."""
        hold = self._strike(Hold, method, path, body, after_commit=after_commit)
        if hold is not None:
            hold.reached.set()
            if hold.until_gone:
                gone.add_done_callback(lambda _: hold.release())
            hold.released.wait(WAIT)

    def _plan(self, rule: RuleType) -> RuleType:
        with self._lock:
            self._rules.append(rule)
        return rule

    def _strike(
        self, kind: type[RuleType], method: str, path: str, body: bytes, *, after_commit: bool | None = None
    ) -> RuleType | None:
        now = self._clock.now()
        with self._lock:
            for rule in self._rules:
                if not isinstance(rule, kind) or not rule.meets(method, path, body, now):
                    continue
                if not isinstance(rule, Hold) or rule.after_commit is after_commit:
                    rule.left -= 1
                    rule.struck += 1
                    return rule
        return None


def _bytes(text: str | None) -> bytes | None:
    return None if text is None else text.encode()
