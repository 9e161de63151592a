"""Which day is it."""

from __future__ import annotations

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest

from mappings.business_date import business_date


@pytest.mark.parametrize(
    ("zone", "instant", "day"),
    [
        ("Pacific/Auckland", datetime(2026, 1, 31, 11, 0, tzinfo=UTC), date(2026, 2, 1)),  # UTC+13 in summer
        ("Pacific/Auckland", datetime(2026, 1, 31, 10, 59, tzinfo=UTC), date(2026, 1, 31)),
        ("Pacific/Tongatapu", datetime(2026, 6, 30, 11, 0, tzinfo=UTC), date(2026, 7, 1)),  # UTC+13 all year
        ("Pacific/Honolulu", datetime(2026, 2, 1, 9, 59, tzinfo=UTC), date(2026, 1, 31)),  # UTC-10
        ("Pacific/Honolulu", datetime(2026, 2, 1, 10, 0, tzinfo=UTC), date(2026, 2, 1)),
        ("UTC", datetime(2025, 12, 31, 23, 59, tzinfo=UTC), date(2025, 12, 31)),
        # New York springs forward on 8 March 2026: midnight is 05:00 before and 04:00 after.
        ("America/New_York", datetime(2026, 3, 8, 5, 0, tzinfo=UTC), date(2026, 3, 8)),
        ("America/New_York", datetime(2026, 3, 8, 4, 59, tzinfo=UTC), date(2026, 3, 7)),
        ("America/New_York", datetime(2026, 3, 9, 4, 0, tzinfo=UTC), date(2026, 3, 9)),
        ("America/New_York", datetime(2026, 3, 9, 3, 59, tzinfo=UTC), date(2026, 3, 8)),
        # Berlin falls back on 25 October 2026: the day has 25 hours.
        ("Europe/Berlin", datetime(2026, 10, 24, 22, 0, tzinfo=UTC), date(2026, 10, 25)),
        ("Europe/Berlin", datetime(2026, 10, 25, 22, 59, tzinfo=UTC), date(2026, 10, 25)),
        ("Europe/Berlin", datetime(2026, 10, 25, 23, 0, tzinfo=UTC), date(2026, 10, 26)),
    ],
)
def test_an_instant_is_a_day_in_the_stated_zone(zone: str, instant: datetime, day: date) -> None:
    assert business_date(instant, ZoneInfo(zone)) == day


def test_an_instant_of_another_zone_is_the_same_day_as_its_utc_twin() -> None:
    auckland = ZoneInfo("Pacific/Auckland")
    local = datetime(2026, 2, 1, 0, 0, tzinfo=auckland)
    assert business_date(local, auckland) == business_date(local.astimezone(UTC), auckland) == date(2026, 2, 1)


def test_an_instant_without_a_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="time zone"):
        business_date(datetime(2026, 2, 1), ZoneInfo("UTC"))  # noqa: DTZ001
