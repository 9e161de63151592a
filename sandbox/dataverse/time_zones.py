"""Whose clock counts: a user's time zone, kept in ``usersettings`` as the code Windows-born systems give it.

What is settled: instants are stored and answered in UTC; a column of behaviour DateOnly never shifts; a user-local one
is shown, and asked for by words like *today*, in the caller's time zone. What is not settled by a public source is a
switch (``date_switches``).
"""

from __future__ import annotations

from datetime import UTC, date, datetime, tzinfo
from uuid import UUID
from zoneinfo import ZoneInfo

from sandbox.dataverse.catalog import Column
from sandbox.dataverse.store import Store

ZONES = {
    2: "Pacific/Honolulu",
    3: "America/Anchorage",
    4: "America/Los_Angeles",
    10: "America/Denver",
    15: "America/Phoenix",
    20: "America/Chicago",
    35: "America/New_York",
    50: "America/Halifax",
    60: "America/St_Johns",
    65: "America/Sao_Paulo",
    85: "Europe/London",
    90: "Africa/Casablanca",
    92: "UTC",
    95: "Europe/Budapest",
    100: "Europe/Warsaw",
    105: "Europe/Paris",
    110: "Europe/Berlin",
    120: "Africa/Cairo",
    125: "Europe/Kyiv",
    130: "Europe/Athens",
    135: "Asia/Jerusalem",
    140: "Africa/Johannesburg",
    145: "Europe/Moscow",
    165: "Asia/Dubai",
    190: "Asia/Kolkata",
    205: "Asia/Bangkok",
    210: "Asia/Shanghai",
    215: "Asia/Singapore",
    225: "Australia/Perth",
    235: "Asia/Tokyo",
    250: "Australia/Adelaide",
    255: "Australia/Sydney",
    290: "Pacific/Auckland",
}
"""Time zone code → zone; a code that is not here counts as UTC."""


def zone_of(store: Store, user: UUID) -> tzinfo:
    """The user's time zone; UTC where the user has not chosen one."""
    found = store.values(store.catalog.table("usersettings"), user, "timezonecode")
    name = ZONES.get(found[0]) if found else None
    return ZoneInfo(name) if name and name != "UTC" else UTC


def midnight(column: Column, day: date, zone: tzinfo) -> datetime:
    """The instant a plain date means for a column with a time: only user-local ones follow the zone."""
    return datetime(day.year, day.month, day.day, tzinfo=zone if column.behavior == "UserLocal" else UTC).astimezone(
        UTC
    )
