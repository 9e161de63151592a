from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connector.dataverse.budget import LONGEST_LINGER, NO_WAIT, Budget, Facet, Limits

START = datetime(2024, 1, 1, tzinfo=UTC)


def seconds(number: float) -> timedelta:
    return timedelta(seconds=number)


def whole(**limits: object) -> Budget:
    """A budget of which everything is used, without headroom."""
    return Budget(Limits(headroom=1.0, **limits))  # type: ignore[arg-type]


def send(budget: Budget, now: datetime, execution: float = 0.0, server: str | None = "") -> timedelta:
    """One request that ends at once, if it is admitted."""
    wait = budget.admit(now)
    if wait == NO_WAIT:
        budget.charge(now, seconds(execution), server)
    return wait


def test_requests_are_admitted_up_to_the_limit_and_then_told_to_wait_until_the_oldest_leaves_the_window() -> None:
    budget = whole(requests=2)

    assert send(budget, START) == NO_WAIT
    assert send(budget, START + seconds(10)) == NO_WAIT
    assert send(budget, START + seconds(20)) == seconds(280)
    assert send(budget, START + seconds(300)) == NO_WAIT
    assert send(budget, START + seconds(301)) == seconds(9)


def test_a_request_that_has_to_wait_takes_no_slot() -> None:
    budget = whole(requests=1)
    send(budget, START)
    for _ in range(5):
        send(budget, START + seconds(1))

    assert send(budget, START + seconds(300)) == NO_WAIT


def test_what_is_under_way_counts_before_it_ended() -> None:
    budget = whole(requests=3)
    send(budget, START)
    budget.admit(START)
    budget.admit(START)

    assert budget.admit(START + seconds(10)) == seconds(290)
    budget.charge(START + seconds(20), seconds(20))
    budget.charge(START + seconds(20), seconds(20))
    assert budget.admit(START + seconds(300)) == NO_WAIT


def test_execution_time_counts_until_it_leaves_the_window() -> None:
    budget = whole(execution=seconds(100))
    budget.charge(START, seconds(60))
    budget.charge(START + seconds(50), seconds(70))

    assert budget.admit(START + seconds(60)) == seconds(240)
    assert budget.admit(START + seconds(300)) == NO_WAIT


def test_two_charges_must_both_leave_when_the_second_alone_is_over_the_limit() -> None:
    budget = whole(execution=seconds(100))
    budget.charge(START, seconds(10))
    budget.charge(START + seconds(50), seconds(200))

    assert budget.admit(START + seconds(60)) == seconds(290)


def test_what_the_far_side_asked_for_is_never_shortened() -> None:
    budget = whole()
    budget.hold(START + seconds(30))
    budget.hold(START + seconds(10))

    assert budget.admit(START) == seconds(30)
    assert budget.admit(START + seconds(29.999)) == seconds(0.001)
    assert budget.admit(START + seconds(30)) == NO_WAIT


def test_a_twentieth_is_left_alone_and_the_rest_is_shared_by_the_most_replicas_there_will_be() -> None:
    budget = Budget(Limits(requests=100, replicas=3))

    assert sum(send(budget, START) == NO_WAIT for _ in range(100)) == 31


def test_every_server_that_answers_brings_a_budget_of_its_own_and_the_fullest_decides() -> None:
    budget = whole(requests=10)
    spread = [send(budget, START + seconds(turn), server=f"s{turn % 4}") for turn in range(40)]
    uneven = whole(requests=10)
    stuck = [send(uneven, START, server="s1" if turn > 2 else "s2") for turn in range(40)]

    assert spread[:37] == [NO_WAIT] * 37
    assert spread[37] == seconds(263)
    assert stuck.count(NO_WAIT) == 13


def test_a_request_without_an_answer_may_have_cost_any_server() -> None:
    budget = whole(execution=seconds(100))
    send(budget, START, 10, "s1")
    send(budget, START, 60, "s2")
    send(budget, START + seconds(1), 95, None)

    assert budget.admit(START + seconds(2)) == seconds(298)
    assert send(whole(execution=seconds(1)), START, 5, None) == NO_WAIT


def test_a_refusal_lowers_what_is_thought_to_be_ours_once_and_it_comes_back() -> None:
    budget = whole(requests=100)
    is_news = []
    for _ in range(2):  # Two were under way; both are refused.
        is_news.append(budget.exceeded(START, [Facet.REQUESTS], None))
        budget.hold(START + seconds(30))
    after = START + seconds(30)

    assert is_news == [True, False]
    assert sum(send(budget, after) == NO_WAIT for _ in range(200)) == 77
    soon, in_an_hour = after + timedelta(minutes=10), after + timedelta(minutes=60)
    assert sum(send(budget, soon) == NO_WAIT for _ in range(200)) == 91
    assert sum(send(budget, in_an_hour) == NO_WAIT for _ in range(200)) == 100


def test_refusal_after_refusal_leaves_a_tenth() -> None:
    budget = whole(requests=100)
    for _ in range(20):
        budget.exceeded(START, [Facet.REQUESTS, Facet.EXECUTION], None)

    assert sum(send(budget, START) == NO_WAIT for _ in range(200)) == 10


def test_a_limit_that_the_refusal_names_is_learned() -> None:
    budget = Budget(Limits(headroom=0.5))
    budget.exceeded(START, [Facet.REQUESTS], 200)
    budget.exceeded(START, [Facet.EXECUTION], 60_000)
    later = START + timedelta(hours=1)

    assert sum(send(budget, later) == NO_WAIT for _ in range(200)) == 100
    send(other := Budget(Limits(headroom=0.5)), START)
    other.exceeded(START, [Facet.EXECUTION], 60_000)
    other.charge(later, seconds(31))
    assert other.admit(later) == seconds(300)


def test_a_learned_limit_is_forgotten_after_a_day() -> None:
    budget = whole()
    budget.exceeded(START, [Facet.REQUESTS], 60)
    budget.exceeded(START, [Facet.EXECUTION], 60_000)
    eve, day = START + timedelta(hours=23), START + timedelta(days=1)

    assert sum(send(budget, eve, 1) == NO_WAIT for _ in range(200)) == 60
    assert sum(send(budget, day + timedelta(hours=1), 1) == NO_WAIT for _ in range(200)) == 200


def test_while_half_of_the_budget_is_left_nobody_lingers() -> None:
    budget = whole(requests=100)
    for _ in range(50):
        send(budget, START)

    assert budget.linger(START) == NO_WAIT


def test_the_tighter_the_budget_the_longer_a_worker_lets_messages_gather() -> None:
    budget = whole(requests=100)
    lingers = []
    for _ in range(99):
        send(budget, START)
        lingers.append(budget.linger(START))

    assert lingers == sorted(lingers)
    assert lingers[84] == NO_WAIT
    assert lingers[89] == pytest.approx(LONGEST_LINGER / 9, abs=timedelta(milliseconds=1))
    assert seconds(4) < lingers[-1] < LONGEST_LINGER
    assert budget.linger(START + seconds(300)) == NO_WAIT


def test_execution_time_makes_linger_as_requests_do() -> None:
    budget = whole(execution=seconds(100))
    send(budget, START, 90)

    assert budget.linger(START) == pytest.approx(LONGEST_LINGER / 9, abs=timedelta(milliseconds=1))


def test_while_nothing_is_admitted_a_worker_lingers_as_long_as_that_lasts() -> None:
    held, full = whole(), whole(requests=1)
    held.hold(START + seconds(40))
    send(full, START)

    assert held.linger(START) == seconds(40)
    assert full.linger(START + seconds(100)) == seconds(200)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.floats(0.01, 3), st.floats(0, 2), st.sampled_from(["a", "b", "c"])), min_size=1, max_size=150)
)
def test_no_server_is_ever_asked_for_more_than_its_limits_in_any_window(steps: list[tuple[float, float, str]]) -> None:
    """Asking again exactly when told to is admitted, and execution exceeds by one request at most."""
    budget = whole(requests=7, execution=seconds(5), window=seconds(10))
    sent: list[tuple[datetime, float, str]] = []
    now = START
    for pause, cost, server in steps:
        now += seconds(pause)
        wait = budget.admit(now)
        if wait > NO_WAIT:
            now += wait
            assert budget.admit(now) == NO_WAIT
        budget.charge(now, seconds(cost), server)
        sent.append((now, cost, server))

    for at, cost, server in sent:
        window = [one for one in sent if one[2] == server and timedelta() <= at - one[0] < seconds(10) and one[0] <= at]
        assert len(window) <= 7
        assert sum(one[1] for one in window) - cost < 5.001
