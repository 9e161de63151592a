"""The clock of this machine; everything that tells the time takes it as a parameter, and this is what it is given."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta

_BEGAN = datetime.now(UTC), time.monotonic()


def utc_now() -> datetime:
    """The wall clock, aware UTC."""
    return datetime.now(UTC)


def steady_now() -> datetime:
    """When this process began, and what has passed since by a clock that nobody sets; aware UTC. For waits and windows:
    a wall clock that is put back an hour must not make anybody wait for an hour."""
    began, mark = _BEGAN
    return began + timedelta(seconds=time.monotonic() - mark)
