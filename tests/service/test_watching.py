from __future__ import annotations

import asyncio
from datetime import timedelta

from connector.telemetry.instruments import BREAKER, BUDGET_USED, HEARTBEAT, HELD, QUEUE
from connector.telemetry.pausing import CountingBreaker
from service.watching import Watch
from tests.connector.fakes import JumpingTime
from tests.connector.telemetry.taken import taken, told

MINUTE = timedelta(minutes=1)


def test_the_heart_beats_every_quarter_minute_until_the_service_is_to_stop_and_states_are_seen_meanwhile() -> None:
    async def live() -> None:
        time, stop = JumpingTime(), asyncio.Event()
        keeping = asyncio.ensure_future(
            Watch([CountingBreaker("events")], lambda: 0.25, lambda: MINUTE).keep(stop, time.sleep)
        )
        await time.advance(31)
        assert telemetry.values(HEARTBEAT) == {told({}): 3}
        assert telemetry.values(BREAKER) == {told({QUEUE: "events"}): 0}
        assert telemetry.values(BUDGET_USED) == {told({}): 0.25}
        assert telemetry.values(HELD) == {told({}): 60}
        stop.set()
        await keeping
        await time.advance(60)

    with taken() as telemetry:
        asyncio.run(live())
        assert telemetry.values(HEARTBEAT) == {told({}): 3}
        assert telemetry.values(BREAKER) == {}
