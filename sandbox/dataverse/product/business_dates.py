"""On which day an instant lies for the sandbox's users.

Date columns of the product hold the instant of the user's midnight, so a day is only known together with a time zone.
All users of the sandbox live in one.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, time
from zoneinfo import ZoneInfo

USERS_ZONE = ZoneInfo("America/New_York")


def day_of(instant: datetime) -> date:
    """The users' calendar day at this instant."""
    return instant.astimezone(USERS_ZONE).date()


def midnight(day: date) -> datetime:
    """The instant, in UTC, that a date column holds for this day."""
    return datetime.combine(day, time(), USERS_ZONE).astimezone(UTC)
