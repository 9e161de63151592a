"""Events of organizations that are not ours: counted, told of once an hour, and let go."""

from __future__ import annotations

import logging
import threading
from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime, timedelta

log = logging.getLogger(__name__)

ALARM_EVERY = timedelta(hours=1)
MOST = 100
"""Organizations told apart; the rest are counted as one."""
OTHERS = "others"


@dataclass
class Foreigners:
    """How many events came from which other organization since the start. Safe between threads."""

    _counts: Counter[str] = field(default_factory=Counter)
    _alarmed: dict[str, datetime] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def counts(self) -> dict[str, int]:
        """Events by organization."""
        with self._lock:
            return dict(self._counts)

    def saw(self, organization: str, now: datetime) -> None:
        """One more event of this organization, which is about to be discarded."""
        with self._lock:
            name = organization if organization in self._counts or len(self._counts) < MOST else OTHERS
            self._counts[name] += 1
            count, last = self._counts[name], self._alarmed.get(name)
            if last is not None and now - last < ALARM_EVERY:
                return
            self._alarmed[name] = now
        log.error(
            "events of another organization (%s) reach this queue and are discarded, %d so far: a service endpoint of "
            "its posts here, or the settings name the wrong organization",
            name,
            count,
        )
