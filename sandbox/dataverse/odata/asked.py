"""Who asks, and when: what some query functions need to know."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from uuid import UUID


@dataclass(frozen=True, slots=True)
class Asked:
    """The asker's id, business unit and time zone, and the time of asking."""

    user: UUID
    business_unit: UUID | None
    now: datetime
    zone: tzinfo = UTC
    plain_dates_in: tzinfo = UTC
    """The zone in which a date without a time begins."""
    teams: Callable[[], Sequence[UUID]] = tuple
    """The teams the asker belongs to, looked up when a query wants to know."""
