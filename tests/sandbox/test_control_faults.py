"""Every fault there is, planned over HTTP alone, as another process does it."""

from __future__ import annotations

import inspect
import re
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
import requests

from sandbox.dataverse.event_faults import EventFaults
from sandbox.dataverse.seed import seed_id
from sandbox.faults import STORMS, Faults
from sandbox.faults_http import BUS_KINDS, EVENT_KINDS, KINDS, parameters
from sandbox.servicebus.faults import BusFaults, Where
from sandbox.world import COMMANDS, EVENTS, Sandbox
from tests.sandbox.other_process import IN_TIME, OtherProcess

PAGE = (Path(__file__).parents[2] / "docs" / "sandbox.md").read_text("utf-8")


def lost_reply(other: OtherProcess) -> None:
    other.plan("lose_reply", path="accounts$", method="post")
    with pytest.raises(requests.ConnectionError):
        other("POST", "accounts", {"name": "A"})
    assert other.names() == ["A"]


def cut_in_mid_batch(other: OtherProcess) -> None:
    other.plan("cut_in_batch", after=1)
    head = "--b\r\nContent-Type: application/http\r\nContent-Transfer-Encoding: binary\r\n\r\n"
    part = f'{head}POST accounts HTTP/1.1\r\n\r\n{{"name":"A"}}\r\n'
    with pytest.raises(requests.ConnectionError):
        other("POST", "$batch", part * 3 + "--b--", headers={"Content-Type": "multipart/mixed; boundary=b"})
    assert other.names() == ["A"]


def refusal(other: OtherProcess) -> None:
    until = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
    other.plan("refuse", status=412, code="0x1", message="No.", headers={"X-A": "1"}, containing="A", until=until)
    answer = other("POST", "accounts", {"name": "A"})
    assert (answer.status_code, answer.headers["X-A"]) == (412, "1")
    assert answer.json() == {"error": {"code": "0x1", "message": "No."}}


def storms(other: OtherProcess) -> None:
    for status in STORMS:
        assert other("DELETE", "sandbox/faults").status_code == 204
        other.plan("storm", status=status, lasting=60, retry_after=9)
        answer = other("GET", "WhoAmI")
        assert (answer.status_code, answer.headers["Retry-After"]) == (status, "9")
        other("POST", "sandbox/clock", {"advance_seconds": 60})
        assert other("GET", "WhoAmI").status_code == 200


def deadlock(other: OtherProcess) -> None:
    other.plan("deadlock")
    assert "Sql Number: 1205" in other("GET", "WhoAmI").json()["error"]["message"]


def sql_timeout(other: OtherProcess) -> None:
    other.plan("sql_timeout")
    assert "Sql Number: -2" in other("GET", "WhoAmI").json()["error"]["message"]


def expired_token(other: OtherProcess) -> None:
    other.plan("expire_token")
    answer = other("GET", "WhoAmI")
    assert (answer.status_code, "The token is expired" in answer.headers["WWW-Authenticate"]) == (401, True)


def held(other: OtherProcess) -> None:
    planned = other.plan("hold", path="accounts", method="POST", after_commit=True)
    caller = threading.Thread(target=other, args=("POST", "accounts", {"name": "A"}))
    caller.start()
    assert other.comes(lambda: other("GET", "sandbox/faults").json()["value"][0]["reached"])
    assert other.names() == ["A"], "it is committed, and not answered yet"
    assert other("POST", f"sandbox/faults/{planned['id']}/release").status_code == 204
    caller.join(IN_TIME)


def finished_when_nobody_listened(other: OtherProcess) -> None:
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
def test_every_fault_of_requests_strikes_when_planned_from_another_process(other: OtherProcess, kind: str) -> None:
    STRIKES[kind](other)
    assert other.struck() == [1]


def registered(sandbox: Sandbox, other: OtherProcess, table: str, *, synchronous: bool) -> None:
    """A step that posts when a row of the table is made."""
    name, key = sandbox.servicebus_send_key
    endpoint = {"name": table, "contract": 6, "connectionmode": 1, "authtype": 2, "saskeyname": name, "saskey": key}
    endpoint |= {
        "namespaceaddress": f"sb://127.0.0.1:{sandbox.bus.port}/",
        "solutionnamespace": "local",
        "path": EVENTS,
    }
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
    sandbox: Sandbox, other: OtherProcess, kind: str, arguments: dict[str, Any], posted: int
) -> None:
    registered(sandbox, other, "account", synchronous=False)
    registered(sandbox, other, "contact", synchronous=True)
    other.plan(kind, **arguments)
    for name in ("A", "B"):
        assert other("POST", "accounts", {"name": name}).status_code == 204
    if kind == "roll_back":
        assert other("POST", "contacts", {"lastname": "C"}).status_code == 500
        assert other("GET", "contacts").json()["value"] == []
    if kind == "delay":
        other("POST", "sandbox/clock", {"advance_seconds": 3601})
    assert other.comes(lambda: (sandbox.bus.counts(EVENTS).active, other.struck()) == (posted, [1]))


BUS_FAULTS: dict[str, dict[str, Any]] = {
    "latency": {"milliseconds": 2.5, "direction": "in"},
    "drop_connection": {"carried_out": True},
    "detach_link": {"condition": "amqp:not-allowed", "description": "No."},
    "lose_lock": {"operation": "renew-lock"},
    "refuse_settlement": {"condition": "amqp:not-allowed", "description": "No."},
    "swallow_confirmation": {"operation": "send", "carried_out": False},
    "server_busy": {"lasting": 60},
    "duplicate": {"probability": 0.5, "seed": 7},
    "reorder": {"times": None},
}
"""Each with all it takes besides; what it does to clients is shown with the SDK."""


def test_every_fault_of_the_bus_is_planned_listed_and_called_off_from_another_process(
    sandbox: Sandbox, other: OtherProcess
) -> None:
    assert set(BUS_FAULTS) == BUS_KINDS
    for kind, arguments in BUS_FAULTS.items():
        told = other.plan(kind, entity="Commands", **arguments)
        assert (told["entity"], told["operation"]) == (COMMANDS, sandbox.bus.faults.planned[-1].operation)
    listed = other("GET", "sandbox/faults").json()["value"]
    assert [(one["fault"], one["struck"]) for one in listed] == [(kind, 0) for kind in BUS_FAULTS]
    assert [one["fault"] for one in listed if one["left"] > 1] == ["latency", "reorder"]
    assert [one["fault"] for one in listed if one["until"]] == ["server_busy"]
    planned = sandbox.bus.faults.planned
    assert other("DELETE", "sandbox/faults").status_code == 204
    assert other("GET", "sandbox/faults").json() == {"value": []}
    assert [fault.left for fault in planned] == [0] * len(planned)


def test_faults_of_the_bus_strike_what_dataverse_posts_and_are_over_when_their_time_is(
    sandbox: Sandbox, other: OtherProcess
) -> None:
    registered(sandbox, other, "account", synchronous=False)
    other.plan("duplicate", entity=EVENTS, times=None, lasting=60)
    for name in ("A", "B"):
        assert other("POST", "accounts", {"name": name}).status_code == 204
        assert other.comes(lambda: sandbox.bus.counts(EVENTS).active >= 2)
        other("POST", "sandbox/clock", {"advance_seconds": 60})
    assert other.comes(lambda: (sandbox.bus.counts(EVENTS).active, other.struck()) == (3, [1]))


def test_no_fault_there_is_has_been_left_out() -> None:
    for kinds, faults in ((KINDS, Faults), (EVENT_KINDS, EventFaults), (BUS_KINDS, BusFaults)):
        told = inspect.getmembers(faults, inspect.isfunction)
        rules = {"LostReply", "CutInBatch", "Refusal", "ExpiredToken", "Hold", "EventFault", "BusFault"}
        planners = {name for name, plan in told if inspect.signature(plan).return_annotation in rules}
        assert {name for name in planners if not name.startswith("_")} == kinds
    assert set(STRIKES) == KINDS


def test_the_page_on_the_sandbox_tells_every_fault_with_its_arguments() -> None:
    rows = dict(re.findall(r"^\| `(\w+)` \|[^|]*\|([^|]*)\|$", PAGE, re.MULTILINE))
    del rows["fault"]
    assert set(rows) == KINDS | EVENT_KINDS | BUS_KINDS
    for kind, told in rows.items():
        common = {"self", "times", "path"}
        if kind in EVENT_KINDS:
            common = {"self", "times", "table", "record"}
        elif kind in BUS_KINDS:
            common = {"self", *Where.__annotations__}
        faults = EventFaults if kind in EVENT_KINDS else BusFaults if kind in BUS_KINDS else Faults
        assert set(re.findall(r"`(\w+)`", told)) == set(parameters(getattr(faults, kind))) - common, kind


def test_the_page_on_the_sandbox_tells_every_request(sandbox: Sandbox) -> None:
    told = set(re.findall(r"^\| `(\w+) /sandbox/([\w/]+)` \|", PAGE, re.MULTILINE))
    assert told == set(sandbox.web.control.known)


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
        ({"fault": "latency"}, "missing a required argument: 'milliseconds'"),
        ({"fault": "latency", "milliseconds": "5"}, "milliseconds can't be '5'"),
        ({"fault": "latency", "milliseconds": True}, "milliseconds can't be True"),
        ({"fault": "latency", "milliseconds": 60001}, "above 0 and at most 60000"),
        ({"fault": "latency", "milliseconds": 5, "direction": "up"}, "direction can't be 'up'"),
        ({"fault": "reorder", "entity": "nowhere"}, "no queue, topic or subscription 'nowhere'"),
        ({"fault": "reorder", "operation": "settle"}, "operation can't be 'settle'; it is one of deliver"),
        ({"fault": "lose_lock", "probability": 0}, "above 0 and at most 1"),
        ({"fault": "lose_lock", "times": 0}, "times can't be 0"),
        ({"fault": "lose_lock", "path": "a"}, "lose_lock takes no path; it takes entity, operation, times"),
    ],
)
def test_a_fault_that_makes_no_sense_is_not_planned(other: OtherProcess, wanted: Any, sentence: str) -> None:
    answer = other("POST", "sandbox/faults", wanted)
    assert (answer.status_code, other("GET", "sandbox/faults").json()) == (400, {"value": []})
    assert sentence in answer.json()["error"]["message"]
    assert other("GET", "WhoAmI").status_code == 200
