from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.breadth import Blame
from connector.errors import Conflict, ConnectorError, Misconfigured, Rejected, Throttled, Transient, UnknownOutcome
from connector.recoverability import (
    DeadLetter,
    DelayedRetry,
    Discard,
    History,
    ImmediateRetry,
    Pause,
    Policy,
    Recovery,
    recover,
)

NOW = datetime(2024, 1, 1, 12, tzinfo=UTC)
SECONDS = [timedelta(seconds=number) for number in (10, 60, 300, 900)]
PLAIN = Policy(immediate=2, delays=SECONDS, jitter=0)
TRANSIENT = Transient("unavailable", "Busy.")
UNKNOWN = UnknownOutcome("no-answer", "Nobody knows.")
CONFLICT = Conflict("row-changed", "It changed.", "account(1)")
REJECTED = Rejected("unreadable-xml", "It is XML.")


PRIVILEGE = Misconfigured("missing-privilege", "A role.")


def told_to_wait(seconds: float) -> Transient:
    """An outage, and no limit of ours, that says when it will be over."""
    return Transient("unavailable", "Busy.", timedelta(seconds=seconds))


def history(
    attempt: int = 0, immediate: int = 0, hours: float = 0, blame: Blame | None = None, struck: int = 1
) -> History:
    return History(attempt, immediate, NOW - timedelta(hours=hours), blame, struck, "lineage")


def again(seconds: float) -> DelayedRetry:
    return DelayedRetry(NOW + timedelta(seconds=seconds))


def waits(seconds: float) -> DelayedRetry:
    return DelayedRetry(NOW + timedelta(seconds=seconds), is_attempt=False)


@pytest.mark.parametrize(
    ("failure", "past", "recovery"),
    [
        (TRANSIENT, history(), ImmediateRetry()),
        (TRANSIENT, history(immediate=1), ImmediateRetry()),
        (TRANSIENT, history(immediate=2), again(10)),
        (TRANSIENT, history(attempt=3, immediate=2), again(900)),
        (TRANSIENT, history(attempt=4, immediate=1), ImmediateRetry()),
        (
            TRANSIENT,
            history(attempt=4, immediate=2),
            DeadLetter("unavailable", "Given up after 4 delayed retries: Busy."),
        ),
        (
            TRANSIENT,
            history(attempt=3, immediate=2, hours=24),
            DeadLetter("unavailable", "Given up after 3 delayed retries: Busy."),
        ),
        (TRANSIENT, history(attempt=2, immediate=2, hours=72), again(300)),
        (UNKNOWN, history(), ImmediateRetry()),
        (UNKNOWN, history(immediate=2), again(10)),
        (
            UNKNOWN,
            history(attempt=4, immediate=2),
            DeadLetter("no-answer", "Given up after 4 delayed retries: Nobody knows."),
        ),
        (Throttled("throttled", "Wait.", timedelta(seconds=7)), history(), waits(7)),
        (Throttled("throttled", "Wait.", timedelta(hours=3)), history(attempt=40, immediate=9, hours=99), waits(10800)),
        (told_to_wait(7), history(), again(10)),
        (told_to_wait(10800), history(), again(10800)),
        (told_to_wait(10800), history(attempt=4), DeadLetter("unavailable", "Given up after 4 delayed retries: Busy.")),
        (told_to_wait(10800), history(blame=Blame.OURS, struck=12), Pause("unavailable", "Busy.")),
        (told_to_wait(10800), history(blame=Blame.OPEN), waits(10800)),
        (UnknownOutcome("broken-off", "Gone.", timedelta(hours=3)), history(), again(10800)),
        (CONFLICT, history(), ImmediateRetry()),
        (CONFLICT, history(immediate=2, attempt=9, hours=99), ImmediateRetry()),
        (
            CONFLICT,
            history(immediate=3),
            DeadLetter("row-changed", "3 looks afresh ended in the same conflict on account(1): It changed."),
        ),
        (
            Conflict("row-exists", "It exists."),
            history(immediate=3),
            DeadLetter(
                "row-exists",
                "3 looks afresh ended in the same conflict on a row that could not be told: It exists.",
            ),
        ),
        (REJECTED, history(), DeadLetter("unreadable-xml", "It is XML.")),
        (REJECTED, history(blame=Blame.SUBJECT, struck=24), DeadLetter("unreadable-xml", "It is XML.")),
        (REJECTED, history(attempt=99, hours=99, blame=Blame.OPEN, struck=25), waits(300)),
        (
            REJECTED,
            history(blame=Blame.OURS, struck=25),
            Pause("unreadable-xml", "25 subjects in a row fared alike, so it is likely ours: It is XML."),
        ),
        (TRANSIENT, history(immediate=2, blame=Blame.SUBJECT), again(10)),
        (TRANSIENT, history(attempt=4, immediate=2, blame=Blame.OPEN), waits(300)),
        (UNKNOWN, history(immediate=2, blame=Blame.OURS), Pause("no-answer", "Nobody knows.")),
        (PRIVILEGE, history(immediate=2, blame=Blame.SUBJECT), again(10)),
        (PRIVILEGE, history(attempt=99, hours=999, blame=Blame.OPEN), waits(300)),
        (PRIVILEGE, history(blame=Blame.OURS), Pause("missing-privilege", "A role.")),
        (
            PRIVILEGE,
            history(attempt=99, hours=999),
            Pause("missing-privilege", "A role."),
        ),
        (ConnectorError("new-kind", "Who knows."), history(), DeadLetter("new-kind", "Who knows.")),
    ],
)
def test_each_failure_with_its_history_has_one_recovery(
    failure: ConnectorError, past: History, recovery: Recovery
) -> None:
    assert recover(failure, past, PLAIN, NOW) == recovery


def test_a_refusal_an_administrator_has_settled_is_discarded() -> None:
    policy = Policy(discard=frozenset({"unreadable-xml"}))

    assert recover(REJECTED, history(blame=Blame.OURS, struck=99), policy, NOW) == Discard("unreadable-xml: It is XML.")


def test_jitter_only_lengthens_and_is_the_same_for_the_same_attempt_of_the_same_lineage() -> None:
    policy = Policy(immediate=0, delays=SECONDS, jitter=0.2)
    whens = {
        recover(TRANSIENT, History(0, 0, NOW, lineage=lineage), policy, NOW).when  # type: ignore[union-attr]
        for lineage in ("a", "b", "c")
    }

    assert recover(TRANSIENT, history(), policy, NOW) == recover(TRANSIENT, history(), policy, NOW)
    assert len(whens) == 3
    assert all(timedelta(seconds=10) <= when - NOW <= timedelta(seconds=12) for when in whens)


@given(
    retry_after=st.timedeltas(min_value=timedelta(), max_value=timedelta(days=2)),
    attempt=st.integers(0, 100),
    immediate=st.integers(0, 10),
    hours=st.floats(0, 1000),
)
def test_a_throttled_request_is_never_sent_sooner_than_told_nor_given_up(
    retry_after: timedelta, attempt: int, immediate: int, hours: float
) -> None:
    recovery = recover(Throttled("t", "s", retry_after), history(attempt, immediate, hours), Policy(), NOW)

    assert isinstance(recovery, DelayedRetry)
    assert recovery.when >= NOW + retry_after


def test_the_number_of_attempts_is_the_one_the_description_states() -> None:
    policy = Policy()

    assert policy.attempts == 30
    assert "(2 + 1) × (9 + 1) = 30 attempts" in (Policy.__doc__ or "")
    assert timedelta(hours=21) < sum(policy.delays, timedelta()) < timedelta(hours=22)
    assert list(policy.delays) == sorted(policy.delays)


def test_a_passing_fault_that_never_passes_is_tried_exactly_so_often() -> None:
    policy, now, attempt, immediate, tries = Policy(), NOW, 0, 0, 0
    while True:
        tries += 1
        match recover(TRANSIENT, History(attempt, immediate, NOW), policy, now):
            case ImmediateRetry():
                immediate += 1
            case DelayedRetry(when):
                now, attempt, immediate = when, attempt + 1, 0
            case DeadLetter():
                break

    assert tries == policy.attempts
