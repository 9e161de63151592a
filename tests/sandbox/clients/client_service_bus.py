"""Service Bus clients, unmodified, against the sandbox: Python's at two versions, each way, and npm's.

Each client lives through the same scenarios in a process of its own, and all have to come to the same.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from sandbox.servicebus import QueueSettings, SubscriptionSettings, TopicSettings
from sandbox.servicebus.broker.rules import Action, CorrelationFilter, Rule, SqlFilter
from sandbox.servicebus.sas import SEND, SharedKey
from sandbox.world import Sandbox
from tests.sandbox.clients.npm import node_packages

HERE = Path(__file__).parent
OLDER = Path(sys.prefix) / ".older-sdk" / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
"""An interpreter with azure-servicebus 7.14.3; ``make clients`` makes it."""
SEND_ONLY = SharedKey("send-only", "send-only-key", frozenset({SEND}))
QUEUES = (
    QueueSettings("orders", max_delivery_count=3),
    QueueSettings("unique", duplicate_detection_window=timedelta(minutes=10)),
    QueueSettings("brief", default_ttl=timedelta(minutes=1), dead_letter_expired=True),
    QueueSettings("sessions", requires_session=True),
    QueueSettings("front", forward_to="orders"),
)
TOPIC = TopicSettings(
    "news",
    (
        SubscriptionSettings("everything"),
        SubscriptionSettings("red", (Rule("red", CorrelationFilter({"Label": "red"})),)),
        SubscriptionSettings("some", (Rule("n", SqlFilter("n > 1"), Action("SET sys.To = 'there'; SET n = n + 1")),)),
    ),
)
EXPECTED: dict[str, Any] = {
    "everything_a_sender_gives": [
        "é",
        {"text": "t", "number": 7, "flag": True},
        ["m", "c", "text/plain", "s", "t", "r"],
        0,
    ],
    "batches_in_order": True,
    "large_messages": [200_000, "too large"],
    "every_way_to_settle": [["abandon", 1], "defer", ["bury", "why", "because", "orders"], "message not found"],
    "too_many_deliveries": ["poison", "MaxDeliveryCountExceeded"],
    "receive_and_delete": [["1", "2"], 0],
    "peeking": ["1", "2"],
    "locks_end_and_are_renewed": [0, 1, "lock lost"],
    "scheduling": [0, "two", "message not found"],
    "duplicates": [1, 0, 1],
    "lives_end": [["by its sender", "TTLExpiredException"], ["by the queue", "TTLExpiredException"]],
    "topics_and_rules": [["yes", "no"], "yes", ["yes", "there", 3]],
    "dead_letters_of_a_subscription": ["x", "r", "news/Subscriptions/everything"],
    "forwarding": "x",
    "sessions": ["session cannot be locked", "b", ["1", "2"], "half done", "session lock lost", ["3", 1], "timeout"],
    "who_may_do_what": ["unauthorized", "allowed", "unauthorized", "entity not found"],
}


ONLY_JAVASCRIPT: dict[str, Any] = {
    "rules_made_by_a_client": [["red", "sql", "correlated"], "entity exists", [["five", None], ["c", "made"]]],
    "subscribing": ["1", "2", "3"],
}
BEFORE_CONFIRMATIONS: dict[str, Any] = {
    "locks_end_and_are_renewed": [0, 1, "allowed"],
    "sessions": ["session cannot be locked", "b", ["1", "2"], "half done", "allowed", ["3", 1], "timeout"],
}
"""Before 7.15, the Python client waits for no answer to a settlement, so it never hears that it came too late."""


def python(interpreter: str, version: str, way: str) -> list[str]:
    """The command for one Python client; its version is made sure of."""
    said = subprocess.run(  # noqa: S603
        [interpreter, "-c", "import azure.servicebus; print(azure.servicebus.__version__)"],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    ).stdout
    assert said.startswith(version)
    return [interpreter, str(HERE / "service_bus.py"), way]


def javascript() -> list[str]:
    node = shutil.which("node")
    assert node is not None
    return [node, str(HERE / "service_bus.cjs")]


CLIENTS: dict[str, Callable[[], list[str]]] = {
    "python newest, synchronous": lambda: python(sys.executable, "7.15", "sync"),
    "python newest, asynchronous": lambda: python(sys.executable, "7.15", "aio"),
    "python 7.14.3, synchronous": lambda: python(str(OLDER), "7.14.3", "sync"),
    "python 7.14.3, asynchronous": lambda: python(str(OLDER), "7.14.3", "aio"),
    "javascript": javascript,
}


@pytest.fixture(
    scope="module", params=[pytest.param(name, marks=pytest.mark.node if "java" in name else ()) for name in CLIENTS]
)
def seen(request: pytest.FixtureRequest) -> dict[str, Any]:
    """What one client made of each scenario, and under "" which client it was."""
    command = CLIENTS[request.param]()
    with Sandbox(QUEUES, topics=[TOPIC], keys=[SEND_ONLY], company=False) as world:
        given = {
            "SANDBOX_BUS": world.servicebus,
            "SANDBOX_SEND_ONLY": world.bus.connection_string(SEND_ONLY.name),
            "SANDBOX_URL": world.dataverse,
            "SANDBOX_TOKEN": world.token,
            "PYTHONPATH": str(HERE.parents[2]),
            "NODE_PATH": str(node_packages() if request.param == "javascript" else ""),
        }
        run = subprocess.run(  # noqa: S603
            command, env=os.environ | given, capture_output=True, text=True, timeout=110, check=False
        )
        assert run.returncode == 0, run.stderr
        assert all(world.bus.counts(queue.name).locked == 0 for queue in QUEUES)
    found = json.loads(run.stdout)
    assert isinstance(found, dict)
    return {"": request.param, **found}


@pytest.mark.parametrize("scenario", EXPECTED)
def test_a_client_sees_what_every_client_sees(scenario: str, seen: dict[str, Any]) -> None:
    expected = EXPECTED | (BEFORE_CONFIRMATIONS if "7.14" in seen[""] else {})
    assert seen[scenario] == expected[scenario]


def test_a_client_lives_through_no_more_scenarios_than_are_known(seen: dict[str, Any]) -> None:
    more = ONLY_JAVASCRIPT if seen[""] == "javascript" else {}
    assert {name: seen[name] for name in seen.keys() - EXPECTED.keys() - {""}} == more
