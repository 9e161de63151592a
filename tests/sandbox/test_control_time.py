"""Time, snapshots and tokens over HTTP alone, as another process uses them."""

from __future__ import annotations

import threading
from datetime import datetime, timedelta
from uuid import uuid4

from sandbox.world import Sandbox
from tests.sandbox.other_process import IN_TIME, OtherProcess


def test_the_clock_jumps_by_a_duration_or_to_a_moment_and_never_back(other: OtherProcess) -> None:
    start = datetime.fromisoformat(other("GET", "sandbox/clock").json()["now"])
    to = (start + timedelta(days=40)).isoformat()
    now = datetime.fromisoformat(other("POST", "sandbox/clock", {"to": to}).json()["now"])
    assert timedelta(days=40) <= now - start < timedelta(days=40, minutes=1)
    account = other("POST", "accounts", {"name": "A"}, headers={"Prefer": "return=representation"}).json()
    assert account["createdon"][:10] == to[:10]
    moments: tuple[object, ...] = (
        {"to": "2026-01-01T00:00:00Z"},
        {"to": "soon"},
        {"to": "2099-01-01"},
        {"to": "9999-01-01T00:00:00Z"},
    )
    durations: tuple[object, ...] = (
        {"advance_seconds": 1e300},
        {"advance_seconds": 9e12},
        {"advance_seconds": 1, "to": to},
        {},
    )
    for wrong in (*moments, *durations):
        assert other("POST", "sandbox/clock", wrong).status_code == 400
    assert other("GET", "sandbox/clock").status_code == 200


def test_dataverse_goes_back_to_snapshots_and_to_its_beginning(other: OtherProcess) -> None:
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


def test_dataverse_does_not_go_back_under_transactions_that_are_under_way(
    sandbox: Sandbox, other: OtherProcess
) -> None:
    other("PATCH", "sandbox/switches", {"row_locks": {"enabled": True, "holds": {"account": 3600}}})
    caller = threading.Thread(target=other, args=("POST", "accounts", {"name": "A"}))
    caller.start()
    assert sandbox.row_locks.reached(IN_TIME, writing=1)
    answer = other("POST", "sandbox/reset")
    assert (answer.status_code, "let them end first" in answer.text) == (409, True)
    other("POST", "sandbox/clock", {"advance_seconds": 3601})
    caller.join(IN_TIME)
    assert other.names() == ["A"]
    assert other("POST", "sandbox/reset").status_code == 204


def test_tokens_of_others_are_handed_out_and_made_for_users_made_later(other: OtherProcess) -> None:
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
    for nobody in ({"user": str(uuid4())}, {"user": "clerk"}, {}, {"user": person, "for": 1}):
        assert other("POST", "sandbox/tokens", nobody).status_code == 400


def test_what_has_nothing_to_say_takes_nothing(other: OtherProcess) -> None:
    other("POST", "accounts", {"name": "A"})
    assert other("POST", "sandbox/snapshots").status_code == 201
    for path in ("snapshots", "reset", "snapshots/1/restore"):
        answer = other("POST", f"sandbox/{path}", {"queues": True})
        assert (answer.status_code, "also not queues" in answer.text) == (400, True)
    assert other.names() == ["A"]
