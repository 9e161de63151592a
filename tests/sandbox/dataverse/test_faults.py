"""Faults strike when, where and as often as planned."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest
import requests

if TYPE_CHECKING:
    from sandbox.dataverse.server import DataverseServer
    from tests.sandbox.dataverse.conftest import Api, Ear


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


def test_a_commit_finishes_after_the_caller_has_given_up(server: DataverseServer, api: Api, ear: Ear) -> None:
    late = server.faults.finish_late("accounts", method="POST")
    with pytest.raises(requests.Timeout):
        requests.post(
            f"{api.root}/accounts",
            json={"name": "A"},
            headers={"Authorization": f"Bearer {server.tokens['service']}"},
            timeout=0.2,
        )
    assert late.reached.is_set()
    assert ear.arrived.wait(10)
    assert names(api) == ["A"]


def test_a_slow_action_outlives_its_caller_and_completes_all_the_same(
    server: DataverseServer, api: Api, ear: Ear
) -> None:
    id = api.create("accounts", {"name": "A"})
    ear.arrived.clear()
    server.faults.finish_late("new_Rename")
    with pytest.raises(requests.Timeout):
        requests.post(
            f"{api.root}/accounts({id})/Microsoft.Dynamics.CRM.new_Rename",
            json={"Name": "B"},
            headers={"Authorization": f"Bearer {server.tokens['service']}"},
            timeout=0.2,
        )
    assert ear.arrived.wait(10)
    assert names(api) == ["B"]


PART = "Content-Type: application/http\n\n"


def posts(*names_: str) -> str:
    return "".join(f'--b\n{PART}POST accounts HTTP/1.1\n\n{{"name":"{name}"}}\n' for name in names_)


def test_a_batch_cut_in_the_middle_keeps_what_was_committed_and_nothing_else(server: DataverseServer, api: Api) -> None:
    rule = server.faults.cut_in_batch(after=2)
    with pytest.raises(requests.ConnectionError):
        api.batch(posts("A", "B", "C") + "--b--\n")
    assert rule.struck == 1
    assert names(api) == ["A", "B"]


def test_a_change_set_cut_in_the_middle_leaves_nothing(server: DataverseServer, api: Api) -> None:
    server.faults.cut_in_batch(after=3)
    inner = "".join(f'--c\n{PART}POST accounts HTTP/1.1\n\n{{"name":"{name}"}}\n' for name in "BCD")
    with pytest.raises(requests.ConnectionError):
        api.batch(posts("A") + f"--b\nContent-Type: multipart/mixed; boundary=c\n\n{inner}--c--\n--b--\n")
    assert names(api) == ["A"]


def test_an_answer_can_be_cut_in_its_middle(server: DataverseServer, api: Api) -> None:
    server.faults.lose_reply(path="batch$", sent=40)
    with pytest.raises((requests.ConnectionError, requests.exceptions.ChunkedEncodingError)):
        api.batch(posts("A") + "--b--\n")
    assert names(api) == ["A"]


def test_a_deadlock_and_an_sql_timeout_have_their_numbers(server: DataverseServer, api: Api) -> None:
    server.faults.deadlock(path="accounts")
    server.faults.sql_timeout(path="accounts")
    refusals = [api.refused("POST", "accounts", {"name": "A"}) for _ in range(2)]
    assert [(status, code) for status, code, _ in refusals] == [(500, "0x80044150"), (500, "0x80044151")]
    assert refusals[0][2].endswith("Sql Number: 1205")
    assert refusals[1][2].endswith("Sql Number: -2")
    assert names(api) == []


def test_a_deadlock_in_a_change_set_undoes_all_of_it(server: DataverseServer, api: Api) -> None:
    server.faults.deadlock(containing='"B"', path="accounts")
    inner = "".join(f'--c\n{PART}POST accounts HTTP/1.1\n\n{{"name":"{name}"}}\n' for name in "AB")
    answer = api.batch(f"--b\nContent-Type: multipart/mixed; boundary=c\n\n{inner}--c--\n--b--\n")
    assert answer.status_code == 400
    assert b"HTTP/1.1 500 Internal Server Error" in answer.content
    assert b"Sql Number: 1205" in answer.content
    assert names(api) == []


def test_an_expired_token_is_told_by_its_challenge(server: DataverseServer, api: Api) -> None:
    server.faults.expire_token(times=1)
    answer = api("GET", "WhoAmI")
    assert answer.status_code == 401
    assert 'error="invalid_token"' in answer.headers["WWW-Authenticate"]
    assert api("GET", "WhoAmI").status_code == 200


@pytest.mark.parametrize(("status", "code"), [(429, "0x80072322"), (502, ""), (503, ""), (504, "")])
def test_a_storm_refuses_everything_so_many_times(server: DataverseServer, api: Api, status: int, code: str) -> None:
    storm = server.faults.storm(status, times=3)
    for _ in range(3):
        assert api.refused("GET", "WhoAmI")[:2] == (status, code)
    assert api("GET", "WhoAmI").status_code == 200
    assert storm.struck == 3
