"""How a process comes back after it was told to stay away: one request first, then more at once with every answer.

Where several processes spend the budget of one user, and all that waited in them ask again at the same moment, each
question makes the wait of the others longer, and nobody ever gets in. So one asks for all; where it is sent away as
well, the process stays away longer than it was told, longer each time, and each process by another length.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import datetime, timedelta

NO_WAIT = timedelta()
FIRST, LONGEST = timedelta(seconds=5), timedelta(minutes=5)
"""By how much longer than told a process stays away that was sent away again; and at the most."""
WIDE = 8
"""So many at once, and there is no cap any more."""
SOON, LATER = timedelta(seconds=1), timedelta(seconds=30)
"""When to look again whether the one that asks for all has its answer; and at the most."""
CALM = timedelta(hours=1)
"""Who is sent away so long after the last wait ended is not sent away again, but for the first time."""
GIVEN_UP = timedelta(minutes=5)
"""Hardly a request lasts so long: whoever has not come to an end by then holds up nobody any more."""


class ComingBack:
    """Not safe between threads: the budget that owns it is. ``chance``: evenly between 0 and 1."""

    def __init__(self, chance: Callable[[], float] = random.random) -> None:
        self._chance = chance
        self._width: int | None = None
        self._asked = False
        self._again = 0
        self._since: datetime | None = None
        self._ended: datetime | None = None

    def sent_away(self, now: datetime) -> timedelta:
        """Told to stay away: by how much longer than that to do so. Nothing, the first time."""
        # What went before the last time says nothing of this one, nor does what is long past.
        calm = self._ended is not None and now - self._ended >= CALM
        self._again = 0 if calm else self._again + self._asked
        self._width, self._asked, self._since = 1, False, now
        if not self._again:
            return NO_WAIT
        # By 20 it is the longest, whatever the first.
        return min(FIRST * (1 << min(self._again - 1, 20)), LONGEST) * (1 + self._chance()) / 2

    def stays_until(self, until: datetime) -> None:
        """When that wait is over: from then on what was under way before counts as the one that asks for all."""
        self._ended = until
        if not self._asked:
            self._since = until

    def wait(self, now: datetime, under_way: int) -> timedelta:
        """Zero: one more may go. Otherwise: look again after this long, which grows as the answer is waited for."""
        if self._width is None or under_way < self._width:
            return NO_WAIT
        waited = NO_WAIT if self._since is None else now - self._since
        return NO_WAIT if waited >= GIVEN_UP else min(max(waited, SOON), LATER)

    def goes(self, now: datetime) -> None:
        """A request goes."""
        if self._width is not None:
            self._asked, self._since = True, now

    def let_in(self) -> None:
        """A request was answered otherwise than by being sent away. What went before all this says nothing."""
        if self._width is None or not self._asked:
            return
        self._width += 1
        if self._width >= WIDE:
            self._width, self._asked, self._again = None, False, 0
