"""The daily sweep: at its local time, without drift, once for days that were slept through, again after a fault."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest

from connector.errors import Transient
from handlers.fixed_point import AgainstTheRules, Outcome, Settled, Unsettled
from mappings.messages import CreateDueInvoices
from service.sweep import AGAIN, Sweep

SIX = time(6)
BERLIN = ZoneInfo("Europe/Berlin")
NOTHING = Settled("Due: nothing.", {"until": "", "runs": [], "unfit": []})


@dataclass
class Life:
    """A clock that leaps to whatever is waited for, and what was swept when; it stops after so many sweeps."""

    moment: datetime
    sweeps: int
    takes: timedelta = timedelta(minutes=40)
    ends: dict[int, Outcome] = field(default_factory=dict)
    swept: list[tuple[datetime, date | None]] = field(default_factory=list)
    slept: dict[int, timedelta] = field(default_factory=dict)

    def live(
        self,
        zone: ZoneInfo = BERLIN,
        at: time = SIX,
        confirmed: bool = False,
        is_held: Callable[[], bool] = lambda: False,
    ) -> list[CreateDueInvoices]:
        commands: list[CreateDueInvoices] = []

        async def run() -> None:
            stop = asyncio.Event()
            loop = asyncio.get_running_loop()

            def carry_out(command: CreateDueInvoices, stopping: Callable[[], bool]) -> Outcome:
                number = len(self.swept)
                commands.append(command)
                self.swept.append((self.moment, command.due))
                self.moment += self.takes + self.slept.get(number, timedelta())
                if len(self.swept) == self.sweeps:
                    loop.call_soon_threadsafe(stop.set)
                return self.ends.get(number, NOTHING)

            sweep = Sweep(at, zone, self._now, carry_out, confirmed, longest_wait=0.0, is_held=is_held)
            await asyncio.wait_for(sweep.run(stop), 20)

        asyncio.run(run())
        return commands

    def _now(self) -> datetime:
        # Every look at the clock passes a minute, which is what waiting is made of.
        self.moment += timedelta(minutes=1)
        return self.moment

    def times(self, zone: ZoneInfo = BERLIN) -> list[str]:
        return [f"{moment.astimezone(zone):%m-%d %H}" for moment, _ in self.swept]


def test_it_catches_up_at_once_and_then_keeps_the_hour_over_both_changes_of_the_clock() -> None:
    for first, change in ((date(2026, 3, 27), date(2026, 3, 29)), (date(2026, 10, 23), date(2026, 10, 25))):
        life = Life(datetime(first.year, first.month, first.day, 12, tzinfo=UTC), sweeps=5)
        life.live()
        days = [first + timedelta(days=n) for n in range(5)]
        assert [due for _, due in life.swept] == days
        assert change in days
        assert life.times()[1:] == [f"{day:%m-%d} 06" for day in days[1:]]


def test_while_it_is_held_nothing_is_swept_and_afterwards_once_for_all_the_days() -> None:
    """One that was broken off is gone on with only where its day is still the last."""
    for hours, days in ((3, [date(2026, 3, 1)] * 2), (75, [date(2026, 3, 1), date(2026, 3, 4)])):
        begun = datetime(2026, 3, 1, 12, tzinfo=UTC)
        life = Life(begun, sweeps=2, ends={0: Unsettled(Transient("away", "Away."))}, takes=timedelta())

        def is_held(life: Life = life, begun: datetime = begun, hours: int = hours) -> bool:
            return bool(life.swept) and life.moment < begun + timedelta(hours=hours)

        commands = life.live(is_held=is_held)
        assert [due for _, due in life.swept] == days
        assert life.swept[1][0] >= begun + timedelta(hours=hours)
        assert (commands[0].command == commands[1].command) is (days[0] == days[1])


def test_one_that_is_at_work_when_it_is_held_is_told_to_end() -> None:
    held: list[bool] = []
    told: list[bool] = []

    async def run() -> None:
        stop, loop = asyncio.Event(), asyncio.get_running_loop()

        def carry_out(command: CreateDueInvoices, stopping: Callable[[], bool]) -> Outcome:
            told.append(stopping())
            held.append(True)
            told.append(stopping())
            loop.call_soon_threadsafe(stop.set)
            return NOTHING

        now = datetime(2026, 3, 1, 12, tzinfo=UTC)
        await Sweep(SIX, BERLIN, lambda: now, carry_out, longest_wait=0.0, is_held=lambda: bool(held)).run(stop)

    asyncio.run(asyncio.wait_for(run(), 20))
    assert told == [False, True]


def test_before_its_hour_it_catches_up_with_yesterday_only() -> None:
    life = Life(datetime(2026, 3, 2, 3, tzinfo=UTC), sweeps=2)
    life.live()
    assert [due for _, due in life.swept] == [date(2026, 3, 1), date(2026, 3, 2)]


@pytest.mark.parametrize(("zone", "hour"), [("Pacific/Auckland", 17), ("Pacific/Honolulu", 16), ("UTC", 6)])
def test_the_day_is_that_of_the_business(zone: str, hour: int) -> None:
    life = Life(datetime(2026, 1, 10, hour, 30, tzinfo=UTC), sweeps=1)
    life.live(ZoneInfo(zone))
    local = life.swept[0][0].astimezone(ZoneInfo(zone)).date()
    assert life.swept[0][1] == local


def test_days_that_were_slept_through_are_one_sweep() -> None:
    life = Life(datetime(2026, 3, 2, 12, tzinfo=UTC), sweeps=3, slept={0: timedelta(days=4)})
    life.live()
    assert [due for _, due in life.swept] == [date(2026, 3, 2), date(2026, 3, 6), date(2026, 3, 7)]


def test_what_could_not_be_carried_out_is_tried_again_soon_and_a_refusal_the_next_day() -> None:
    life = Life(
        datetime(2026, 3, 2, 12, tzinfo=UTC),
        sweeps=6,
        takes=timedelta(),
        ends={
            0: Unsettled(Transient("unreachable", "No route.")),
            1: Settled("Done.", NOTHING.outcome, unsure=True),
            2: Settled("Done.", {**NOTHING.outcome, "left": 7}),
            3: Settled("Done.", {"runs": [{"contract": "c", "day": "2026-03-02", "outcome": "already-running"}]}),
            4: Unsettled(AgainstTheRules("product-invoices-itself", "Both would.")),
        },
    )
    commands = life.live()
    assert [due for _, due in life.swept] == [date(2026, 3, 2)] * 5 + [date(2026, 3, 3)]
    gaps = [later - earlier for (earlier, _), (later, _) in zip(life.swept, life.swept[1:], strict=False)]
    assert all(AGAIN <= gap < 2 * AGAIN for gap in gaps[:4])
    # What broke off is gone on with under its own command; what came to an end is followed by another.
    goes_on = [one.command == two.command for one, two in pairwise(commands)]
    assert goes_on == [True, False, False, False, False]


@pytest.mark.parametrize("confirmed", [True, False])
def test_it_goes_above_the_ceilings_only_where_that_was_set(confirmed: bool) -> None:
    life = Life(datetime(2026, 3, 2, 12, tzinfo=UTC), sweeps=1)
    (command,) = life.live(confirmed=confirmed)
    assert command.confirmed is confirmed
    assert command.requested_by == "daily sweep"


def test_what_went_wrong_is_said_loudly(caplog: pytest.LogCaptureFixture) -> None:
    run = {"contract": "c", "day": "2026-03-02", "outcome": "failed", "because": "Time-out expired."}
    unfit = {"table": "msdyn_contractlineinvoiceschedule", "row": "r", "day": "2026-03-01", "why": "It is inactive."}
    outcome = Settled("Due.", {"runs": [run, run | {"outcome": "created"}], "unfit": [unfit]})
    life = Life(datetime(2026, 3, 2, 12, tzinfo=UTC), sweeps=1, ends={0: outcome})
    with caplog.at_level(logging.WARNING):
        life.live()
    assert [record.getMessage() for record in caplog.records] == [
        "salesorder(c), due 2026-03-02: failed. Time-out expired.",
        "msdyn_contractlineinvoiceschedule(r), due 2026-03-01: It is inactive.",
    ]


def test_stopping_waits_for_a_sweep_at_work_as_long_as_for_messages_and_no_longer(
    caplog: pytest.LogCaptureFixture,
) -> None:
    free, at_work = threading.Event(), threading.Event()
    before = set(threading.enumerate())  # other tests' threads may still be ending

    def carry_out(command: CreateDueInvoices, stopping: Callable[[], bool]) -> Outcome:
        at_work.set()
        free.wait(30)
        return NOTHING

    async def run() -> None:
        stop = asyncio.Event()
        sweep = Sweep(SIX, BERLIN, lambda: datetime(2026, 3, 2, 12, tzinfo=UTC), carry_out, drain=0.01)
        running = asyncio.ensure_future(sweep.run(stop))
        while not at_work.is_set():
            await asyncio.sleep(0.005)
        stop.set()
        assert await running is False

    try:
        asyncio.run(asyncio.wait_for(run(), 10))
        assert all(thread.daemon for thread in set(threading.enumerate()) - before)
        assert not free.is_set()
    finally:
        free.set()
    assert caplog.messages == [
        "sweep of 2026-03-02: not waited for any longer; what it called for is looked up next time"
    ]


def test_a_sweep_belongs_to_the_trace_it_was_begun_in() -> None:
    trace: ContextVar[str] = ContextVar("trace", default="a new one")
    seen: list[str] = []

    async def run() -> None:
        trace.set("the service's")
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()

        def carry_out(command: CreateDueInvoices, stopping: Callable[[], bool]) -> Outcome:
            seen.append(trace.get())
            loop.call_soon_threadsafe(stop.set)
            return NOTHING

        assert await Sweep(SIX, BERLIN, lambda: datetime(2026, 3, 2, 12, tzinfo=UTC), carry_out).run(stop)

    asyncio.run(asyncio.wait_for(run(), 10))
    assert seen == ["the service's"]
