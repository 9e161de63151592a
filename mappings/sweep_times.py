"""When the scheduled sweep is: every day at the same local time, whenever the last one was and however long it took.

A local time that a day does not have, because the clocks go forward, is taken as much later as they jump; one that a
day has twice is taken the first time. So every day has its sweep, and none has two.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from mappings.business_date import business_date


def next_sweep(after: datetime, at: time, zone: ZoneInfo) -> datetime:
    """The first sweep later than ``after``, an aware instant, in UTC."""
    day = business_date(after, zone) - timedelta(days=1)
    while (moment := _moment(day, at, zone)) <= after:
        day += timedelta(days=1)
    return moment


def last_sweep(before: datetime, at: time, zone: ZoneInfo) -> datetime:
    """The last sweep not later than ``before``, an aware instant, in UTC."""
    day = business_date(before, zone) + timedelta(days=1)
    while (moment := _moment(day, at, zone)) > before:
        day -= timedelta(days=1)
    return moment


def _moment(day: date, at: time, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, at.replace(fold=0), zone).astimezone(UTC)
