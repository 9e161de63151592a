"""Faults strike when, where and as often as planned."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest
import requests

if TYPE_CHECKING:
    from sandbox.dataverse.server import DataverseServer
    from tests.sandbox.dataverse.conftest import Api


def names(api: Api) -> list[str]:
    return [row["name"] for row in api.get("accounts?$select=name")["value"]]


def test_a_lost_reply_was_carried_out_and_the_caller_cannot_know(server: DataverseServer, api: Api) -> None:
    rule = server.faults.lose_reply(path=r"/accounts$", method="POST")
    with pytest.raises(requests.ConnectionError):
        api("POST", "accounts", json={"name": "A"})
    assert names(api) == ["A"]
    assert rule.struck == 1
    api.create("accounts", {"name": "B"})
    assert rule.struck == 1


def test_a_refusal_happens_before_anything_is_done(server: DataverseServer, api: Api) -> None:
    rule = server.faults.refuse(
        times=2, path="accounts", status=429, code="0x80072322", message="Too many.", headers={"Retry-After": "7"}
    )
    for _ in range(2):
        answer = api("POST", "accounts", json={"name": "A"})
        assert (answer.status_code, answer.headers["Retry-After"]) == (429, "7")
        assert answer.json() == {"error": {"code": "0x80072322", "message": "Too many."}}
    assert rule.struck == 2
    assert names(api) == []


def test_a_refusal_can_strike_one_operation_inside_a_batch(server: DataverseServer, api: Api) -> None:
    rule = server.faults.refuse(path=r"/contacts$", status=503, headers={"Retry-After": "3"})
    part = "Content-Type: application/http\n\n"
    answer = api.batch(
        "--b\nContent-Type: multipart/mixed; boundary=c\n\n"
        f'--c\n{part}POST accounts HTTP/1.1\n\n{{"name":"A"}}\n'
        f"--c\n{part}POST contacts HTTP/1.1\n\n{{}}\n--c--\n--b--\n"
    )
    assert answer.status_code == 400
    assert b"HTTP/1.1 503 Service Unavailable" in answer.content
    assert b"Retry-After: 3" in answer.content
    assert rule.struck == 1
    assert names(api) == []


def test_a_held_request_waits_before_it_is_carried_out(server: DataverseServer, api: Api) -> None:
    hold = server.faults.hold("accounts", method="POST")
    thread = threading.Thread(target=api.create, args=("accounts", {"name": "A"}))
    thread.start()
    assert hold.reached.wait(10)
    assert names(api) == []
    hold.release()
    thread.join(10)
    assert names(api) == ["A"]
    assert hold.struck == 1


def test_a_request_can_be_held_between_its_commit_and_its_answer(server: DataverseServer, api: Api) -> None:
    hold = server.faults.hold("accounts", method="POST", after_commit=True)
    thread = threading.Thread(target=api.create, args=("accounts", {"name": "A"}))
    thread.start()
    assert hold.reached.wait(10)
    assert names(api) == ["A"]
    assert thread.is_alive()
    hold.release()
    thread.join(10)
    assert not thread.is_alive()


def test_a_rule_can_look_into_the_body(server: DataverseServer, api: Api) -> None:
    rule = server.faults.refuse(times=9, containing='"B"')
    api.create("accounts", {"name": "A"})
    assert api("POST", "accounts", json={"name": "B"}).status_code == 503
    assert rule.struck == 1
