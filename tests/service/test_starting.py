"""Service Bus or Dataverse away for a moment as the service starts: it waits, and ends only for what a person mends."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import timedelta

import pytest

from connector.errors import ConnectorError, Misconfigured, Throttled, Transient, UnknownOutcome
from service.stopping import patiently

AWAY = Transient("unreachable", "Nobody answers.")


class Slept:
    """The waits, which take no time; ``then`` is done after each."""

    def __init__(self, then: Callable[[], None] = lambda: None) -> None:
        self.waits: list[float] = []
        self._then = then

    async def sleep(self, seconds: float) -> None:
        """Remember how long."""
        self.waits.append(seconds)
        self._then()


def away(*failures: ConnectorError) -> Callable[[], None]:
    """What fails in these ways before it is there."""
    left = list(failures)

    def look() -> None:
        if left:
            raise left.pop(0)

    return look


def test_what_is_away_is_waited_for_ever_longer_and_the_log_says_so(caplog: pytest.LogCaptureFixture) -> None:
    slept = Slept()
    lost = UnknownOutcome("no-answer", "No answer.")
    looks = [away(*[AWAY, lost] * 4), away()]
    assert asyncio.run(patiently(asyncio.Event(), looks, slept.sleep))
    assert slept.waits == [2, 4, 8, 16, 32, 60, 60, 60]
    assert caplog.messages[0] == "not there yet (unreachable): Nobody answers. It is tried again in 2 seconds"


def test_whoever_says_when_to_come_back_is_obeyed() -> None:
    slept = Slept()
    busy = Throttled("busy", "Later.", timedelta(seconds=90))
    assert asyncio.run(patiently(asyncio.Event(), [away(busy)], slept.sleep))
    assert slept.waits == [90]


def test_what_a_person_has_to_mend_ends_it_at_once_also_beside_what_is_away() -> None:
    async def scenario() -> None:
        with pytest.raises(Misconfigured):
            await patiently(asyncio.Event(), [away(*[AWAY] * 9), away(Misconfigured("bus-queue", "No such queue."))])

    asyncio.run(asyncio.wait_for(scenario(), 10))


def test_whoever_stops_it_waits_no_longer() -> None:
    async def scenario() -> None:
        stop = asyncio.Event()
        slept = Slept(stop.set)
        assert not await patiently(stop, [away(*[AWAY] * 9)], slept.sleep)
        assert slept.waits == [2]

    asyncio.run(asyncio.wait_for(scenario(), 10))
