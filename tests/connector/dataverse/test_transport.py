from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
import responses

from connector.auth import StaticToken
from connector.dataverse.budget import Budget, Limits
from connector.dataverse.client import DataverseClient
from connector.dataverse.transport import origin_of
from connector.errors import Conflict, ConnectorError, Misconfigured, Rejected, Throttled, Transient, UnknownOutcome
from tests.connector.dataverse.environment import API, ORIGIN, Time, error, last_body, mocked


class Tokens:
    """Counts how often a token was asked for and dropped; every dropped one is followed by a new one."""

    def __init__(self) -> None:
        self.generation = 0
        self.dropped: list[str | None] = []
        self.claims: list[str | None] = []

    def token(self) -> str:
        return f"t{self.generation}"

    def drop(self, stale: str | None = None, claims: str | None = None) -> None:
        self.dropped.append(stale)
        self.claims.append(claims)
        self.generation += 1


@pytest.mark.parametrize(
    ("url", "origin"),
    [
        ("https://org.crm4.dynamics.com", "https://org.crm4.dynamics.com"),
        ("https://org.crm4.dynamics.com/api/data/v9.2/", "https://org.crm4.dynamics.com"),
        ("https://user:secret@org.example.com:444/x", "https://org.example.com:444"),
        ("http://127.0.0.1:8080/", "http://127.0.0.1:8080"),
        ("http://localhost:8080", "http://localhost:8080"),
        ("http://[::1]:8080", "http://[::1]:8080"),
    ],
)
def test_an_address_is_cut_to_its_origin(url: str, origin: str) -> None:
    assert origin_of(url) == origin


@pytest.mark.parametrize("url", ["http://org.example.com", "http://10.0.0.1", "org.example.com", "ftp://x", ""])
def test_an_address_that_would_carry_the_token_unprotected_is_refused(url: str) -> None:
    with pytest.raises(Misconfigured):
        origin_of(url)


def test_a_post_sends_exact_json_and_these_headers() -> None:
    with mocked() as (client, http, _):
        http.post(f"{API}things?x=1", status=204, headers={"OData-EntityId": "e"})

        answer = client.send("post", "things?x=1", {"a": Decimal("1.50")}, {"MSCRM.SolutionUniqueName": "s"})

        assert (answer.status, answer.headers["odata-entityid"], answer.json) == (204, "e", None)
        sent = http.calls[0].request
        assert last_body(http) == b'{"a":1.50}'
        assert sent.headers["Content-Type"] == "application/json"
        assert sent.headers["MSCRM.SolutionUniqueName"] == "s"
        assert sent.headers["OData-Version"] == sent.headers["OData-MaxVersion"] == "4.0"
        assert "If-None-Match" not in sent.headers


def test_a_get_gives_its_json_with_decimals() -> None:
    with mocked() as (client, http, _):
        http.get(f"{API}things", body='{"a": 1.10}')

        assert client.send("GET", "things").json == {"a": Decimal("1.10")}


def test_a_refusal_is_raised_unless_it_is_expected() -> None:
    with mocked() as (client, http, _):
        http.get(f"{API}things(1)", status=404, json=error("0x80040217", "Does Not Exist"))
        http.delete(f"{API}things(1)", status=400, json=error("0x80040265", "no"))

        with pytest.raises(Conflict):
            client.send("GET", "things(1)")
        with pytest.raises(Rejected):
            client.send("DELETE", "things(1)")


def test_a_refused_token_is_renewed_and_the_request_repeated_once() -> None:
    tokens = Tokens()
    with responses.RequestsMock() as http:
        http.post(f"{API}things", status=401)
        http.post(f"{API}things", status=204)

        DataverseClient(ORIGIN, tokens).send("POST", "things", {})

        assert [call.request.headers["Authorization"] for call in http.calls] == ["Bearer t0", "Bearer t1"]
        assert tokens.dropped == ["t0"]


def test_what_a_refusal_of_the_token_asks_for_is_passed_on_once() -> None:
    tokens = Tokens()
    challenge = 'Bearer realm="", error="insufficient_claims", claims="eyJhY2Nlc3NfdG9rZW4iOnt9fQ=="'
    with responses.RequestsMock() as http:
        http.post(f"{API}things", status=401, headers={"WWW-Authenticate": challenge})
        http.post(f"{API}things", status=401, headers={"WWW-Authenticate": challenge})

        with pytest.raises(Misconfigured, match="sign-in-refused"):
            DataverseClient(ORIGIN, tokens).send("POST", "things", {})

        assert tokens.claims == ['{"access_token":{}}']


def test_a_token_refused_twice_is_our_fault() -> None:
    tokens = Tokens()
    with responses.RequestsMock() as http:
        refused = http.get(f"{API}WhoAmI", status=401)

        with pytest.raises(Misconfigured, match="sign-in-refused"):
            DataverseClient(ORIGIN, tokens).who_am_i()
        assert refused.call_count == 2


def test_no_cookie_is_ever_sent_back() -> None:
    with mocked() as (client, http, _):
        http.get(f"{API}things", json={}, headers={"Set-Cookie": "ARRAffinity=server1; Path=/"})

        client.send("GET", "things")
        client.send("GET", "things")

        assert "Cookie" not in http.calls[1].request.headers


def test_a_redirect_is_not_followed_with_the_token() -> None:
    with mocked() as (client, http, _):
        http.get(f"{API}things", status=302, headers={"Location": "https://elsewhere.example/"})

        with pytest.raises(Misconfigured, match="redirect"):
            client.send("GET", "things")
        assert len(http.calls) == 1


def test_a_throttled_write_says_exactly_when_to_come_back() -> None:
    with mocked() as (client, http, _):
        http.post(f"{API}things", status=429, headers={"Retry-After": "17"}, json=error("-2147015902", "limit"))

        with pytest.raises(Throttled) as caught:
            client.send("POST", "things", {})
        assert caught.value.retry_after == timedelta(seconds=17)
        assert caught.value.code == "too-many-requests"


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (500, error("0x80040216", "An unexpected error occurred."), Transient),
        (502, {}, UnknownOutcome),
        (504, {}, UnknownOutcome),
    ],
)
def test_a_failed_write_is_unknown_unless_dataverse_itself_says_that_it_failed(
    status: int, body: object, kind: type[ConnectorError]
) -> None:
    with mocked() as (client, http, _):
        sent = http.post(f"{API}things", status=status, json=body)

        with pytest.raises(kind):
            client.send("POST", "things", {})
        assert sent.call_count == 1


def test_a_real_closed_port_is_transient_for_a_write_because_nothing_was_sent() -> None:
    import socket

    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        client = DataverseClient(f"http://127.0.0.1:{port}", StaticToken("x"))

        with pytest.raises(Transient, match="unreachable"):
            client.send("POST", "things", {})
        client.close()


def test_the_own_budget_counts_every_request_and_becomes_throttled_when_it_is_used_up() -> None:
    time = Time()
    budget = Budget(Limits(requests=2, headroom=1.0))
    with responses.RequestsMock() as http:
        http.get(f"{API}things", json={})
        client = DataverseClient(ORIGIN, StaticToken("x"), budget=budget, now=time.now, sleep=time.sleep)
        client.send("GET", "things")
        time.present += timedelta(seconds=100)
        client.send("GET", "things")

        with pytest.raises(Throttled) as caught:
            client.send("GET", "things")
        assert (caught.value.code, caught.value.retry_after) == ("own-budget", timedelta(seconds=200))
        assert len(http.calls) == 2


def test_neither_token_nor_body_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG", logger="connector")
    with mocked() as (client, http, _):
        http.post(f"{API}things?tag=x", status=204, headers={"x-ms-service-request-id": "srv-1"})

        client.send("POST", "things?tag=x", {"amount": Decimal("123.45")})

    assert "srv-1" in caplog.text
    assert "t0" not in caplog.text
    assert "123.45" not in caplog.text


@pytest.mark.parametrize(
    ("shown", "seconds"), [("Mon, 01 Jan 2024 00:00:20 GMT", 20), ("Sun, 31 Dec 2023 23:00:00 GMT", -3600)]
)
def test_what_the_far_clock_shows_is_known_from_the_last_answer(shown: str, seconds: int) -> None:
    with mocked() as (client, http, time):
        time.present = datetime(2024, 1, 1, tzinfo=UTC)
        assert client.far_now() == time.present
        http.get(f"{API}things", json={}, headers={"Date": shown})
        client.send("GET", "things")
        time.sleep(5)

        assert client.far_now() == datetime(2024, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds + 5)


@pytest.mark.parametrize(
    "shown",
    [
        "Mon, 01 Jan 2024 00:00:00 +99999999999999",
        "Mon, 01 Jan 1601 00:00:00 GMT",
        "Fri, 31 Dec 9999 23:59:59 GMT",
        "yesterday",
    ],
)
def test_a_far_clock_that_shows_what_no_clock_shows_is_not_believed_and_a_write_is_done_all_the_same(
    shown: str,
) -> None:
    with mocked() as (client, http, time):
        http.post(f"{API}things", status=204, headers={"Date": shown})
        http.post(f"{API}others", status=429, headers={"Date": shown, "Retry-After": shown})

        client.send("POST", "things", {})
        with pytest.raises(Throttled):
            client.send("POST", "others", {})
        time.sleep(5)

        assert client.far_now() == time.now()


def test_a_moment_to_come_back_at_is_not_reckoned_from_what_no_clock_shows() -> None:
    budget = Budget()
    with mocked(budget=budget) as (client, http, time):
        time.present = datetime(2024, 1, 1, tzinfo=UTC)
        told = {"Date": "Thu, 01 Jan 1970 00:00:00 GMT", "Retry-After": "Mon, 01 Jan 2024 00:00:30 GMT"}
        http.post(f"{API}things", status=429, headers=told)
        with pytest.raises(Throttled):
            client.send("POST", "things", {})

        assert budget.held(time.now()) == timedelta(seconds=30)
