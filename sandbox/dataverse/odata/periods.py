"""The words for time in Dataverse's query functions, as a stretch of the caller's wall clock.

Weeks begin on Sunday, as in an organisation that never changed it. "Last x" reaches from the beginning of the day x
units ago to now, "next x" from now to the end of the day x units on; hours and minutes are counted exactly.
"""

from __future__ import annotations

import calendar
from datetime import datetime, timedelta

Stretch = tuple[datetime | None, datetime | None]
"""From (inclusive) to (exclusive), on the wall clock; ``None``: without end on this side."""

PLAIN = {
    *("Yesterday", "Today", "Tomorrow", "Last7Days", "Next7Days", "LastWeek", "ThisWeek", "NextWeek"),
    *("LastMonth", "ThisMonth", "NextMonth", "LastYear", "ThisYear", "NextYear"),
}
"""Functions without a value."""
UNITS = ("Minutes", "Hours", "Days", "Weeks", "Months", "Years")
COUNTED = {f"{word}X{unit}" for word in ("Last", "Next") for unit in UNITS if unit != "Minutes"} | {
    f"OlderThanX{unit}" for unit in UNITS
}
"""Functions with a whole number."""
DAYS = {"On", "NotOn", "OnOrBefore", "OnOrAfter"}
"""Functions with a date."""


def plain(name: str, now: datetime) -> Stretch:
    """The stretch of a function without a value."""
    today = day_of(now)
    if name in ("Last7Days", "Next7Days"):
        return counted(f"{name[:4]}XDays", 7, now)
    if name in ("Yesterday", "Today", "Tomorrow"):
        start = today + timedelta(days=("Yesterday", "Today", "Tomorrow").index(name) - 1)
        return start, start + timedelta(days=1)
    shift = ("Last", "This", "Next").index(name[:4]) - 1
    if name.endswith("Week"):
        start = today - timedelta(days=(today.weekday() + 1) % 7) + timedelta(weeks=shift)
        return start, start + timedelta(weeks=1)
    if name.endswith("Month"):
        start = moved(today.replace(day=1), shift)
        return start, moved(start, 1)
    start = today.replace(month=1, day=1, year=today.year + shift)
    return start, start.replace(year=start.year + 1)


def counted(name: str, count: int, now: datetime) -> Stretch:
    """The stretch of a function with a number."""
    word, _, unit = name.partition("X")
    exact = unit in ("Hours", "Minutes")
    if word == "OlderThan":
        return None, back(now, unit, count)
    if word == "Last":
        start = back(now, unit, count)
        return (start if exact else day_of(start)), now + timedelta(microseconds=1)
    end = back(now, unit, -count)
    return now, (end if exact else day_of(end) + timedelta(days=1))


def on(name: str, day: datetime) -> Stretch:
    """The stretch of a function with a date; ``NotOn`` is what lies outside that of ``On``."""
    start = day_of(day)
    end = start + timedelta(days=1)
    return {"OnOrBefore": (None, end), "OnOrAfter": (start, None)}.get(name, (start, end))


def day_of(moment: datetime) -> datetime:
    """The beginning of the day."""
    return moment.replace(hour=0, minute=0, second=0, microsecond=0)


def back(moment: datetime, unit: str, count: int) -> datetime:
    """So many units earlier (later, where negative); a month that is too short ends earlier."""
    if unit in ("Months", "Years"):
        return moved(moment, -count * (12 if unit == "Years" else 1))
    return moment - timedelta(**{unit.lower(): count})


def moved(moment: datetime, months: int) -> datetime:
    """So many months later."""
    year, month = divmod(moment.year * 12 + moment.month - 1 + months, 12)
    return moment.replace(year=year, month=month + 1, day=min(moment.day, calendar.monthrange(year, month + 1)[1]))
