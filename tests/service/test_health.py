"""What the service says of itself, from its start to its end, and when its loop is stuck."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from connector.breaker import State
from connector.errors import Misconfigured, Transient
from connector.worker import Status
from service.health import STUCK_AFTER, Health
from tests.connector.fakes import JumpingTime

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
AWAY = Transient("unreachable", "Nobody answers at 1,234.50 USD.")


def working(last_turn: datetime = NOW) -> Status:
    return Status(State.RUNNING, None, None, {0: last_turn}, {"completed": 3}, NOW - timedelta(minutes=1))


class Case:
    """A service of one queue; what it is, and the time, are set from outside."""

    def __init__(self) -> None:
        self.status = working()
        self.seconds = 0.0
        self.held = timedelta()
        self.health = Health(
            {"approvals": lambda: self.status}, lambda: 0.25, lambda: self.held, lambda: NOW, lambda: self.seconds
        )

    @property
    def ready(self) -> Any:
        """The body of the answer; it is plain data."""
        return json.loads(json.dumps(self.health.ready().body))


@pytest.fixture
def case() -> Case:
    return Case()


@pytest.fixture
def begun(case: Case) -> Case:
    case.health.phase("dataverse", lambda: None)()
    case.health.begun()
    return case


def failing(failure: Exception) -> Callable[[], None]:
    def look() -> None:
        raise failure

    return look


def test_until_all_is_looked_at_it_is_neither_started_nor_ready_and_says_what_it_waits_for(case: Case) -> None:
    case.health.phase("queue approvals", lambda: None)
    with pytest.raises(Transient):
        case.health.phase("dataverse", failing(AWAY))()
    assert not case.health.started().is_well
    assert not case.health.ready().is_well
    assert case.health.live().is_well
    told = case.ready
    assert (told["ready"], told["state"], told["signed_in"]) == (False, "starting", None)
    assert told["reasons"] == [
        "Starting, queue approvals: not looked at to the end yet.",
        "Starting, dataverse: Nobody answers at # USD. (unreachable)",
    ]
    assert told["phases"][1] == {
        "phase": "dataverse",
        "done": False,
        "code": "unreachable",
        "sentence": "Nobody answers at # USD.",
    }


def test_a_look_that_succeeds_at_last_is_done(case: Case) -> None:
    answers: list[Exception | None] = [AWAY, None]

    def look() -> None:
        if (failure := answers.pop(0)) is not None:
            raise failure

    looked = case.health.phase("dataverse", look)
    with pytest.raises(Transient):
        looked()
    looked()
    assert case.ready["phases"] == [{"phase": "dataverse", "done": True, "code": None, "sentence": None}]


def test_once_begun_it_is_ready_and_tells_how_each_queue_is(begun: Case) -> None:
    assert begun.health.started().is_well
    assert begun.health.ready().is_well
    told = begun.ready
    assert (told["state"], told["reasons"], told["signed_in"], told["budget_used"]) == ("working", [], True, 0.25)
    assert told["queues"] == [
        {
            "queue": "approvals",
            "state": "running",
            "code": None,
            "sentence": None,
            "beneath": None,
            "receivers": [{"receiver": 0, "last_turn": "2026-03-01T12:00:00+00:00", "seconds_ago": 0}],
            "last_completed": "2026-03-01T11:59:00+00:00",
            "messages": {"completed": 3},
        }
    ]


def test_a_paused_service_is_ready_and_alive_and_says_why_it_is_paused(begun: Case) -> None:
    failure = Misconfigured("sign-in-AADSTS7000222", "The client secret has expired.")
    begun.status = Status(State.PAUSED, failure.code, failure.sentence, {}, {})
    assert begun.health.ready().is_well
    assert begun.health.live().is_well
    told = begun.ready
    assert (told["state"], told["signed_in"]) == ("paused", False)
    assert told["reasons"] == ["Queue approvals is paused (sign-in-AADSTS7000222): The client secret has expired."]
    begun.status = Status(State.TRYING, "missing-privilege", "A role is missing.", {}, {})
    assert (begun.ready["state"], begun.ready["signed_in"]) == ("working", True)
    assert begun.ready["reasons"] == [
        "Queue approvals was paused (missing-privilege): A role is missing. It is tried again; this goes away once a "
        "message is done."
    ]


def test_a_pause_on_request_does_not_hide_the_fault_beneath_it(begun: Case) -> None:
    fault = ("sign-in-AADSTS7000222", "The client secret has expired.")
    begun.status = Status(State.PAUSED, "held", "Paused on request.", {}, {}, None, fault)
    assert (begun.ready["state"], begun.ready["signed_in"]) == ("paused", False)
    assert begun.ready["reasons"] == [
        "Queue approvals is paused (held): Paused on request.",
        "Beneath it, queue approvals met a fault (sign-in-AADSTS7000222): The client secret has expired. Resumed, it "
        "is tried again.",
    ]
    assert begun.ready["queues"][0]["beneath"] == {"code": fault[0], "sentence": fault[1]}


def test_what_else_is_to_be_known_is_a_reason_without_an_amount() -> None:
    health = Health({}, lambda: 0.0, remark=lambda: "Nobody knows of 1,234.50 USD.")
    health.begun()
    assert health.ready().body["reasons"] == ["Nobody knows of # USD."]


def test_a_receiver_that_does_not_come_back_is_named(begun: Case) -> None:
    begun.status = working(NOW - timedelta(seconds=300))
    assert begun.ready["reasons"] == [
        "Receiver 0 of queue approvals has been at one batch, or waited for an answer, for 300 seconds."
    ]
    assert begun.health.live().is_well, "it is rebuilt by itself"


def test_being_told_to_stay_away_for_long_is_a_reason_though_it_works(begun: Case) -> None:
    begun.held = timedelta(minutes=2)
    assert (begun.ready["reasons"], begun.ready["held"]) == ([], 120)
    begun.held = timedelta(minutes=50)
    assert begun.ready["reasons"] == [
        "Dataverse, or something before it, said to stay away: nothing is sent for 3000 seconds."
    ]
    assert (begun.ready["state"], begun.health.live().is_well) == ("working", True)


def test_while_stopping_it_is_alive_and_not_ready(begun: Case) -> None:
    async def stop() -> None:
        asked = asyncio.Event()
        async with begun.health.watched(asked):
            assert begun.health.ready().is_well
            asked.set()
            assert not begun.health.ready().is_well
            assert begun.health.started().is_well
            assert begun.health.live().is_well
            assert (begun.ready["state"], begun.ready["reasons"]) == (
                "stopping",
                ["It was asked to stop: what is at work is finished first."],
            )

    asyncio.run(stop())


def test_it_lives_as_long_as_the_event_loop_gives_signs_of_life() -> None:
    async def live() -> None:
        time = JumpingTime()
        began = time.now()
        health = Health({}, lambda: 0, timer=lambda: (time.now() - began).total_seconds())
        async with health.watched(asyncio.Event(), time.sleep):
            await time.advance(10 * STUCK_AFTER)
            assert health.live().is_well
            # The clock goes on, and the loop does not.
            time.present += timedelta(seconds=STUCK_AFTER + 10)
            assert not health.live().is_well
            reason = "The event loop has given no sign of life for 100 seconds: only a new process helps."
            assert health.live().body == {"live": False, "reasons": [reason]}

    asyncio.run(live())
