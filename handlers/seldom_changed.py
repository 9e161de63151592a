"""What seldom changes is not read again for a minute: projects' set-up, price lists and settings; never a ledger.

Kept is a whole reading, with what it was made for. A decision takes all of it from one reading or makes a new one, so
that it never sees two versions side by side; and never from one older than the approval it follows from, so that what
somebody put in order before they approved is seen at once. Whoever passes Dataverse itself reads everything afresh.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from connector.dataverse.access import Reader
from connector.dataverse.changes import Record
from connector.dataverse.query import Query
from handlers.asked_ahead import AskedAhead
from handlers.price_facts import PriceFacts
from handlers.price_needs import Scope
from handlers.set_up import Basis, SetUps
from handlers.whereabouts import Whereabouts

LIFETIME = timedelta(seconds=60)
STEPS_BACK = timedelta(seconds=2)
"""By how much Dataverse's clock, told to the second by whichever server answered, may go back between two answers."""
MOST = 16
"""Readings that are kept at the most, each of a whole batch; the oldest goes first."""


@dataclass(frozen=True, slots=True)
class Reading:
    """What was read together for these, begun at ``at`` (aware UTC). ``priced``: whose price lists and settings too."""

    at: datetime
    bases: frozenset[Basis]
    set_ups: SetUps
    prices: PriceFacts | None = None
    priced: frozenset[Scope] = frozenset()


class SeldomChanged:
    """The last minute's readings. Safe between threads; ``now`` is its clock."""

    def __init__(self, now: Callable[[], datetime], lifetime: timedelta = LIFETIME) -> None:
        self.now = now
        self.whereabouts = Whereabouts()
        self._lifetime = lifetime
        self._newest_first: tuple[Reading, ...] = ()
        self._lock = threading.Lock()

    def of(self, basis: Basis, since: datetime | None) -> Reading | None:
        """The newest reading for this that is fresh enough and was not begun before ``since``."""
        fresh = (one for one in self._fresh() if basis in one.bases)
        return next((one for one in fresh if since is None or one.at >= since), None)

    def keep(self, reading: Reading) -> None:
        """Keep a reading for its minute."""
        with self._lock:
            kept = sorted((reading, *self._fresh()), key=lambda one: one.at, reverse=True)
            self._newest_first = tuple(kept[:MOST])

    def _fresh(self) -> list[Reading]:
        now = self.now()
        return [one for one in self._newest_first if -STEPS_BACK <= now - one.at < self._lifetime]


@dataclass(frozen=True, slots=True)
class Seen:
    """What was read behind a write, in one request begun at ``at`` (aware UTC)."""

    at: datetime
    answers: tuple[tuple[Query, list[Record]], ...]


class Lately:
    """A Dataverse on which what seldom changes may be told from the last minute. ``has_told``: whether it was.

    ``begin`` a look, and ``expect`` what it will probably ask for: that is sent along with what it asks for first. The
    first look begins with what was ``seen`` behind the write that it follows.
    """

    def __init__(self, dataverse: Reader, seldom_changed: SeldomChanged, seen: Seen | None = None) -> None:
        self.seldom_changed = seldom_changed
        self.has_told = False
        self.began = seldom_changed.now()
        self._seen = seen
        self._dataverse = AskedAhead(dataverse)

    def begin(self) -> None:
        """From now on everything is read anew; nothing that is read in this look is older than ``began``."""
        seen, self._seen = self._seen, None
        self.began = seen.at if seen else self.seldom_changed.now()
        self._dataverse.begin(seen.answers if seen else ())

    def expect(self, *questions: Query) -> None:
        """These will probably be asked in this look."""
        self._dataverse.expect(*questions)

    def query(self, questions: Sequence[Query]) -> list[list[Record]]:
        """Everything else is always asked afresh, of this look."""
        return self._dataverse.query(questions)
