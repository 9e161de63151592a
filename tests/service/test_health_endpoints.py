"""The endpoints as whoever looks after the process asks them."""

from __future__ import annotations

import http.client
import json
import socket
from collections.abc import Iterator

import pytest
from typer.testing import CliRunner

from service import health_endpoints
from service.cli.main import app as command_line
from service.health import STUCK_AFTER, Health
from service.health_endpoints import CONNECTIONS, endpoints
from service.health_settings import HealthSettings
from service.not_configured import NotConfigured
from service.settings_sources import load

HERE = "127.0.0.1"


@pytest.fixture
def health() -> Health:
    return Health({}, lambda: 0)


@pytest.fixture
def port(health: Health) -> Iterator[int]:
    with endpoints(HealthSettings(port=0), health) as port:
        assert port is not None
        yield port


def ask(port: int, method: str, path: str) -> tuple[int, str]:
    connection = http.client.HTTPConnection(HERE, port, timeout=10)
    connection.request(method, path)
    answer = connection.getresponse()
    body = answer.read().decode()
    connection.close()
    return answer.status, body


def sent(port: int, data: bytes) -> bytes:
    with socket.create_connection((HERE, port), timeout=10) as raw:
        raw.sendall(data)
        raw.shutdown(socket.SHUT_WR)
        return b"".join(iter(lambda: raw.recv(4096), b""))


def test_each_endpoint_says_200_or_503_and_why(port: int, health: Health) -> None:
    assert ask(port, "GET", "/live") == (200, '{\n  "live": true,\n  "reasons": []\n}\n')
    status, body = ask(port, "GET", "/started?verbose=1")
    assert (status, json.loads(body)["state"]) == (503, "starting")
    assert ask(port, "GET", "/ready")[0] == 503
    health.begun()
    assert ask(port, "GET", "/started")[0] == 200
    assert ask(port, "GET", "/ready")[0] == 200


def test_head_is_answered_without_a_body_and_anything_else_is_refused(port: int) -> None:
    assert ask(port, "HEAD", "/live") == (200, "")
    assert ask(port, "POST", "/live")[0] == 405
    status, body = ask(port, "GET", "/metrics")
    assert (status, json.loads(body)) == (404, {"error": "There is /live, /ready, /started."})


def test_what_is_no_request_is_told_so_and_takes_nothing_away(port: int) -> None:
    assert sent(port, b"hello\r\n\r\n").startswith(b"HTTP/1.1 400 ")
    assert sent(port, b"GET /live").startswith(b"HTTP/1.1 400 ")
    assert ask(port, "GET", "/live")[0] == 200


def test_whoever_opens_connections_and_says_nothing_is_bounded_in_number_and_time(
    health: Health, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(health_endpoints, "PATIENCE", 0.2)
    with endpoints(HealthSettings(port=0), health) as port:
        assert port is not None
        silent = [socket.create_connection((HERE, port), timeout=10) for _ in range(CONNECTIONS + 1)]
        try:
            assert [one.recv(1) for one in silent] == [b""] * len(silent)
            assert ask(port, "GET", "/live")[0] == 200
        finally:
            for one in silent:
                one.close()


def test_whoever_holds_connections_open_keeps_nobody_from_an_answer(port: int) -> None:
    silent = [socket.create_connection((HERE, port), timeout=10) for _ in range(CONNECTIONS)]
    try:
        assert ask(port, "GET", "/live")[0] == 200
        assert silent[0].recv(1) == b"", "the oldest makes room"
    finally:
        for one in silent:
            one.close()


def test_whoever_asks_a_service_whose_loop_is_stuck_is_answered_with_503() -> None:
    """Nobody gives a sign of life here; the answer comes from a thread and a loop of its own."""
    seconds = [0.0]
    with endpoints(HealthSettings(port=0), Health({}, lambda: 0, timer=lambda: seconds[0])) as port:
        assert port is not None
        assert ask(port, "GET", "/live")[0] == 200
        seconds[0] = STUCK_AFTER + 1
        status, body = ask(port, "GET", "/live")
        assert (status, json.loads(body)["live"]) == (503, False)


def test_without_a_port_nothing_listens(health: Health) -> None:
    with endpoints(HealthSettings(), health) as port:
        assert port is None


def test_a_port_that_is_taken_is_not_configured(port: int, health: Health) -> None:
    with pytest.raises(NotConfigured, match=f"HEALTH__PORT: 127.0.0.1 port {port} can't be listened on"):
        endpoints(HealthSettings(port=port), health).__enter__()


def test_an_address_that_is_none_is_named(all_set: pytest.MonkeyPatch) -> None:
    all_set.setenv("PSA_CONNECTOR_HEALTH__ADDRESS", "everywhere")
    with pytest.raises(NotConfigured, match="HEALTH__ADDRESS is no IP address; it reads 'everywhere'"):
        load()


def test_run_ends_before_it_works_where_its_port_is_taken(port: int, all_set: pytest.MonkeyPatch) -> None:
    all_set.setenv("PSA_CONNECTOR_HEALTH__PORT", str(port))
    result = CliRunner().invoke(command_line, ["run"])
    assert isinstance(result.exception, NotConfigured)
