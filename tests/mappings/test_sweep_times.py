"""The scheduled sweep keeps its local time: no drift, none lost and none doubled when the clocks change."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mappings.sweep_times import last_sweep, next_sweep

START = datetime(2024, 1, 1, tzinfo=UTC)
ZONES = ("America/New_York", "Europe/Berlin", "Pacific/Auckland", "Pacific/Honolulu", "Australia/Lord_Howe", "UTC")


@pytest.mark.parametrize(
    ("zone", "after", "at", "expected"),
    [
        ("Europe/Berlin", "2026-01-10T04:59:59+00:00", "06:00", "2026-01-10T05:00:00+00:00"),
        ("Europe/Berlin", "2026-01-10T05:00:00+00:00", "06:00", "2026-01-11T05:00:00+00:00"),
        # The clocks go forward on 29 March: an hour earlier in UTC, the same hour on the wall.
        ("Europe/Berlin", "2026-03-28T05:00:00+00:00", "06:00", "2026-03-29T04:00:00+00:00"),
        ("Europe/Berlin", "2026-10-24T04:00:00+00:00", "06:00", "2026-10-25T05:00:00+00:00"),
        # 02:30 does not exist on that day; it is taken an hour later.
        ("Europe/Berlin", "2026-03-28T01:30:00+00:00", "02:30", "2026-03-29T01:30:00+00:00"),
        # 02:30 is there twice on 25 October; the first one counts, and the second is none.
        ("Europe/Berlin", "2026-10-24T00:30:00+00:00", "02:30", "2026-10-25T00:30:00+00:00"),
        ("Europe/Berlin", "2026-10-25T00:30:00+00:00", "02:30", "2026-10-26T01:30:00+00:00"),
        ("Pacific/Auckland", "2026-01-10T16:59:00+00:00", "06:00", "2026-01-10T17:00:00+00:00"),
        ("Pacific/Honolulu", "2026-01-10T16:00:00+00:00", "06:00", "2026-01-11T16:00:00+00:00"),
        # Samoa had no 30 December 2011.
        ("Pacific/Apia", "2011-12-29T16:00:00+00:00", "06:00", "2011-12-30T16:00:00+00:00"),
        ("Pacific/Apia", "2011-12-30T16:00:00+00:00", "06:00", "2011-12-31T16:00:00+00:00"),
    ],
)
def test_the_next_sweep_is_at_the_same_local_time(zone: str, after: str, at: str, expected: str) -> None:
    moment = next_sweep(datetime.fromisoformat(after), time.fromisoformat(at), ZoneInfo(zone))
    assert moment == datetime.fromisoformat(expected)


times = st.times(max_value=time(23, 59)).map(lambda at: at.replace(second=0, microsecond=0))
instants = st.integers(0, 6 * 365 * 24 * 60).map(lambda minutes: START + timedelta(minutes=minutes))


@given(instants, times, st.sampled_from(ZONES))
def test_every_day_has_one_sweep_and_none_has_two(start: datetime, at: time, name: str) -> None:
    zone = ZoneInfo(name)
    moments = [next_sweep(start, at, zone)]
    for _ in range(370):
        moments.append(next_sweep(moments[-1], at, zone))
    days = [moment.astimezone(zone).date() for moment in moments]
    assert all(later - earlier == timedelta(days=1) for earlier, later in pairwise(days))
    there = [moment.astimezone(zone) for moment in moments]
    elsewhere = [moment for moment in there if moment.time() != at]
    assert len(elsewhere) <= 3  # at most the days whose clocks jump over it


@given(instants, times, st.sampled_from(ZONES))
def test_the_last_sweep_is_followed_by_the_next(now: datetime, at: time, name: str) -> None:
    zone = ZoneInfo(name)
    last = last_sweep(now, at, zone)
    assert last <= now < next_sweep(now, at, zone)
    assert next_sweep(last, at, zone) == next_sweep(now, at, zone)
    assert last_sweep(next_sweep(now, at, zone), at, zone) == next_sweep(now, at, zone)
