from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
import requests
from opentelemetry.trace import SpanKind, StatusCode

from connector.dataverse.budget import Budget, Limits
from connector.errors import ConnectorError, Throttled
from connector.telemetry.exchanges import exchange
from connector.telemetry.instruments import (
    BUDGET_WAIT,
    CHARGED,
    ERROR,
    KIND,
    LIMIT,
    METHOD,
    REQUEST_TIME,
    REQUESTS,
    RESENT,
    SERVER,
    SERVICE_REQUEST,
    STATUS,
    THROTTLES,
    URL,
)
from tests.connector.dataverse.environment import API, ONE, ORIGIN, error, mocked
from tests.connector.telemetry.taken import Taken, told

THINGS = "/api/data/v9.2/things"


def test_a_request_tells_method_host_path_status_and_the_far_sides_name_for_it(taken: Taken) -> None:
    with mocked() as (client, http, _):
        http.get(f"{API}things?$filter=fullname", json={}, headers={"x-ms-service-request-id": "srv-1"})
        client.send("GET", "things?$filter=fullname")

    span = taken.one(f"GET {THINGS}")
    assert span.kind is SpanKind.CLIENT
    assert span.attributes == {
        METHOD: "GET",
        SERVER: "org.example.com",
        URL: ORIGIN + THINGS,
        STATUS: 200,
        SERVICE_REQUEST: ("srv-1",),
    }
    assert taken.values(REQUEST_TIME) == {told({METHOD: "GET", SERVER: "org.example.com", STATUS: 200}): 1}
    assert taken.values(REQUESTS) == {told({STATUS: 200, KIND: "read"}): 1}
    assert list(taken.values(CHARGED)) == [told({KIND: "read"})]


@pytest.mark.parametrize(
    ("target", "path"),
    [
        (f"systemusers({ONE})?$select=x", "systemusers()"),
        (f"invoices({ONE})/Microsoft.Dynamics.CRM.Lock(By='a/b)c')", "invoices()/Microsoft.Dynamics.CRM.Lock()"),
        ("contacts(mail='anna@contoso.com')/orders(2)", "contacts()/orders()"),
        ("$batch", "$batch"),
    ],
)
def test_no_key_of_a_row_and_no_query_is_told(target: str, path: str, taken: Taken) -> None:
    with exchange("GET", ORIGIN, f"/api/data/v9.2/{target}", writes=False):
        pass
    assert taken.one(f"GET /api/data/v9.2/{path}").attributes == {
        METHOD: "GET",
        SERVER: "org.example.com",
        URL: f"{API}{path}",
    }


def test_a_port_is_told_beside_the_host(taken: Taken) -> None:
    with exchange("GET", "http://127.0.0.1:8080", "/x", writes=False):
        pass
    attributes = taken.one("GET /x").attributes or {}
    assert (attributes[SERVER], attributes["server.port"]) == ("127.0.0.1", 8080)


def test_a_request_sent_again_with_a_new_token_is_a_span_of_its_own_that_says_so(taken: Taken) -> None:
    with mocked() as (client, http, _):
        http.get(f"{API}things", status=401)
        http.get(f"{API}things", json={})
        client.send("GET", "things")

    refused, repeated = taken.spans(with_name=f"GET {THINGS}")
    assert refused.status.status_code is StatusCode.ERROR
    assert [(span.attributes or {}).get(RESENT) for span in (refused, repeated)] == [None, 1]
    assert [(span.attributes or {}).get(ERROR) for span in (refused, repeated)] == ["401", None]
    expected = {told({STATUS: 401, KIND: "read"}): 1, told({STATUS: 200, KIND: "read"}): 1}
    assert taken.values(REQUESTS) == expected


def test_a_write_without_an_answer_is_told_by_code_and_its_words_stay_in_the_log(taken: Taken) -> None:
    with mocked() as (client, http, _):
        http.post(f"{API}things", body=requests.ReadTimeout("12.34 for Anna"))
        with pytest.raises(ConnectorError):
            client.send("POST", "things", {})

    span = taken.one(f"POST {THINGS}")
    assert (span.status.status_code, span.status.description) == (StatusCode.ERROR, None)
    assert ((span.attributes or {})[ERROR], list(span.events)) == ("no-answer", [])
    assert taken.values(REQUESTS) == {told({STATUS: "none", KIND: "write"}): 1}
    expected = told({METHOD: "POST", SERVER: "org.example.com", ERROR: "no-answer"})
    assert taken.values(REQUEST_TIME) == {expected: 1}


@pytest.mark.parametrize(
    ("code", "limit"),
    [
        ("0x80072322", "too-many-requests"),
        ("0x80072321", "too-much-execution-time"),
        ("0x80072326", "too-many-at-once"),
        ("0x1", "throttled"),
    ],
)
def test_a_throttled_request_is_counted_by_the_limit_it_met(code: str, limit: str, taken: Taken) -> None:
    with mocked() as (client, http, _):
        body: Any = error(code, "Too much.")
        http.post(f"{API}things", status=429, json=body, headers={"Retry-After": "17"})
        with pytest.raises(Throttled):
            client.send("POST", "things", {})
    assert taken.values(THROTTLES) == {told({LIMIT: limit}): 1}


def test_a_wait_for_the_own_budget_is_measured(taken: Taken) -> None:
    limits = Limits(requests=1, headroom=1, window=timedelta(seconds=10))
    with mocked(budget=Budget(limits)) as (client, http, time):
        http.get(f"{API}things", json={})
        client.send("GET", "things")
        client.send("GET", "things")
    assert sum(time.slept) == 10
    assert taken.values(BUDGET_WAIT) == {told({}): len(time.slept)}
