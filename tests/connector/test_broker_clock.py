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


def seen(ahead: float, *, lock: float = 60, age: float = 0, waited: float = 0, first: bool = True) -> BrokerClock:
    """The clock after one receive call on a host that is so far ahead."""
    clock = BrokerClock()
    saw(clock, ahead, lock=lock, age=age, waited=waited, first=first)
    return clock


def saw(clock: BrokerClock, ahead: float, *, lock: float, age: float, waited: float, first: bool = True) -> None:
    there = NOW - seconds(ahead)
    clock.saw([Stamp(there - seconds(age), there + seconds(lock), first)], seconds(waited), NOW)


@pytest.mark.parametrize("ahead", [-3600, -60, -5, 0, 1, 5, 58, 60, 3600])
@pytest.mark.parametrize("lock", [5, 30, 60, 300])
def test_a_message_that_was_waited_for_tells_the_difference_exactly(ahead: float, lock: float) -> None:
    assert seen(ahead, lock=lock, waited=3).ahead == seconds(ahead if abs(ahead) > 2 else 0)


@pytest.mark.parametrize(("ahead", "told"), [(0, 0), (3, 0), (58, 3), (60, 5), (3600, 3545), (-3600, -3540)])
def test_a_backlog_tells_no_more_than_it_must(ahead: float, told: float) -> None:
    """A lock that was just given has five seconds left at the least, and nothing was enqueued after it was received."""
    assert seen(ahead, age=60).ahead == seconds(told)


@pytest.mark.parametrize("how", [{"age": 400.0}, {"first": False, "age": 20.0}])
def test_a_message_that_was_there_before_is_not_taken_for_one_that_was_waited_for(how: dict[str, float]) -> None:
    assert seen(0, waited=3, **how).ahead == seconds(0)  # type: ignore[arg-type]


def test_once_the_lock_is_known_every_message_tells_and_a_clock_set_right_is_noticed() -> None:
    clock = seen(58, waited=3)
    saw(clock, 58, lock=60, age=500, waited=0)
    assert clock.ahead == seconds(58)
    saw(clock, 0, lock=60, age=500, waited=0)
    assert clock.ahead == seconds(0)


def test_a_message_that_was_late_on_its_way_does_not_make_this_host_look_ahead() -> None:
    clock = seen(0, waited=3)
    there = NOW - seconds(20)
    clock.saw([Stamp(there - seconds(100), there + seconds(60), True)], seconds(20), NOW)
    assert clock.ahead == seconds(0)


def test_the_shortest_lock_that_was_seen_is_the_true_one() -> None:
    clock = BrokerClock()
    for late in (20, 0, 20):
        saw(clock, 58, lock=60, age=late, waited=3)
    assert clock.ahead == seconds(58)


def test_a_clock_that_jumps_ahead_is_followed_as_far_as_it_must_at_once_and_exactly_soon_after() -> None:
    clock = seen(0, waited=3)
    saw(clock, 58, lock=60, age=500, waited=0)
    assert clock.ahead == seconds(3)
    for _ in range(8):
        saw(clock, 58, lock=60, age=500, waited=0)
    assert clock.ahead == seconds(58)


def test_an_empty_answer_tells_nothing() -> None:
    clock = seen(58, waited=3)
    clock.saw([], seconds(5), NOW + seconds(5))
    assert clock.ahead == seconds(58)


def test_a_wrong_clock_is_told_of_once(caplog: pytest.LogCaptureFixture) -> None:
    clock = seen(-90, waited=3)
    saw(clock, -90, lock=60, age=0, waited=3)
    assert caplog.messages == [
        "this host's clock is 90 seconds behind that of Service Bus; it is allowed for, but set it right"
    ]


def test_moments_are_told_by_either_clock() -> None:
    clock = seen(58, waited=3)
    assert clock.there(NOW) == NOW - seconds(58)
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
            end = await inbox.renew(received["a"])
            assert end is not None
            assert end > clock.now() + seconds(90), "told by the clock of this host"
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
