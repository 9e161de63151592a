from __future__ import annotations

from datetime import UTC, datetime, timedelta

from connector.dataverse.budget import NO_WAIT, Budget, Limits

START = datetime(2024, 1, 1, tzinfo=UTC)


def seconds(number: float) -> timedelta:
    return timedelta(seconds=number)


def test_requests_are_admitted_up_to_the_limit_and_then_told_to_wait_until_the_oldest_leaves_the_window() -> None:
    budget = Budget(Limits(requests=2))

    assert budget.admit(START) == NO_WAIT
    assert budget.admit(START + seconds(10)) == NO_WAIT
    assert budget.admit(START + seconds(20)) == seconds(280)
    assert budget.admit(START + seconds(300)) == NO_WAIT
    assert budget.admit(START + seconds(301)) == seconds(9)


def test_a_request_that_has_to_wait_takes_no_slot() -> None:
    budget = Budget(Limits(requests=1))
    budget.admit(START)
    for _ in range(5):
        budget.admit(START + seconds(1))

    assert budget.admit(START + seconds(300)) == NO_WAIT


def test_execution_time_counts_until_it_leaves_the_window() -> None:
    budget = Budget(Limits(execution=seconds(100)))
    budget.charge(START, seconds(60))
    budget.charge(START + seconds(50), seconds(70))

    assert budget.admit(START + seconds(60)) == seconds(240)
    assert budget.admit(START + seconds(300)) == NO_WAIT


def test_two_charges_must_both_leave_when_the_second_alone_is_over_the_limit() -> None:
    budget = Budget(Limits(execution=seconds(100)))
    budget.charge(START, seconds(10))
    budget.charge(START + seconds(50), seconds(200))

    assert budget.admit(START + seconds(60)) == seconds(290)


def test_what_the_far_side_asked_for_is_never_shortened() -> None:
    budget = Budget()
    budget.hold(START + seconds(30))
    budget.hold(START + seconds(10))

    assert budget.admit(START) == seconds(30)
    assert budget.admit(START + seconds(30)) == NO_WAIT


def test_no_run_of_requests_exceeds_the_limit_in_any_window() -> None:
    budget = Budget(Limits(requests=7, window=seconds(10)))
    sent: list[datetime] = []
    now = START
    for step in range(200):
        now += seconds(0.3 + (step % 5) / 10)
        if budget.admit(now) == NO_WAIT:
            sent.append(now)

    assert all(sum(1 for other in sent if timedelta() <= other - one < seconds(10)) <= 7 for one in sent)
    assert len(sent) == 70
