"""Being told to wait by one answer makes every request of the process wait, whichever kind of answer it was."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from connector.dataverse.budget import Budget
from connector.dataverse.changes import ChangeSet, Create, Reference
from connector.dataverse.query import Query
from connector.errors import ConnectorError, Transient
from tests.connector.dataverse.environment import API, ONE, batch_answer, change_set, error, mocked, part

BATCH = f"{API}$batch"
LATER = {"Retry-After": "7"}
LIMIT = error("0x80072322", "Number of requests exceeded the limit.")
NEW = ChangeSet((Create(Reference("account", ONE), {"name": "x"}),))
QUESTIONS = [Query("account", ("name",)), Query("account", ("name",), top=1)]


@pytest.mark.parametrize(
    "answer",
    [
        {"status": 429, "headers": LATER},
        {"status": 503, "headers": LATER},
        batch_answer(change_set(part(204)), part(429, LIMIT, LATER)),
        {**batch_answer(change_set(part(204)), part(429, LIMIT)), "headers": LATER},
        batch_answer(change_set(part(204)), part(503, None, LATER)),
        batch_answer(change_set(part(204)), part(400, LIMIT, LATER)),
    ],
    ids=["429", "503", "429 in a part", "429 in a part, told outside", "503 in a part", "told by its code"],
)
def test_a_write_that_is_told_to_wait_makes_the_next_request_of_anybody_wait_as_long(answer: dict[str, Any]) -> None:
    with mocked("account") as (client, http, time):
        http.post(BATCH, **answer)
        http.get(f"{API}things", json={})

        last = client.commit([NEW, NEW])[-1]
        assert last.retry_after == timedelta(seconds=7)  # type: ignore[union-attr]
        client.send("GET", "things")

        assert time.slept == [7]


@pytest.mark.parametrize(
    "answer",
    [
        {"status": 429, "headers": LATER},
        {"status": 503, "headers": LATER},
        batch_answer(part(200, {"value": []}), part(429, LIMIT, LATER)),
    ],
    ids=["429", "503", "429 in a part"],
)
def test_a_read_that_is_told_to_wait_makes_the_next_request_of_anybody_wait_as_long(answer: dict[str, Any]) -> None:
    with mocked("account") as (client, http, time):
        http.post(BATCH, **answer)
        http.get(f"{API}things", json={})

        with pytest.raises(Transient):
            client.query(QUESTIONS)
        client.send("GET", "things")

        assert time.slept == [7]


def test_a_refusal_that_names_no_time_to_wait_holds_nobody_up() -> None:
    with mocked("account") as (client, http, time):
        http.post(BATCH, **batch_answer(part(503), part(412, error("0x80060882", "The version does not match."))))
        http.get(f"{API}things", json={})

        outcomes = client.commit([NEW, NEW])
        client.send("GET", "things")

        assert all(isinstance(outcome, ConnectorError) for outcome in outcomes)
        assert time.slept == []


@pytest.mark.parametrize("told", ["3601", "inf", "1e999", "99999999", "Fri, 31 Dec 9999 23:59:59 GMT"])
@pytest.mark.parametrize("status", [502, 503])
def test_a_foolish_wait_of_a_gateway_stops_us_for_an_hour_and_not_for_longer(status: int, told: str) -> None:
    budget = Budget()
    with mocked("account", budget=budget) as (client, http, time):
        http.get(f"{API}accounts?$select=name", status=status, body="<html>", headers={"Retry-After": told})

        with pytest.raises(Transient):
            client.query([Query("account", ("name",))])

        assert budget.held(time.now()) == timedelta(hours=1)
        assert len(http.calls) == 2, "the tables, and the question once"


def test_a_long_wait_is_obeyed_exactly_seen_by_whoever_asks_and_an_error_in_the_log(
    caplog: pytest.LogCaptureFixture,
) -> None:
    budget = Budget()
    with mocked("account", budget=budget) as (client, http, time):
        http.get(f"{API}accounts?$select=name", status=503, headers={"Retry-After": "1800"})

        with pytest.raises(Transient):
            client.query([Query("account", ("name",))])

        assert budget.held(time.now()) == budget.linger(time.now()) == timedelta(minutes=30)
        time.sleep(1800)
        assert budget.held(time.now()) == timedelta()
        assert [record.levelname for record in caplog.records if "says to wait" in record.message] == ["ERROR"]
