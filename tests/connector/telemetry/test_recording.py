from __future__ import annotations

from datetime import timedelta

import pytest

from connector.breaker import State
from connector.dataverse.budget import Budget, Limits
from connector.telemetry.codes import MOST, OTHER, bounded
from connector.telemetry.instruments import BREAKER, CODE, METRICS, PAUSES, QUEUE, Shape
from connector.telemetry.pausing import CountingBreaker
from connector.telemetry.recording import recording, watched
from tests.connector.fakes import NOW
from tests.connector.telemetry.taken import Taken, taken, told


def test_every_instrument_takes_what_it_is_for_whether_or_not_anybody_listens() -> None:
    def use_all() -> None:
        for metric in METRICS:
            attributes = dict.fromkeys(metric.attributes, "x")
            match metric.shape:
                case Shape.COUNTER:
                    recording().add(metric, 1, attributes)
                case Shape.HISTOGRAM:
                    recording().record(metric, 1, attributes)
                case Shape.GAUGE:
                    recording().set(metric, 1, attributes)

    use_all()
    with taken() as listening:
        use_all()
    use_all()
    heard = {metric.name: (metric.unit, metric.description) for metric in listening.metrics()}
    lasting = [one for one in METRICS if one.shape is not Shape.WATCHED]
    assert heard == {one.name: (one.unit, one.meaning) for one in lasting}
    assert [list(listening.values(one).values()) for one in lasting] == [[1]] * len(lasting)


def test_what_is_watched_is_looked_at_only_while_the_block_runs(taken: Taken) -> None:
    assert taken.values(BREAKER) == {}
    with watched(BREAKER, lambda: [(2, {QUEUE: "events"})]), watched(BREAKER, lambda: [(0, {QUEUE: "commands"})]):
        assert taken.values(BREAKER) == {told({QUEUE: "events"}): 2, told({QUEUE: "commands"}): 0}
    assert taken.values(BREAKER) == {}


def test_a_pause_is_counted_once_whatever_its_reason_becomes(taken: Taken) -> None:
    breaker = CountingBreaker("events")
    breaker.trip("no-role", "The role is gone.", NOW)
    breaker.trip("no-secret", "The secret too.", NOW)
    assert (breaker.state, breaker.code) == (State.PAUSED, "no-secret")
    assert taken.values(PAUSES) == {told({QUEUE: "events", CODE: "no-role"}): 1}
    breaker.probe_failed("no-secret", "The secret is still gone.", NOW)
    breaker.probe_succeeded()
    breaker.trip("no-role", "The role is gone again.", NOW)
    assert taken.values(PAUSES) == {told({QUEUE: "events", CODE: "no-role"}): 2}


def test_the_state_of_a_breaker_is_a_number_that_grows_as_it_gets_worse() -> None:
    breaker = CountingBreaker("events")
    seen = [breaker.reading]
    breaker.trip("no-role", "The role is gone.", NOW)
    seen.append(breaker.reading)
    breaker.probe_succeeded()
    seen.append(breaker.reading)
    breaker.succeeded()
    assert [*seen, breaker.reading] == [(number, {QUEUE: "events"}) for number in (0, 2, 1, 0)]


@pytest.mark.parametrize(
    ("requests", "seconds", "used"), [(0, 0, 0.0), (1, 0, 0.1), (1, 50, 0.5), (5, 1, 0.5), (10, 0, 1.0)]
)
def test_what_is_used_of_the_budget_is_the_fuller_of_its_two_sides(requests: int, seconds: int, used: float) -> None:
    window = timedelta(minutes=5)
    budget = Budget(Limits(requests=10, execution=timedelta(seconds=100), headroom=1, window=window))
    for _ in range(requests):
        budget.admit(NOW)
        budget.charge(NOW, timedelta(seconds=seconds))
    assert budget.used(NOW) == pytest.approx(used)
    assert budget.used(NOW + window) == 0


def test_what_does_not_look_like_a_code_is_told_as_other(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("connector.telemetry.codes._known", set())
    assert [bounded(code) for code in ("no-price", "sql-timeout", "no-price")] == [
        "no-price",
        "sql-timeout",
        "no-price",
    ]
    for name in ("anna@contoso.com", "12.34", "Something went wrong", "a" * 65, ""):
        assert bounded(name) == OTHER


def test_a_metric_does_not_grow_with_the_codes_it_is_given(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("connector.telemetry.codes._known", set())
    told_apart = {bounded(f"code-{number}") for number in range(10 * MOST)}
    assert len(told_apart) == MOST + 1
    assert bounded("code-0") == "code-0"
