"""What the transport learns from answers: which server it was, how many at once are useful, what was too much."""

from __future__ import annotations

from datetime import timedelta

import pytest
import responses

from connector.auth import StaticToken
from connector.dataverse import answer_body
from connector.dataverse.budget import NO_WAIT, Budget, Limits
from connector.dataverse.changes import ChangeSet, Create, Reference
from connector.dataverse.client import DataverseClient
from connector.dataverse.query import Query
from connector.errors import Rejected, Throttled, UnknownOutcome
from tests.connector.dataverse.environment import (
    API,
    NOW,
    ONE,
    ORIGIN,
    Time,
    batch_answer,
    error,
    mocked,
    part,
)


def cookie(server: str) -> dict[str, str]:
    return {"Set-Cookie": f"ARRAffinity={server}; Path=/; HttpOnly; Domain=org.example.com"}


def a_thing(server: str) -> responses.Response:
    return responses.Response("GET", f"{API}things", json={}, headers=cookie(server))


def test_requests_that_land_on_two_servers_have_the_budgets_of_both() -> None:
    budget = Budget(Limits(requests=2, headroom=1.0))
    with mocked(budget=budget) as (client, http, time):
        for server in ("a", "b", "a", "b"):
            http.add(a_thing(server))
        for _ in range(3):
            client.send("GET", "things")

        assert budget.admit(time.now()) == timedelta(seconds=300)
        assert len(http.calls) == 3
        http.reset()


def test_the_server_may_be_kept_and_no_other_cookie_is_taken() -> None:
    with mocked(keep_affinity=True) as (client, http, _):
        http.get(f"{API}things", json={}, headers=cookie("server1"))
        http.get(f"{API}things", json={}, headers={"Set-Cookie": "Session=secret; Path=/; Domain=org.example.com"})
        http.get(f"{API}things", json={})

        for _time in range(3):
            client.send("GET", "things")

        assert [call.request.headers.get("Cookie") for call in http.calls] == [None, *["ARRAffinity=server1"] * 2]


def test_advice_on_the_degree_of_parallelism_is_shared_by_replicas_and_caps_this_process() -> None:
    budget = Budget(Limits(replicas=2))
    with mocked(budget=budget) as (client, http, _):
        http.get(f"{API}things", json={}, headers={"x-ms-dop-hint": "8"})

        assert budget.lanes.open == 26
        client.send("GET", "things")
        assert budget.lanes.open == 4


def test_too_many_at_once_leaves_half_the_lanes() -> None:
    budget = Budget()
    with mocked(budget=budget) as (client, http, _):
        http.get(f"{API}things", status=429, headers={"Retry-After": "2"}, json=error("0x80072326", "52 at once"))

        with pytest.raises(Throttled, match="too-many-at-once"):
            client.send("GET", "things")
        assert budget.lanes.open == 26


@pytest.mark.parametrize(
    ("code", "sentence", "admitted"),
    [
        ("0x80072322", "Number of requests exceeded the limit of 400 over time window of 300 seconds.", 400),
        ("", "Number of requests exceeded the limit of 400 per minute.", 6000),
        ("0x80072322", "Too many.", 6000),
        ("", "Number of concurrent requests exceeded the limit of 52.", 6000),
        ("", "You exceeded the limit of 52.", 6000),
        ("0x80072322", "You exceeded the limit of 52 things.", 6000),
        (
            "0x80072321",
            "Combined execution time of incoming requests exceeded limit of 600,000 milliseconds over time window of "
            "300 seconds. Decrease number of concurrent requests or reduce the duration of requests and try again.",
            600,
        ),
    ],
)
def test_the_limit_that_a_refusal_names_holds_from_then_on(code: str, sentence: str, admitted: int) -> None:
    budget = Budget(Limits(headroom=1.0))
    with mocked(budget=budget) as (client, http, _):
        http.get(f"{API}things", status=429, headers={"Retry-After": "9"}, json=error(code, sentence))
        with pytest.raises(Throttled):
            client.send("GET", "things")

    later = NOW + timedelta(hours=1)
    count = 0
    while budget.admit(later) == NO_WAIT:
        budget.charge(later, timedelta(seconds=1 if "Combined" in sentence else 0))
        count += 1
    assert count == admitted


def test_all_clients_of_a_process_wait_when_one_was_told_to() -> None:
    time, budget = Time(), Budget()
    with responses.RequestsMock() as http:
        http.get(f"{API}things", status=429, headers={"Retry-After": "30"})
        first, second = (
            DataverseClient(ORIGIN, StaticToken("x"), budget=budget, now=time.now, sleep=time.sleep) for _ in range(2)
        )
        with pytest.raises(Throttled):
            first.send("GET", "things")
        with pytest.raises(Throttled) as caught:
            second.send("GET", "things")

        assert caught.value.retry_after == timedelta(seconds=30)
        assert len(http.calls) == 1


@pytest.mark.parametrize("wait", ["86400", "172800", "1e12", "1e400", "Fri, 31 Dec 9999 23:59:59 GMT"])
def test_a_wait_of_days_is_a_day_and_never_a_minute(wait: str) -> None:
    with mocked() as (client, http, _):
        http.get(f"{API}things", status=429, headers={"Retry-After": wait})

        with pytest.raises(Throttled) as caught:
            client.send("GET", "things")
        assert caught.value.retry_after == timedelta(days=1)


def test_an_answer_larger_than_can_be_held_is_not_held(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(answer_body, "MOST", 20_000)
    with mocked("account") as (client, http, _):
        http.get(f"{API}accounts?$select=name", body=b'{"value": [' + b" " * 30_000 + b"]}")
        http.post(f"{API}$batch", body=b"x" * 30_000)

        with pytest.raises(Rejected, match="answer-too-large"):
            client.query([Query("account", ["name"])])
        (outcome,) = client.commit([ChangeSet((Create(Reference("account", ONE), {"name": "x"}),))])
        assert isinstance(outcome, UnknownOutcome)


def test_questions_whose_answers_are_too_large_together_are_asked_in_halves(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(answer_body, "MOST", 20_000)
    with mocked("account") as (client, http, _):
        empty = {"value": [], "filler": "x" * 15_000}
        http.post(f"{API}$batch", **batch_answer(part(200, empty), part(200, empty)))
        http.post(f"{API}$batch", **batch_answer(part(200, empty)))
        http.post(f"{API}$batch", **batch_answer(part(200, empty)))

        assert client.query([Query("account", ["name"]), Query("account", ["revenue"])]) == [[], []]
