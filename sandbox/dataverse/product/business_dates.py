"""On which day an instant lies for the sandbox's users.

Date columns of the product hold the instant of the user's midnight, so a day is only known together with a time zone.
All users of the sandbox live in one.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, time
from enum import Enum
from zoneinfo import ZoneInfo


class Zone(Enum):
    """Time zones that the product may tell days in."""

    NEW_YORK = "America/New_York"
    """Where the demo company works."""
    UTC = "UTC"
    """What happens where nobody thought of it: days shift over midnight (whats-new-mar-2024, 3780647)."""
    HONOLULU = "Pacific/Honolulu"
    LONDON = "Europe/London"
    AUCKLAND = "Pacific/Auckland"


def day_of(instant: datetime, zone: Zone = Zone.NEW_YORK) -> date:
    """The users' calendar day at this instant."""
    return instant.astimezone(ZoneInfo(zone.value)).date()


def midnight(day: date, zone: Zone = Zone.NEW_YORK) -> datetime:
    """The instant, in UTC, that a date column holds for this day."""
    return datetime.combine(day, time(), ZoneInfo(zone.value)).astimezone(UTC)
