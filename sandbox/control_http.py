"""The sandbox itself over loopback HTTP, for tests and demonstrations that run in another process.

    POST   /sandbox/faults                {"fault": "storm", "status": 503, "lasting": 60} → 201 {"id": 1, …}
    GET    /sandbox/faults                every fault planned, and how often it struck
    POST   /sandbox/faults/1/release      let a held request go on
    DELETE /sandbox/faults                plan nothing any more, let everything go on
    GET    /sandbox/clock                 {"now": …}
    POST   /sandbox/clock                 {"advance_seconds": 3600}, or {"to": "2026-07-01T00:00:00Z"}
    GET    /sandbox/switches              all of them, by section
    PATCH  /sandbox/switches              the ones to move: {"degree_of_parallelism": 8, "product": {…}}
    GET    /sandbox/tokens                a bearer token for every user, by name, or by id for users made later
    POST   /sandbox/tokens                {"user": id} → 201, a token for a user made later
    POST   /sandbox/snapshots             remember Dataverse as it is → 201 {"id": 1, …}
    GET    /sandbox/snapshots             the ones remembered
    POST   /sandbox/snapshots/1/restore   go back to one
    DELETE /sandbox/snapshots             forget them
    POST   /sandbox/reset                 go back to how Dataverse was at the start

It opens to the token that ``psa-connector sandbox`` prints and to the administrator's; the gate sees to that.
``GET /health`` (see ``health.py``) is answered here too, and to anyone.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, Final, Protocol

from sandbox.clock import Clock
from sandbox.dataverse.switches import Switches
from sandbox.faults import Faults
from sandbox.faults_http import FaultPlans, Misused
from sandbox.health import Health
from sandbox.servicebus.faults import BusFaults
from sandbox.switches_http import Board, NoSuchSetting, seconds

ROOT: Final = "/sandbox/"
_NUMBERED: Final = re.compile(r"(\w+)/(\d+)/(\w+)")
Answerer = Callable[[Mapping[str, Any]], Any]


class UnderWay(RuntimeError):
    """Dataverse can't go back now, because transactions are waiting for each other."""


class History(Protocol):
    """What can go back; ``UnderWay`` where it can't just now."""

    def snapshot(self) -> bytes:
        """Dataverse as it is."""
        ...

    def restore(self, snapshot: bytes) -> None:
        """Go back to a snapshot."""
        ...

    def reset(self) -> None:
        """Go back to the beginning."""
        ...


class Control:
    """Answers what is asked under ``/sandbox/``: (status, JSON)."""

    def __init__(self, faults: Faults, clock: Clock, switches: Switches) -> None:
        self._clock = clock
        self._snapshots: dict[int, tuple[str, bytes]] = {}
        self._taken = 0
        alone = Health(lambda: None)
        alone.up()
        self.health = alone.answer
        """Answers ``/health``; a Dataverse on its own is up when it answers at all."""
        self.plans = FaultPlans(faults)
        self.board = Board(switches)
        """The switches that can be moved; other parts of the sandbox add theirs."""
        self._paths: dict[tuple[str, str], Answerer] = {
            ("POST", "faults"): self.plans.plan,
            ("GET", "faults"): _alone(lambda: {"value": self.plans.listed()}),
            ("DELETE", "faults"): _alone(self.plans.call_off),
            ("GET", "clock"): _alone(self._now),
            ("POST", "clock"): self._advance,
            ("GET", "switches"): _alone(self.board.state),
            ("PATCH", "switches"): self._switch,
        }
        self._numbered: dict[tuple[str, str], Callable[[int], None]] = {("faults", "release"): self.plans.release}

    def hear_of_events(self, faults: Any) -> None:
        """Also plan the faults of events (``event_faults.EventFaults``)."""
        self.plans.of_events(faults)

    def hear_of_bus(self, faults: BusFaults) -> None:
        """Also plan the faults of the Service Bus."""
        self.plans.of_bus(faults)

    def tell_health(self, answer: Callable[[], tuple[int, Any]]) -> None:
        """Answer ``/health`` with this."""
        self.health = answer

    def hand_out(self, tokens: Mapping[str, str], make: Callable[[str], str]) -> None:
        """Show the tokens, and ``make`` one for the user with this id (``ValueError``: there is none)."""
        self._paths["GET", "tokens"] = _alone(lambda: dict(tokens))
        self._paths["POST", "tokens"] = lambda wanted: _token(make, wanted)

    def go_back(self, history: History) -> None:
        """Take snapshots, and go back to them."""
        self._paths["POST", "snapshots"] = _alone(lambda: self._take(history.snapshot()))
        self._paths["GET", "snapshots"] = _alone(self._listed)
        self._paths["DELETE", "snapshots"] = _alone(self._snapshots.clear)
        self._paths["POST", "reset"] = _alone(history.reset)
        self._numbered["snapshots", "restore"] = lambda number: history.restore(self._found(number))

    @property
    def known(self) -> list[tuple[str, str]]:
        """Every method and path there is; ID stands for a number."""
        return [*self._paths, *(("POST", f"{kind}/ID/{act}") for kind, act in self._numbered)]

    def answer(self, method: str, path: str, body: bytes) -> tuple[int, Any]:
        """Carry a request out."""
        try:
            name = path.removeprefix(ROOT)
            numbered = _NUMBERED.fullmatch(name) if method == "POST" else None
            if numbered and (numbered[1], numbered[3]) in self._numbered:
                act = self._numbered[numbered[1], numbered[3]]
                _alone(lambda: act(int(numbered[2])))(_read(body))
                return 204, None
            carry_out = self._paths.get((method, name))
            if carry_out is None:
                raise Misused(404, f"The sandbox knows no {method} {path}.")
            result = carry_out(_read(body))
        except Misused as misuse:
            return misuse.status, _error(misuse.reason)
        except NoSuchSetting as misuse:
            return 400, _error(str(misuse))
        except UnderWay as busy:
            return 409, _error(str(busy))
        if result is None:
            return 204, None
        return (201 if method == "POST" and name != "clock" else 200), result

    def _now(self) -> Any:
        return {"now": self._clock.now().isoformat()}

    def _advance(self, wanted: Mapping[str, Any]) -> Any:
        if len(wanted) != 1 or not wanted.keys() <= {"advance_seconds", "to"}:
            raise Misused(400, "Say either advance_seconds or to, and nothing else.")
        to = wanted.get("to")
        by = seconds(wanted["advance_seconds"]) if to is None else _instant(to) - self._clock.now()
        try:
            self._clock.advance(by)
        except ValueError as error:
            raise Misused(400, str(error)) from None
        return self._now()

    def _switch(self, wanted: Mapping[str, Any]) -> Any:
        self.board.move(wanted)
        return self.board.state()

    def _take(self, snapshot: bytes) -> Any:
        self._taken += 1
        self._snapshots[self._taken] = self._clock.now().isoformat(), snapshot
        return self._shown(self._taken)

    def _listed(self) -> Any:
        return {"value": [self._shown(number) for number in self._snapshots]}

    def _shown(self, number: int) -> dict[str, Any]:
        taken, snapshot = self._snapshots[number]
        return {"id": number, "taken": taken, "bytes": len(snapshot)}

    def _found(self, number: int) -> bytes:
        if number not in self._snapshots:
            raise Misused(404, f"There is no snapshot {number}.")
        return self._snapshots[number][1]


def _alone(carry_out: Callable[[], Any]) -> Answerer:
    """For a request that has nothing to say beside its name."""

    def answer(wanted: Mapping[str, Any]) -> Any:
        if wanted:
            raise Misused(400, f"Nothing is taken here, also not {', '.join(wanted)}.")
        return carry_out()

    return answer


def _token(make: Callable[[str], str], wanted: Mapping[str, Any]) -> Any:
    user = wanted.get("user")
    if wanted.keys() != {"user"} or not isinstance(user, str):
        raise Misused(400, "user is to be the id of a user, and nothing else is taken.")
    try:
        return {"user": user, "token": make(user)}
    except ValueError as error:
        raise Misused(400, str(error)) from None


def _instant(text: Any) -> datetime:
    try:
        instant = datetime.fromisoformat(text)
    except (TypeError, ValueError):
        raise Misused(400, f"{text!r} is no instant; one is 2026-07-01T00:00:00Z.") from None
    if instant.tzinfo is None:
        raise Misused(400, f"{text!r} lacks its offset from UTC; end it with Z.")
    return instant.astimezone(UTC)


def _error(reason: str) -> Any:
    return {"error": {"code": "", "message": reason}}


def _read(body: bytes) -> Mapping[str, Any]:
    try:
        value = json.loads(body or b"{}")
    except ValueError:
        value = None
    if not isinstance(value, dict):
        raise Misused(400, "The body is to be a JSON object.")
    return value
