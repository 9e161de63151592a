"""Faults, clock and switches over loopback HTTP, for tests and demonstrations that run in another process.

    POST   /sandbox/faults               {"fault": "storm", "status": 503, "lasting": 60} → 201 {"id": 1, …}
    GET    /sandbox/faults               every fault planned, and how often it struck
    POST   /sandbox/faults/1/release     let a held request go on
    DELETE /sandbox/faults               plan nothing any more, let everything go on
    GET    /sandbox/clock                {"now": …}
    POST   /sandbox/clock                {"advance_seconds": 3600}
    GET    /sandbox/switches             PATCH with the ones to move, also in a section: {"product": {…}}

All of it needs the administrator's token. ``fault`` is the name of a method of ``Faults`` or ``EventFaults``; its
arguments go by their names, durations in seconds.
"""

from __future__ import annotations

import inspect
import json
import re
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from sandbox.clock import Clock
from sandbox.dataverse.switches import Switches
from sandbox.faults import Faults, Hold, Rule
from sandbox.switches_http import Board, NoSuchSetting, seconds

ROOT: Final = "/sandbox/"
KINDS: Final = frozenset(
    {"lose_reply", "cut_in_batch", "refuse", "storm", "deadlock", "sql_timeout", "expire_token", "hold", "finish_late"}
)
EVENT_KINDS: Final = frozenset({"delay", "repost", "overtake", "lose", "roll_back"})
RELEASE: Final = re.compile(r"faults/(\d+)/release")


class Misused(Exception):
    """A request to the sandbox itself that makes no sense: status and reason."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status
        self.reason = reason


class Control:
    """Answers what is asked under ``/sandbox/``: (status, JSON)."""

    def __init__(self, faults: Faults, clock: Clock, switches: Switches) -> None:
        self._faults = faults
        self._clock = clock
        self._event_faults: Any = None
        self._of_events: list[tuple[str, Any]] = []
        self.board = Board(switches)
        """The switches that can be moved; other parts of the sandbox add theirs."""
        self._paths: Mapping[tuple[str, str], Callable[[Mapping[str, Any]], Any]] = {
            ("POST", "faults"): self._plan,
            ("GET", "faults"): lambda _: {"value": self._list()},
            ("DELETE", "faults"): lambda _: self._call_off(),
            ("GET", "clock"): lambda _: self._now(),
            ("POST", "clock"): self._advance,
            ("GET", "switches"): lambda _: self.board.state(),
            ("PATCH", "switches"): self._switch,
        }

    def hear_of_events(self, faults: Any) -> None:
        """Also plan the faults of events (``event_faults.EventFaults``)."""
        self._event_faults = faults

    def answer(self, method: str, path: str, body: bytes) -> tuple[int, Any]:
        """Carry a request out."""
        try:
            name = path.removeprefix(ROOT)
            release = RELEASE.fullmatch(name)
            if release and method == "POST":
                self._release(int(release.group(1)))
                return 204, None
            carry_out = self._paths.get((method, name))
            if carry_out is None:
                raise Misused(404, f"The sandbox knows no {method} {path}.")
            result = carry_out(_read(body))
        except Misused as misuse:
            return misuse.status, {"error": {"code": "", "message": misuse.reason}}
        except NoSuchSetting as misuse:
            return 400, {"error": {"code": "", "message": str(misuse)}}
        if result is None:
            return 204, None
        return (201 if (method, name) == ("POST", "faults") else 200), result

    def _plan(self, wanted: Mapping[str, Any]) -> Any:
        given = dict(wanted)
        name = given.pop("fault", None)
        of_events = self._event_faults is not None and name in EVENT_KINDS
        if not of_events and name not in KINDS:
            there = KINDS | (EVENT_KINDS if self._event_faults is not None else set())
            raise Misused(400, f"fault is to be one of {', '.join(sorted(there))}.")
        plan = getattr(self._event_faults if of_events else self._faults, name)
        try:
            known = inspect.signature(plan).parameters
            arguments = {key: _argument(known[key].annotation, value) for key, value in given.items()}
            rule = plan(**arguments)
        except (TypeError, KeyError, ValueError, AttributeError, re.error) as error:
            raise Misused(400, f"{name}: {error}") from None
        if of_events:
            self._of_events.append((name, rule))
            return self._list()[-1]
        return _told(self._faults.planned.index(rule) + 1, rule)

    def _list(self) -> list[dict[str, Any]]:
        planned = [_told(number, rule) for number, rule in enumerate(self._faults.planned, 1)]
        return planned + [{"fault": name, "left": rule.left, "struck": rule.struck} for name, rule in self._of_events]

    def _call_off(self) -> None:
        self._faults.release_all()
        self._of_events.clear()
        if self._event_faults is not None:
            self._event_faults.forget()

    def _release(self, number: int) -> None:
        planned = self._faults.planned
        rule = planned[number - 1] if 0 < number <= len(planned) else None
        if not isinstance(rule, Hold):
            raise Misused(404, f"Fault {number} is no held request.")
        rule.release()

    def _now(self) -> Any:
        return {"now": self._clock.now().isoformat()}

    def _advance(self, wanted: Mapping[str, Any]) -> Any:
        by = seconds(wanted.get("advance_seconds"))
        if by < timedelta():
            raise Misused(400, "The clock only goes forward.")
        self._clock.advance(by)
        return self._now()

    def _switch(self, wanted: Mapping[str, Any]) -> Any:
        self.board.move(wanted)
        return self.board.state()


def _told(number: int, rule: Rule) -> dict[str, Any]:
    told: dict[str, Any] = {
        "id": number,
        "fault": type(rule).__name__,
        "path": rule.path.pattern,
        "left": rule.left,
        "struck": rule.struck,
        "until": rule.until.isoformat() if isinstance(rule.until, datetime) else None,
    }
    return told | ({"reached": rule.reached.is_set()} if isinstance(rule, Hold) else {})


def _read(body: bytes) -> Mapping[str, Any]:
    try:
        value = json.loads(body or b"{}")
    except ValueError:
        value = None
    if not isinstance(value, dict):
        raise Misused(400, "The body is to be a JSON object.")
    return value


def _argument(kind: str, value: Any) -> Any:
    """A JSON value as the argument of a method, by the text of its annotation."""
    if value is not None and "timedelta" in kind:
        return seconds(value)
    return UUID(value) if value is not None and "UUID" in kind else value
