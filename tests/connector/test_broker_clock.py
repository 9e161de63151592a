"""A host whose clock is wrong: what the times on messages tell of it, and that everything is settled all the same."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta

import pytest

from connector.broker_clock import BrokerClock, Stamp
from connector.inbox import Outgoing
from connector.outbox import Outbox
from connector.servicebus import ServiceBusInbox
from sandbox.clock import Clock
from sandbox.servicebus import ServiceBusServer, SharedKey
from tests.connector.fakes import NOW
from tests.connector.local_bus import QUEUE, SETTINGS


def seconds(number: float) -> timedelta:
    return timedelta(seconds=number)


def seen(ahead: float, *, lock: float = 60, age: float = 0, late: float = 0) -> BrokerClock:
    """The clock after one receive call on a host that is so far ahead; it returned so long after the lock was given."""
    clock = BrokerClock()
    saw(clock, ahead, lock=lock, age=age, late=late)
    return clock


def saw(clock: BrokerClock, ahead: float, *, lock: float = 60, age: float = 0, late: float = 0) -> None:
    given = NOW - seconds(ahead) - seconds(late)
    clock.saw([Stamp(given - seconds(age), given + seconds(lock))], NOW)


@pytest.mark.parametrize("behind", [3600, 60, 5, 1.9, 0.5, 0])
def test_a_host_that_is_behind_knows_it_exactly_by_a_fresh_message(behind: float) -> None:
    clock = seen(-behind)
    assert clock.ahead == seconds(-behind)
    saw(clock, -behind, age=500)
    assert clock.ahead == seconds(-behind), "also where the next ones have waited"


@pytest.mark.parametrize(
    ("ahead", "told"), [(0, 0), (3, 0), (55, 0), (58, 3), (60, 5), (3600, 3545), (-3600, -3360), (-240, 0)]
)
def test_a_backlog_tells_no_more_than_it_must(ahead: float, told: float) -> None:
    """A lock that was just given has five seconds left at the least, and five minutes at the most."""
    assert seen(ahead, age=9000).ahead == seconds(told)


@pytest.mark.parametrize("age", [0, 20, 100, 300, 86400])
@pytest.mark.parametrize("late", [0, 1.3, 20])
def test_a_slow_call_on_a_backlog_makes_no_clock_look_wrong(age: float, late: float) -> None:
    clock = seen(0, lock=30, age=age, late=late)
    assert clock.ahead == seconds(0)
    locked_until = NOW + seconds(30 - late)
    assert clock.end_of_lock(locked_until, NOW) == locked_until


@pytest.mark.parametrize("ahead", [-86400, -3600, -90, -20, -1, 0, 1, 20, 90, 3600, 86400])
@pytest.mark.parametrize("age", [0, 90, 7200])
@pytest.mark.parametrize("lock", [30, 60, 300])
def test_however_wrong_the_clock_no_lock_is_lengthened_and_no_wait_is_shortened_for_long(
    ahead: float, age: float, lock: float
) -> None:
    clock = seen(ahead, lock=lock, age=age)
    locked_until = NOW - seconds(ahead) + seconds(lock)
    assert seconds(5) <= clock.end_of_lock(locked_until, NOW) - NOW <= seconds(lock)
    wait = clock.there(NOW + seconds(180)) - (NOW - seconds(ahead))
    assert seconds(180) - wait <= seconds(300 - lock if ahead < 0 and age else 0)
    saw(clock, ahead, lock=lock)
    assert clock.there(NOW + seconds(180)) - (NOW - seconds(ahead)) >= seconds(180), "once a message came fresh"


def test_a_lock_shorter_than_is_trusted_is_known_by_a_message_that_came_fresh() -> None:
    clock = seen(-20, lock=10)
    saw(clock, -20, lock=10, age=500)
    assert clock.end_of_lock(NOW + seconds(20) + seconds(10), NOW) == NOW + seconds(10)


def test_a_clock_set_right_is_noticed() -> None:
    ahead = seen(3600)
    saw(ahead, 0)
    assert ahead.ahead == seconds(0)
    behind = seen(-30)
    for _ in range(8):
        saw(behind, 0)
    assert behind.ahead == seconds(0)


def test_a_clock_that_jumps_ahead_is_followed_as_far_as_it_must_at_once() -> None:
    clock = seen(0)
    saw(clock, 58)
    assert clock.ahead == seconds(3)


def test_an_empty_answer_tells_nothing() -> None:
    clock = seen(-58)
    clock.saw([], NOW + seconds(5))
    assert clock.ahead == seconds(-58)


def test_a_wrong_clock_is_told_of_once(caplog: pytest.LogCaptureFixture) -> None:
    clock = seen(-90)
    saw(clock, -90)
    assert caplog.messages == [
        "this host's clock is at least 90 seconds behind that of Service Bus; it is allowed for, but set it right"
    ]


def test_moments_are_told_by_either_clock() -> None:
    clock = seen(-58)
    assert clock.there(NOW) == NOW + seconds(58)
    assert clock.here(clock.there(NOW)) == NOW


class Behind(Clock):
    """A broker's clock that is a minute and a half behind this host's, whose locks last half a minute."""

    def now(self) -> datetime:
        """The present over there."""
        return super().now() - seconds(90)


def test_a_host_that_is_further_ahead_than_a_lock_lasts_still_settles_renews_and_makes_copies() -> None:
    async def scenario() -> None:
        clock = Behind()
        server = ServiceBusServer([SETTINGS], [SharedKey("root", "key")], clock)
        await server.start()
        inbox = ServiceBusInbox(server.connection_string("root"), QUEUE)
        try:
            async with Outbox(server.connection_string("root"), QUEUE) as outbox:
                await outbox.send([Outgoing(b"{}", name) for name in ("a", "b", "c", "d")])
            received = {one.envelope.message_id: one for one in await inbox.receive(4, 5)}
            enqueued_at = received["a"].envelope.enqueued_at
            assert enqueued_at is not None
            assert clock.now() + seconds(90) - enqueued_at < seconds(35), "its age is known but for a lock's length"
            end = await inbox.renew(received["a"])
            assert end is not None
            assert clock.now() + seconds(90) < end <= clock.now() + seconds(90 + 30), "told by the clock of this host"
            assert await inbox.complete(received["a"])
            assert await inbox.release(received["b"])
            assert await inbox.dead_letter(received["c"], "code", "sentence")
            assert await inbox.redeliver_at(received["d"], clock.now() + seconds(90 + 600), 1)
            counts = server.counts(QUEUE)
            assert (counts.active, counts.locked, counts.scheduled, counts.dead_letter) == (1, 0, 1, 1)
            assert inbox.counts["lock-lost"] == 0
        finally:
            await inbox.close()
            await server.stop()

    asyncio.run(scenario())
