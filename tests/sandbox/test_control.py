"""Everything that can be planned, moved and put back, done over HTTP alone, as another process does it."""

from __future__ import annotations

import dataclasses
import importlib
import inspect
import pkgutil
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from enum import Enum
from typing import Any
from uuid import uuid4

import pytest
import requests

import sandbox as package
from sandbox.dataverse.event_faults import EventFaults
from sandbox.dataverse.limits.costs import CostModel
from sandbox.dataverse.seed import seed_id
from sandbox.faults import STORMS, Faults
from sandbox.faults_http import EVENT_KINDS, KINDS
from sandbox.world import EVENTS, Sandbox

IN_TIME = 20


@pytest.fixture
def world() -> Iterator[Sandbox]:
    with Sandbox(company=False) as world:
        yield world


class Process:
    """Another process: it knows the address and the token that were printed."""

    def __init__(self, world: Sandbox) -> None:
        self._world = world

    def __call__(self, method: str, path: str, body: Any = None, **options: Any) -> requests.Response:
        root = "" if path.startswith("sandbox/") else "api/data/v9.2/"
        token = options.pop("token", self._world.token)
        headers = {"Authorization": f"Bearer {token}", **options.pop("headers", {})}
        url = f"{self._world.dataverse}/{root}{path}"
        content = {"data": body} if isinstance(body, str) else {"json": body}
        return requests.request(method, url, headers=headers, timeout=options.pop("timeout", IN_TIME), **content)

    def plan(self, fault: str, **arguments: Any) -> dict[str, Any]:
        answer = self("POST", "sandbox/faults", {"fault": fault, **arguments})
        assert answer.status_code == 201, answer.text
        planned: dict[str, Any] = answer.json()
        assert (planned["fault"], planned["struck"]) == (fault, 0)
        return planned

    def struck(self) -> list[int]:
        return [fault["struck"] for fault in self("GET", "sandbox/faults").json()["value"]]

    def names(self) -> list[str]:
        return sorted(row["name"] for row in self("GET", "accounts?$select=name").json()["value"])

    def comes(self, expected: Callable[[], bool]) -> bool:
        """Whether it becomes so while other threads work."""
        until = time.monotonic() + IN_TIME
        while not expected() and time.monotonic() < until:
            threading.Event().wait(0.02)
        return expected()


@pytest.fixture
def other(world: Sandbox) -> Process:
    return Process(world)


def lost_reply(other: Process) -> None:
    other.plan("lose_reply", path="accounts$", method="post", sent=0)
    with pytest.raises(requests.ConnectionError):
        other("POST", "accounts", {"name": "A"})
    assert other.names() == ["A"]


def cut_in_mid_batch(other: Process) -> None:
    other.plan("cut_in_batch", after=1)
    part = '--b\r\nContent-Type: application/http\r\n\r\nPOST accounts HTTP/1.1\r\n\r\n{"name":"A"}\r\n'
    with pytest.raises(requests.ConnectionError):
        other("POST", "$batch", part * 3 + "--b--", headers={"Content-Type": "multipart/mixed; boundary=b"})
    assert other.names() == ["A"]


def refusal(other: Process) -> None:
    until = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
    other.plan("refuse", status=412, code="0x1", message="No.", headers={"X-A": "1"}, containing="A", until=until)
    answer = other("POST", "accounts", {"name": "A"})
    assert (answer.status_code, answer.headers["X-A"]) == (412, "1")
    assert answer.json() == {"error": {"code": "0x1", "message": "No."}}


def storms(other: Process) -> None:
    for status in STORMS:
        assert other("DELETE", "sandbox/faults").status_code == 204
        other.plan("storm", status=status, lasting=60, retry_after=9)
        answer = other("GET", "WhoAmI")
        assert (answer.status_code, answer.headers["Retry-After"]) == (status, "9")
        other("POST", "sandbox/clock", {"advance_seconds": 60})
        assert other("GET", "WhoAmI").status_code == 200


def deadlock(other: Process) -> None:
    other.plan("deadlock")
    assert "Sql Number: 1205" in other("GET", "WhoAmI").json()["error"]["message"]


def sql_timeout(other: Process) -> None:
    other.plan("sql_timeout")
    assert "Sql Number: -2" in other("GET", "WhoAmI").json()["error"]["message"]


def expired_token(other: Process) -> None:
    other.plan("expire_token")
    answer = other("GET", "WhoAmI")
    assert (answer.status_code, "The token is expired" in answer.headers["WWW-Authenticate"]) == (401, True)


def held(other: Process) -> None:
    planned = other.plan("hold", path="accounts", method="POST", after_commit=True)
    caller = threading.Thread(target=other, args=("POST", "accounts", {"name": "A"}))
    caller.start()
    assert other.comes(lambda: other("GET", "sandbox/faults").json()["value"][0]["reached"])
    assert other.names() == ["A"], "it is committed, and not answered yet"
    assert other("POST", f"sandbox/faults/{planned['id']}/release").status_code == 204
    caller.join(IN_TIME)


def finished_when_nobody_listened(other: Process) -> None:
    other.plan("finish_late", path="accounts", method="POST")
    with pytest.raises(requests.Timeout):
        other("POST", "accounts", {"name": "A"}, timeout=0.3)
    assert other.comes(lambda: other.names() == ["A"])


STRIKES = {
    "lose_reply": lost_reply,
    "cut_in_batch": cut_in_mid_batch,
    "refuse": refusal,
    "storm": storms,
    "deadlock": deadlock,
    "sql_timeout": sql_timeout,
    "expire_token": expired_token,
    "hold": held,
    "finish_late": finished_when_nobody_listened,
}


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_every_fault_of_requests_strikes_when_planned_from_another_process(other: Process, kind: str) -> None:
    STRIKES[kind](other)
    assert other.struck() == [1]


def registered(world: Sandbox, other: Process, table: str, *, synchronous: bool) -> None:
    """A step that posts when a row of the table is made."""
    name, key = world.servicebus_send_key
    endpoint = {"name": table, "contract": 6, "connectionmode": 1, "authtype": 2, "saskeyname": name, "saskey": key}
    endpoint |= {"namespaceaddress": f"sb://127.0.0.1:{world.bus.port}/", "solutionnamespace": "local", "path": EVENTS}
    endpoint |= {"messageformat": 2, "userclaim": 2, "serviceendpointid": str(uuid4())}
    assert other("POST", "serviceendpoints", endpoint).status_code == 204
    step = {"name": table, "stage": 40, "mode": 0 if synchronous else 1, "rank": 1, "supporteddeployment": 0}
    binds = {
        "eventhandler_serviceendpoint@odata.bind": f"/serviceendpoints({endpoint['serviceendpointid']})",
        "sdkmessageid@odata.bind": f"/sdkmessages({seed_id('sdkmessage/Create')})",
        "sdkmessagefilterid@odata.bind": f"/sdkmessagefilters({seed_id(f'sdkmessagefilter/Create/{table}')})",
    }
    assert other("POST", "sdkmessageprocessingsteps", step | binds).status_code == 204


@pytest.mark.parametrize(
    ("kind", "arguments", "posted"),
    [
        ("delay", {"by": 3600}, 2),
        ("repost", {"after": 0}, 3),
        ("overtake", {"within": 3600}, 2),
        ("lose", {}, 1),
        ("roll_back", {"table": "contact"}, 3),
    ],
)
def test_every_fault_of_events_strikes_when_planned_from_another_process(
    world: Sandbox, other: Process, kind: str, arguments: dict[str, Any], posted: int
) -> None:
    registered(world, other, "account", synchronous=False)
    registered(world, other, "contact", synchronous=True)
    other.plan(kind, **arguments)
    for name in ("A", "B"):
        assert other("POST", "accounts", {"name": name}).status_code == 204
    if kind == "roll_back":
        assert other("POST", "contacts", {"lastname": "C"}).status_code == 500
        assert other("GET", "contacts").json()["value"] == []
    if kind == "delay":
        other("POST", "sandbox/clock", {"advance_seconds": 3601})
    assert other.comes(lambda: (world.bus.counts(EVENTS).active, other.struck()) == (posted, [1]))


def test_no_fault_there_is_has_been_left_out() -> None:
    for kinds, faults in ((KINDS, Faults), (EVENT_KINDS, EventFaults)):
        told = inspect.getmembers(faults, inspect.isfunction)
        rules = {"LostReply", "CutInBatch", "Refusal", "ExpiredToken", "Hold", "EventFault"}
        planners = {name for name, plan in told if inspect.signature(plan).return_annotation in rules}
        assert {name for name in planners if not name.startswith("_")} == kinds
    assert set(STRIKES) == KINDS


def another(value: Any) -> Any:
    """Another value of the same switch, as JSON."""
    if isinstance(value, bool):
        return not value
    if isinstance(value, int):
        return value + 1
    if isinstance(value, timedelta):
        return value.total_seconds() + 1.5
    if isinstance(value, Enum):
        return next(one.value for one in type(value) if one is not value)
    if isinstance(value, CostModel):
        return "plug-in heavy" if value.name == "thin" else "thin"
    assert isinstance(value, dict), f"{value!r} is of a kind that cannot be moved from another process"
    return {str(uuid4()): "It fails."}


def board(world: Sandbox) -> dict[str, Any]:
    """The switches by section, as objects; those of the platform itself are in no section."""
    return {
        "": world.web.switches,
        "protection": world.web.switches.protection,
        "product": world.switches,
        "dates": world.web.organisation.store.dates,
    }


def test_every_switch_is_shown_and_moved_from_another_process(world: Sandbox, other: Process) -> None:
    moved = 0
    for section, switches in board(world).items():
        for field in dataclasses.fields(switches):
            value = getattr(switches, field.name)
            if dataclasses.is_dataclass(value) and not isinstance(value, CostModel):
                continue
            wanted = {field.name: another(value)}
            answer = other("PATCH", "sandbox/switches", {section: wanted} if section else wanted)
            assert answer.status_code == 200, answer.text
            shown = other("GET", "sandbox/switches").json()
            assert (shown[section] if section else shown)[field.name] == wanted[field.name]
            assert getattr(switches, field.name) != value
            moved += 1
    assert moved >= 25
    locks = {"enabled": True, "timeout": 3, "holds": {"msdyn_actual": 0.2}}
    wanted = {"row_locks": locks, "bulk_tables": {"salesorder": True, "account": False}}
    shown = other("PATCH", "sandbox/switches", wanted).json()
    assert shown["row_locks"] == locks
    assert world.row_locks.holds == {"msdyn_actual": timedelta(seconds=0.2)}
    assert (shown["bulk_tables"]["salesorder"], shown["bulk_tables"]["account"]) == (True, False)
    rows = {"Targets": [{"@odata.type": "Microsoft.Dynamics.CRM.account", "name": "A"}]}
    assert other("POST", "accounts/Microsoft.Dynamics.CRM.CreateMultiple", rows).status_code == 400
    other("PATCH", "sandbox/switches", {"bulk_tables": {"account": True}})
    assert other("POST", "accounts/Microsoft.Dynamics.CRM.CreateMultiple", rows).status_code == 200


def test_no_switch_there_is_has_been_left_out(world: Sandbox) -> None:
    found: set[type] = set()
    for module in pkgutil.walk_packages(package.__path__, "sandbox."):
        for name, one in inspect.getmembers(importlib.import_module(module.name), inspect.isclass):
            if dataclasses.is_dataclass(one) and (name.endswith("Switches") or name == "ServiceProtection"):
                found.add(one)
    assert found == {type(switches) for switches in board(world).values()}


@pytest.mark.parametrize(
    ("wanted", "sentence"),
    [
        ({"bulk_tables": {"nothing": True}}, "bulk_tables takes tables and true or false"),
        ({"bulk_tables": {"account": 1}}, "bulk_tables takes tables and true or false"),
        ({"bulk_tables": []}, "no object of switches"),
        ({"row_locks": {"holds": 1}}, "holds is no switch that can be set to 1"),
        ({"row_locks": {"holds": {"account": "long"}}}, "'long' is no number of seconds"),
        ({"row_locks": {"timeout": -1}}, "-1 is no number of seconds"),
        ({"row_locks": {"timeout": 1e300}}, "seconds are too many"),
        ({"protection": {"servers": -1}}, "servers is no switch that can be set to -1"),
        ({"protection": {"costs": []}}, "costs is no switch that can be set to []"),
    ],
)
def test_a_switch_takes_no_nonsense_and_then_none_is_moved(other: Process, wanted: Any, sentence: str) -> None:
    before = other("GET", "sandbox/switches").json()
    answer = other("PATCH", "sandbox/switches", {"degree_of_parallelism": 9, **wanted})
    assert answer.status_code == 400
    assert sentence in answer.json()["error"]["message"]
    assert other("GET", "sandbox/switches").json() == before


@pytest.mark.parametrize(
    ("wanted", "sentence"),
    [
        ({"fault": "refuse", "times": "2"}, "times can't be '2'"),
        ({"fault": "refuse", "times": 0}, "times can't be 0"),
        ({"fault": "refuse", "headers": {"A": 1}}, "headers can't be"),
        ({"fault": "refuse", "until": "2026-01-01"}, "lacks its offset"),
        ({"fault": "refuse", "status": 200}, "no status of an error"),
        ({"fault": "hold", "after_commit": 1}, "after_commit can't be 1"),
        ({"fault": "storm", "status": 418}, "418"),
        ({"fault": "storm", "lasting": -1}, "no number of seconds"),
        ({"fault": "delay"}, "missing a required argument: 'by'"),
        ({"fault": "cut_in_batch", "nonsense": 1}, "cut_in_batch takes no nonsense; it takes after, times"),
    ],
)
def test_a_fault_that_makes_no_sense_is_not_planned(other: Process, wanted: Any, sentence: str) -> None:
    answer = other("POST", "sandbox/faults", wanted)
    assert (answer.status_code, other("GET", "sandbox/faults").json()) == (400, {"value": []})
    assert sentence in answer.json()["error"]["message"]
    assert other("GET", "WhoAmI").status_code == 200


def test_the_clock_jumps_by_a_duration_or_to_a_moment_and_never_back(other: Process) -> None:
    start = datetime.fromisoformat(other("GET", "sandbox/clock").json()["now"])
    to = (start + timedelta(days=40)).isoformat()
    now = datetime.fromisoformat(other("POST", "sandbox/clock", {"to": to}).json()["now"])
    assert timedelta(days=40) <= now - start < timedelta(days=40, minutes=1)
    account = other("POST", "accounts", {"name": "A"}, headers={"Prefer": "return=representation"}).json()
    assert account["createdon"][:10] == to[:10]
    for wrong in ({"to": "2026-01-01T00:00:00Z"}, {"to": "soon"}, {"to": "2099-01-01"}, {"to": "9999-01-01T00:00:00Z"}):
        assert other("POST", "sandbox/clock", wrong).status_code == 400
    for wrong in ({"advance_seconds": 1e300}, {"advance_seconds": 9e12}, {"advance_seconds": 1, "to": to}, {}):
        assert other("POST", "sandbox/clock", wrong).status_code == 400
    assert other("GET", "sandbox/clock").status_code == 200


def test_dataverse_goes_back_to_snapshots_and_to_its_beginning(other: Process) -> None:
    other("POST", "accounts", {"name": "early"})
    taken = other("POST", "sandbox/snapshots")
    assert (taken.status_code, taken.json()["id"]) == (201, 1)
    other("POST", "accounts", {"name": "late"})
    assert other("POST", "sandbox/snapshots").json()["id"] == 2
    assert [one["id"] for one in other("GET", "sandbox/snapshots").json()["value"]] == [1, 2]
    for number, names in ((1, ["early"]), (2, ["early", "late"]), (1, ["early"])):
        assert other("POST", f"sandbox/snapshots/{number}/restore").status_code == 204
        assert other.names() == names
    assert other("POST", "sandbox/reset").status_code == 204
    assert other.names() == []
    assert other("DELETE", "sandbox/snapshots").status_code == 204
    assert other("POST", "sandbox/snapshots/1/restore").status_code == 404
    assert other("POST", "sandbox/snapshots").json()["id"] == 3, "a number never comes to stand for another one"


def test_dataverse_does_not_go_back_under_transactions_that_are_under_way(world: Sandbox, other: Process) -> None:
    other("PATCH", "sandbox/switches", {"row_locks": {"enabled": True, "holds": {"account": 3600}}})
    caller = threading.Thread(target=other, args=("POST", "accounts", {"name": "A"}))
    caller.start()
    assert world.row_locks.reached(IN_TIME, writing=1)
    answer = other("POST", "sandbox/reset")
    assert (answer.status_code, "let them end first" in answer.text) == (409, True)
    other("POST", "sandbox/clock", {"advance_seconds": 3601})
    caller.join(IN_TIME)
    assert other.names() == ["A"]
    assert other("POST", "sandbox/reset").status_code == 204


def test_tokens_of_others_are_handed_out_and_made_for_users_made_later(other: Process) -> None:
    tokens = other("GET", "sandbox/tokens").json()
    assert set(tokens) == {"administrator", "service", "approver", "clerk"}
    person = str(uuid4())
    values = {"systemuserid": person, "domainname": "new@sandbox.example"}
    unit = other("GET", "businessunits?$select=businessunitid").json()["value"][0]["businessunitid"]
    values["businessunitid@odata.bind"] = f"/businessunits({unit})"
    assert other("POST", "systemusers", values).status_code == 204
    made = other("POST", "sandbox/tokens", {"user": person})
    assert made.status_code == 201
    assert other("GET", "WhoAmI", token=made.json()["token"]).json()["UserId"] == person
    assert other("POST", "sandbox/tokens", {"user": person}).json() == made.json()
    assert other("GET", "sandbox/tokens", token=made.json()["token"]).status_code == 401
    for wrong in ({"user": str(uuid4())}, {"user": "clerk"}, {}, {"user": person, "for": 1}):
        assert other("POST", "sandbox/tokens", wrong).status_code == 400
