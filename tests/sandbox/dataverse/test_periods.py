"""What the words for time mean, written down by hand for one afternoon: Wednesday, 4 March 2026, 15:30."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from sandbox.dataverse.odata import periods

NOW = datetime(2026, 3, 4, 15, 30)  # noqa: DTZ001
JUST_AFTER = NOW + timedelta(microseconds=1)


def at(text: str) -> datetime:
    return datetime.fromisoformat(text)


@pytest.mark.parametrize(
    ("name", "start", "end"),
    [
        ("Yesterday", "2026-03-03", "2026-03-04"),
        ("Today", "2026-03-04", "2026-03-05"),
        ("Tomorrow", "2026-03-05", "2026-03-06"),
        ("LastWeek", "2026-02-22", "2026-03-01"),
        ("ThisWeek", "2026-03-01", "2026-03-08"),
        ("NextWeek", "2026-03-08", "2026-03-15"),
        ("LastMonth", "2026-02-01", "2026-03-01"),
        ("ThisMonth", "2026-03-01", "2026-04-01"),
        ("NextMonth", "2026-04-01", "2026-05-01"),
        ("LastYear", "2025-01-01", "2026-01-01"),
        ("ThisYear", "2026-01-01", "2027-01-01"),
        ("NextYear", "2027-01-01", "2028-01-01"),
    ],
)
def test_a_word_without_a_number_is_a_whole_stretch_of_the_calendar(name: str, start: str, end: str) -> None:
    assert periods.plain(name, NOW) == (at(start), at(end))


@pytest.mark.parametrize(
    ("name", "count", "start", "end"),
    [
        ("LastXHours", 2, at("2026-03-04T13:30"), JUST_AFTER),
        ("LastXDays", 5, at("2026-02-27"), JUST_AFTER),
        ("LastXWeeks", 1, at("2026-02-25"), JUST_AFTER),
        ("LastXMonths", 1, at("2026-02-04"), JUST_AFTER),
        ("LastXYears", 2, at("2024-03-04"), JUST_AFTER),
        ("NextXHours", 2, NOW, at("2026-03-04T17:30")),
        ("NextXDays", 1, NOW, at("2026-03-06")),
        ("NextXMonths", 12, NOW, at("2027-03-05")),
        ("OlderThanXMinutes", 30, None, at("2026-03-04T15:00")),
        ("OlderThanXDays", 4, None, at("2026-02-28T15:30")),
        ("OlderThanXMonths", 1, None, at("2026-02-04T15:30")),
    ],
)
def test_a_word_with_a_number_reaches_so_far_from_now(
    name: str, count: int, start: datetime | None, end: datetime
) -> None:
    assert periods.counted(name, count, NOW) == (start, end)


def test_seven_days_back_and_on() -> None:
    assert periods.plain("Last7Days", NOW) == (at("2026-02-25"), JUST_AFTER)
    assert periods.plain("Next7Days", NOW) == (NOW, at("2026-03-12"))


def test_a_month_that_is_too_short_ends_earlier() -> None:
    assert periods.moved(at("2026-03-31"), -1) == at("2026-02-28")
    assert periods.moved(at("2024-01-31"), 1) == at("2024-02-29")
