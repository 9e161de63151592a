"""The self-kept budget: how many requests, and how much execution time, each web server has charged us lately.

Dataverse grants a user 6,000 requests and 1,200 seconds of execution per sliding 300 seconds and web server, and some
52 requests at once ("Service protection API limits"). Staying below that by ourselves is cheaper than being told.
Which server answered is known from the affinity cookie it offers; a request may land on any, so the fullest decides.
"""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum

from connector.dataverse.coming_back import ComingBack
from connector.dataverse.lanes import Lanes
from connector.dataverse.sliding_window import SlidingWindow

NO_WAIT = timedelta()
NOT_TOLD = ""
"""The server of an environment that does not say which one answered."""

LONGEST_LINGER = timedelta(seconds=5)
TIGHT = 0.85
"""The part of a budget above which it is called tight."""

LOWERED_TO, LEAST = 0.75, 0.1
"""What a refusal leaves of what was thought to be ours; and at the least."""
NEARLY, QUICKLY, SLOWLY = 0.9, 0.05, 0.0025
"""How it comes back a minute: quickly up to nearly where it was refused, from there on slowly."""

PLAUSIBLE = 0.01
"""The part of a documented limit that a learned one is at the least; a smaller number was said of something else."""
KEPT = timedelta(days=1)
"""For how long a learned limit is believed: it may have been raised, or never have been Dataverse's."""

ALWAYS = 0.1
"""The part of the execution time below which anything may go, however long it is expected to take."""

POLL = timedelta(seconds=1)
MILLISECOND = timedelta(milliseconds=1)


class Facet(Enum):
    """What there can be too much of."""

    REQUESTS = "requests"
    EXECUTION = "execution"


class End(Enum):
    """How a request ended, as far as is known before its answer is read; ``SENT_AWAY``: a ``hold`` is to follow."""

    LET_IN = "let in"
    SENT_AWAY = "sent away"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Limits:
    """What a user is granted per web server and ``window``, and how much of it one process takes.

    ``headroom``: the part of it that is used at all. ``replicas``: the most processes that ever sign in as this user at
    once; each takes its share and no more, whoever else is there. A ``degree`` advised for all is shared likewise.
    """

    requests: int = 6000
    execution: timedelta = timedelta(seconds=1200)
    concurrent: int = 52
    window: timedelta = timedelta(seconds=300)
    headroom: float = 0.95
    replicas: int = 1


DOCUMENTED = Limits()


class Budget:
    """One user's budget, shared by every thread and client of a process. It reads no clock: it is told the time.

    ``admit`` lets a request go when there is room for it; otherwise it says how long to wait and counts nothing. Each
    request admitted is ``charge``d when it ended. What it is expected to take, where that is known, is set aside as
    long as it is under way: a few long ones begun together would otherwise spend far more than was left. ``lanes`` caps
    how many are under way at once. After Dataverse said to stay away, one request goes for all, then more with every
    answer; ``chance``, evenly between 0 and 1, keeps processes apart that are sent away again and again.
    """

    def __init__(self, limits: Limits | None = None, chance: Callable[[], float] = random.random) -> None:
        self._limits = limits or Limits()
        self._servers: dict[str, SlidingWindow] = {}
        self._under_way = 0
        self._set_aside = NO_WAIT
        self._next = NO_WAIT
        self._held_until: datetime | None = None
        self._unread_until: datetime | None = None
        self._longer = NO_WAIT
        self._coming_back = ComingBack(chance)
        self._refused: dict[Facet, tuple[float, datetime]] = {}
        self._learned: dict[Facet, tuple[float, datetime]] = {}
        self._lock = threading.Lock()
        self.lanes = Lanes(self._limits.concurrent // self._limits.replicas)

    def admit(self, now: datetime, expected: timedelta = NO_WAIT) -> timedelta:
        """Zero: go, one request is under way. Otherwise: wait at least this long, then ask again."""
        with self._lock:
            wait = self._wait(now, expected)
            self._next = expected or self._next
            if wait == NO_WAIT:
                self._under_way += 1
                self._set_aside += expected
                self._coming_back.goes(now)
            return wait

    def charge(
        self,
        now: datetime,
        execution: timedelta,
        server: str | None = NOT_TOLD,
        expected: timedelta = NO_WAIT,
        end: End = End.LET_IN,
    ) -> None:
        """An admitted request ended after so long at the far side (all of its duration, if nothing better is known).

        ``None``: there was no answer, so it may have been any of the servers. ``expected`` as it was admitted with.
        """
        with self._lock:
            self._under_way = max(0, self._under_way - 1)
            self._set_aside -= expected
            if end is End.LET_IN:
                self._coming_back.let_in()
            elif end is End.SENT_AWAY:
                self._unread_until = now + POLL
            for name in [server] if server is not None else list(self._servers) or [NOT_TOLD]:
                self._servers.setdefault(name, SlidingWindow(self._limits.window)).add(now, execution)

    def hold(self, until: datetime) -> None:
        """Dataverse said when to come back: nothing is admitted before. A later moment wins, never an earlier one."""
        with self._lock:
            self._unread_until = None
            until += self._longer
            if self._held_until is None or until > self._held_until:
                self._held_until = until
                self._coming_back.stays_until(until)

    def exceeded(self, now: datetime, facets: Iterable[Facet], granted: float | None) -> bool:
        """Dataverse refused a request because there was too much of this; ``granted`` is its limit, where it said so.

        Somebody else may share the user, or a run before this one: what is thought to be ours is lowered for a while.
        Refusals of what was under way when the first came are one and the same event: ``False`` says it was known. Who
        is refused again on coming back stays away for longer than the ``hold`` that follows says.
        """
        with self._lock:
            if self._held_until is not None and now < self._held_until:
                return False
            self._longer = self._coming_back.sent_away(now)
            struck = tuple(facets)
            for facet in struck:
                self._refused[facet] = self._part(facet, now), now
            if granted and len(struck) == 1:
                self._learn(struck[0], granted, now)
            return True

    def advise(self, degree: int) -> None:
        """Dataverse's advice on how many requests at once are useful, for all replicas together."""
        self.lanes.advise(degree // self._limits.replicas)

    def linger(self, now: datetime) -> timedelta:
        """How long a worker should let messages gather before it takes a batch that is not going to be full.

        Nothing while less than 85 % of the budget are used; from there on longer and longer, so that batches grow and
        spend less each. While nothing is admitted, as long as that lasts: what waits in the queue costs no
        attempt. A batch is read before it is written, in vain if there is no room for another write like the last.
        """
        with self._lock:
            wait = self._wait(now, self._next)
            tight = max(0.0, self._pressure(now) - TIGHT) / (1 - TIGHT)
            return max(wait, LONGEST_LINGER * min(1.0, tight) ** 2)

    def held(self, now: datetime) -> timedelta:
        """For how much longer nothing is admitted, as Dataverse or something before it said to stay away."""
        with self._lock:
            return max(NO_WAIT, (self._held_until or now) - now)

    def used(self, now: datetime) -> float:
        """The part of the budget that is used: of requests or of execution time, whichever is more, where most is."""
        with self._lock:
            self._forget(now)
            return self._pressure(now)

    def _wait(self, now: datetime, expected: timedelta) -> timedelta:
        self._forget(now)
        waits = [NO_WAIT]
        if self._held_until is not None and self._held_until > now:
            waits.append(self._held_until - now)
        if self._unread_until is not None and self._unread_until > now:
            waits.append(self._unread_until - now)
        waits.append(self._coming_back.wait(now, self._under_way))
        requests, execution = self._requests(now), self._execution(now)
        # Which server will take it is unknown; what is under way is taken to be spread over those that answered.
        # However long something is expected to take, it may go while half is free: it would else never go, and nobody
        # would learn that it has become quicker.
        ahead = min(expected, execution / 2) + self._set_aside / max(1, len(self._servers))
        execution = max(execution - ahead, execution * ALWAYS)
        if self._under_way >= requests:
            waits.append(POLL)
        for server in self._servers.values():
            excess = server.requests + self._under_way - requests + 1
            if excess > 0:
                waits.append(server.until_requests_leave(min(excess, server.requests), now))
            waits.append(server.until_execution_is_below(execution, now))
        return max(waits)

    def _pressure(self, now: datetime) -> float:
        requests, execution = self._requests(now), self._execution(now)
        return max(
            (max(one.requests / requests, one.execution / execution) for one in self._servers.values()), default=0.0
        )

    def _forget(self, now: datetime) -> None:
        for name, server in list(self._servers.items()):
            server.forget(now)
            if not server.requests:
                del self._servers[name]

    def _requests(self, now: datetime) -> int:
        limit = self._limit(Facet.REQUESTS, self._limits.requests, now)
        return max(1, int(limit * self._share(Facet.REQUESTS, now)))

    def _execution(self, now: datetime) -> timedelta:
        limit = self._limit(Facet.EXECUTION, self._limits.execution / MILLISECOND, now)
        return MILLISECOND * limit * self._share(Facet.EXECUTION, now)

    def _limit(self, facet: Facet, documented: float, now: datetime) -> float:
        """What is granted of it: as it was learned lately, else as we were told to begin with."""
        limit, since = self._learned.get(facet, (documented, now))
        return limit if now - since < KEPT else documented

    def _share(self, facet: Facet, now: datetime) -> float:
        return self._limits.headroom * self._part(facet, now) / self._limits.replicas

    def _part(self, facet: Facet, now: datetime) -> float:
        """How much of what one process may take is thought to be there for it, by the part that was refused last."""
        if facet not in self._refused:
            return 1.0
        refused, since = self._refused[facet]
        minutes = max(0.0, (now - since) / timedelta(minutes=1))
        lowered, nearly = max(LEAST, refused * LOWERED_TO), max(LEAST, refused * NEARLY)
        quick = min(minutes, (nearly - lowered) / QUICKLY)
        return min(1.0, lowered + quick * QUICKLY + (minutes - quick) * SLOWLY)

    def _learn(self, facet: Facet, granted: float, now: datetime) -> None:
        documented = DOCUMENTED.requests if facet is Facet.REQUESTS else DOCUMENTED.execution / MILLISECOND
        if granted >= PLAUSIBLE * documented:
            self._learned[facet] = granted, now
