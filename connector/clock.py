"""The clock of this machine; everything that tells the time takes it as a parameter, and this is what it is given."""

from __future__ import annotations

from datetime import UTC, datetime


def utc_now() -> datetime:
    """The wall clock, aware UTC."""
    return datetime.now(UTC)
