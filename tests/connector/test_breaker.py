from __future__ import annotations

from datetime import UTC, datetime, timedelta

from connector.breaker import Breaker, State, Waits

NOW = datetime(2024, 1, 1, tzinfo=UTC)
WAITS = Waits(first=timedelta(seconds=5), factor=2, longest=timedelta(seconds=30))


def seconds(number: float) -> timedelta:
    return timedelta(seconds=number)


def test_it_runs_until_it_trips() -> None:
    breaker = Breaker(WAITS)
    assert breaker.may_work
    assert breaker.wait(NOW) == timedelta()

    breaker.trip("missing-privilege", "A role is missing.", NOW)

    assert not breaker.may_work
    assert (breaker.code, breaker.sentence) == ("missing-privilege", "A role is missing.")
    assert breaker.wait(NOW) == seconds(5)
    assert breaker.wait(NOW + seconds(2)) == seconds(3)
    assert breaker.wait(NOW + seconds(9)) == timedelta()


def test_failed_probes_wait_longer_and_longer_up_to_the_ceiling() -> None:
    breaker = Breaker(WAITS)
    breaker.trip("c", "s", NOW)
    waits = []
    for _ in range(4):
        breaker.probe_failed("d", "still", NOW)
        waits.append(breaker.wait(NOW))

    assert waits == [seconds(10), seconds(20), seconds(30), seconds(30)]
    assert breaker.code == "d"


def test_a_probe_that_is_told_when_to_come_back_waits_that_long_even_above_the_ceiling() -> None:
    breaker = Breaker(WAITS)
    breaker.trip("c", "s", NOW)

    breaker.probe_failed("unavailable", "later", NOW, at_least=seconds(120))

    assert breaker.wait(NOW) == seconds(120)


def test_a_probe_that_is_put_off_changes_neither_the_reason_nor_how_the_waits_grow() -> None:
    breaker = Breaker(WAITS)
    breaker.trip("missing-privilege", "A role is missing.", NOW)
    waits = []
    for at_least in (120, 0.1):
        breaker.probe_put_off(NOW, seconds(at_least))
        waits.append(breaker.wait(NOW))

    assert waits == [seconds(120), seconds(5)]
    assert (breaker.state, breaker.code) == (State.PAUSED, "missing-privilege")
    breaker.probe_failed("d", "still", NOW)
    assert breaker.wait(NOW) == seconds(10)


def test_tripping_while_paused_changes_the_reason_only() -> None:
    breaker = Breaker(WAITS)
    breaker.trip("c", "s", NOW)
    breaker.trip("other", "o", NOW + seconds(1))

    assert breaker.wait(NOW) == seconds(5)
    assert breaker.code == "other"


def test_the_waits_start_over_only_when_the_work_itself_has_succeeded() -> None:
    breaker = Breaker(WAITS)
    breaker.trip("c", "s", NOW)
    breaker.probe_succeeded()
    assert state_of(breaker) is State.TRYING
    breaker.trip("c", "s", NOW)
    assert breaker.wait(NOW) == seconds(10)

    breaker.probe_succeeded()
    breaker.succeeded()
    assert state_of(breaker) is State.RUNNING
    assert breaker.code is None
    breaker.trip("c", "s", NOW)
    assert breaker.wait(NOW) == seconds(5)


def test_a_straggler_that_succeeds_while_paused_does_not_end_the_pause() -> None:
    breaker = Breaker(WAITS)
    breaker.trip("c", "s", NOW)

    breaker.succeeded()

    assert state_of(breaker) is State.PAUSED


def test_a_probe_that_succeeds_while_running_changes_nothing() -> None:
    breaker = Breaker(WAITS)

    breaker.probe_succeeded()

    assert state_of(breaker) is State.RUNNING


def state_of(breaker: Breaker) -> State:
    return breaker.state
