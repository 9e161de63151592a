"""What a running service tells of itself, and what is made of it; who is named and does not answer is told."""

from __future__ import annotations

import json
import socket
import threading

import pytest
import responses

from connector.breaker import State as Running
from connector.worker import Status
from service.health import Health
from service.health_endpoints import endpoints
from service.health_settings import HealthSettings
from service.status import running_service as module
from service.status.part import State
from service.status.running_service import LONGEST, running

URL = "http://127.0.0.1:8080"
WELL = {"ready": True, "state": "working", "reasons": [], "queues": [], "budget_used": 0.25}


def test_without_an_address_it_is_not_seen_and_what_to_type_is_said() -> None:
    (part,) = running(None)
    assert (part.state, "--service" in part.next) == (State.NOT_SEEN, True)


@responses.activate
@pytest.mark.parametrize(
    ("status", "body", "state", "said"),
    [
        (200, WELL, State.OK, "It is at work. 25% of its share of Dataverse's limits is used."),
        (200, WELL | {"budget_used": 0.95}, State.OK, "It slows down by itself"),
        (
            200,
            WELL | {"state": "paused", "reasons": ["Queue approvals is paused (missing-privilege): why"]},
            State.ATTENTION,
            "It is paused. Queue approvals is paused (missing-privilege): why",
        ),
        (503, WELL | {"ready": False, "state": "starting"}, State.ATTENTION, "It is starting."),
        (200, {"hello": "world"}, State.NO_ANSWER, "is not this service"),
        (200, ["no", "object"], State.NO_ANSWER, "is not this service"),
    ],
)
def test_what_it_says_is_told(status: int, body: object, state: State, said: str) -> None:
    responses.get(f"{URL}/ready", json=body, status=status)
    (part,) = running(f"{URL}/")
    assert (part.state, said in part.sentence) == (state, True), part.sentence


@responses.activate
def test_nobody_and_somebody_else_at_an_address_that_was_named_is_no_answer() -> None:
    (part,) = running(URL)
    assert (part.state, "Nobody answers" in part.sentence) == (State.NO_ANSWER, True)
    responses.get(f"{URL}/ready", body="<html>")
    (part,) = running(URL)
    assert part.state is State.NO_ANSWER


@responses.activate
def test_an_answer_without_an_end_is_not_read_to_it() -> None:
    responses.get(f"{URL}/ready", body=b" " * (LONGEST + 1) + json.dumps(WELL).encode())
    (part,) = running(URL)
    assert part.state is State.NO_ANSWER


def test_a_service_that_listens_and_does_not_answer_needs_a_person(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "IN_TIME", (2.0, 0.05))
    with socket.create_server(("127.0.0.1", 0)) as silent:
        (part,) = running(f"http://127.0.0.1:{silent.getsockname()[1]}")
    assert (part.state, "hangs" in part.sentence) == (State.ATTENTION, True)


def test_a_service_that_answers_drop_by_drop_hangs_as_well(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "WHOLE", 0.1)
    is_told = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as dripping:

        def serve() -> None:
            with dripping.accept()[0] as connection:
                connection.recv(1000)
                connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n ")
                is_told.wait(30)

        thread = threading.Thread(target=serve)
        thread.start()
        (part,) = running(f"http://127.0.0.1:{dripping.getsockname()[1]}")
        assert not is_told.is_set()
        is_told.set()
        thread.join()
    assert (part.state, "hangs" in part.sentence) == (State.ATTENTION, True)


def test_what_the_services_own_endpoint_says_is_understood() -> None:
    health = Health({"approvals": lambda: Status(Running.RUNNING, None, None, {}, {})}, lambda: 0.5)
    with endpoints(HealthSettings(port=0), health) as port:
        (part,) = running(f"http://127.0.0.1:{port}")
        assert (part.state, "It is starting" in part.sentence) == (State.ATTENTION, True)
        health.begun()
        (part,) = running(f"http://127.0.0.1:{port}")
    assert (part.state, part.sentence) == (State.OK, "It is at work. 50% of its share of Dataverse's limits is used.")
    assert part.figures["state"] == "working"
