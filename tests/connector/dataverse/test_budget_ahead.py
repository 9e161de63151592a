"""What is set aside for requests that are known to take long."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from connector.dataverse.budget import NO_WAIT, Budget, Limits

START = datetime(2024, 1, 1, tzinfo=UTC)


def seconds(number: float) -> timedelta:
    return timedelta(seconds=number)


def budget() -> Budget:
    """A hundred seconds in five minutes, of which sixty are spent."""
    one = Budget(Limits(execution=seconds(100), headroom=1.0))
    one.admit(START)
    one.charge(START, seconds(60))
    return one


def test_long_requests_begun_together_spend_no_more_than_is_left() -> None:
    one = budget()
    assert one.admit(START, seconds(30)) == NO_WAIT

    assert one.admit(START + seconds(1), seconds(30)) == seconds(299)
    assert one.admit(START + seconds(1)) == NO_WAIT

    one.charge(START + seconds(2), seconds(5), expected=seconds(30))
    assert one.admit(START + seconds(2), seconds(30)) == NO_WAIT


def test_one_that_is_expected_to_take_all_there_is_goes_when_little_is_spent() -> None:
    one = budget()
    assert one.admit(START + seconds(1), seconds(500)) == seconds(299)

    assert one.admit(START + seconds(300), seconds(500)) == NO_WAIT


def test_no_message_is_taken_while_there_is_no_room_for_another_write_like_the_last() -> None:
    one = budget()
    one.admit(START, seconds(30))
    one.charge(START, seconds(30), expected=seconds(30))

    assert one.admit(START + seconds(1)) == NO_WAIT
    assert one.linger(START + seconds(1)) == seconds(299)


def test_a_write_that_takes_more_than_a_small_share_goes_all_the_same_behind_its_own_reads() -> None:
    one = Budget(Limits(replicas=40))
    one.admit(START)
    one.charge(START, seconds(3))

    assert one.admit(START + seconds(1), seconds(30)) == NO_WAIT
