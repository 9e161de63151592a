"""The three service protection limits: who has used how much of which server, and who has to wait how long."""

from __future__ import annotations

import math
import re
import threading
from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from hashlib import sha256
from itertools import count
from uuid import UUID

from sandbox.clock import Clock
from sandbox.dataverse.limits.settings import ServiceProtection
from sandbox.dataverse.unit_of_work import Refused

COOKIE = re.compile(r"(?:^|;\s*)ARRAffinity=(\w+)")
REQUESTS = "0x80072322"
EXECUTION = "0x80072321"
CONCURRENT = "0x80072326"


class Throttled(Refused):
    """Too many requests: 429 with one of the three codes, and for how long to wait."""

    def __init__(self, code: str, message: str, wait: timedelta) -> None:
        super().__init__(message, code, 429)
        self.headers = {"Retry-After": str(max(1, math.ceil(wait.total_seconds())))}
        """For the answer."""


@dataclass(slots=True)
class Use:
    """What one user used of one server: (when, execution time) per request in the window, and requests under way."""

    spent: deque[tuple[datetime, timedelta]] = field(default_factory=deque)
    total: timedelta = timedelta()
    under_way: int = 0
    blocked_until: datetime | None = None
    blocked_by: str = ""
    crowding: int = 0


@dataclass(slots=True)
class Visit:
    """One request on one server. ``cost`` is what it is charged when it ends; ``headers`` are for its answer."""

    server: int
    cost: timedelta = timedelta()
    headers: dict[str, str] = field(default_factory=dict)


class Protection:
    """Lets requests in, or refuses them with ``Throttled``. Safe to use from any thread."""

    def __init__(self, clock: Clock, settings: ServiceProtection) -> None:
        self._clock = clock
        self.settings = settings
        self._uses: dict[tuple[UUID, int], Use] = {}
        self._lock = threading.Lock()
        self._turn = count()

    @contextmanager
    def visit(self, user: UUID, headers: Mapping[str, str]) -> Iterator[Visit]:
        """One request of this user, on the server its cookie names or on the next one in turn."""
        settings = self.settings
        visit = Visit(self._server(headers))
        visit.headers["Set-Cookie"] = f"ARRAffinity={affinity(visit.server)};Path=/;HttpOnly"
        if not settings.enabled:
            yield visit
            return
        with self._lock:
            use = self._uses.setdefault((user, visit.server), Use())
            try:
                self._admit(use, self._clock.now())
            except Throttled as throttled:
                throttled.headers |= visit.headers
                raise
            use.under_way += 1
        try:
            yield visit
        finally:
            with self._lock:
                share = visit.cost / use.under_way
                use.under_way -= 1
                use.spent.append((self._clock.now(), visit.cost))
                use.total += visit.cost
                visit.headers |= self._remaining(use)
            if settings.time_passes:
                self._clock.advance(share)

    def _server(self, headers: Mapping[str, str]) -> int:
        servers = max(1, self.settings.servers)
        named = COOKIE.search(headers.get("cookie", ""))
        if named:
            for server in range(servers):
                if affinity(server) == named.group(1):
                    return server
        return next(self._turn) % servers

    def _admit(self, use: Use, now: datetime) -> None:
        settings = self.settings
        self._forget(use, now)
        if use.blocked_until is not None and now < use.blocked_until:
            use.blocked_until = min(use.blocked_until + settings.knock, now + settings.longest_wait)
            raise self._throttled(use.blocked_by, use.blocked_until - now)
        use.blocked_until = None
        if use.under_way >= settings.concurrent:
            use.crowding += 1
            raise self._throttled(CONCURRENT, min(settings.concurrency_wait * use.crowding, settings.longest_wait))
        use.crowding = 0
        if len(use.spent) + use.under_way >= settings.requests:
            self._block(use, REQUESTS, now, use.spent[0][0] if use.spent else now)
        if use.total >= settings.execution:
            self._block(use, EXECUTION, now, _enough_by(use, settings.execution))

    def _block(self, use: Use, code: str, now: datetime, freed: datetime) -> None:
        use.blocked_by = code
        use.blocked_until = max(freed + self.settings.window, now + timedelta(seconds=1))
        raise self._throttled(code, use.blocked_until - now)

    def _forget(self, use: Use, now: datetime) -> None:
        while use.spent and use.spent[0][0] + self.settings.window <= now:
            use.total -= use.spent.popleft()[1]

    def _throttled(self, code: str, wait: timedelta) -> Throttled:
        settings = self.settings
        seconds = f"{settings.window.total_seconds():.0f} seconds"
        limit = f"{settings.execution / timedelta(milliseconds=1):,.0f} milliseconds"
        messages = {
            REQUESTS: f"Number of requests exceeded the limit of {settings.requests} over time window of {seconds}.",
            EXECUTION: f"Combined execution time of incoming requests exceeded limit of {limit} over time window of "
            f"{seconds}. Decrease number of concurrent requests or reduce the duration of requests and try again "
            "later.",
            CONCURRENT: f"Number of concurrent requests exceeded the limit of {settings.concurrent}.",
        }
        return Throttled(code, messages[code], wait)

    def _remaining(self, use: Use) -> dict[str, str]:
        settings = self.settings
        requests = max(0, settings.requests - len(use.spent) - use.under_way)
        seconds = max(0.0, (settings.execution - use.total).total_seconds())
        return {
            "x-ms-ratelimit-burst-remaining-xrm-requests": str(requests),
            "x-ms-ratelimit-time-remaining-xrm-requests": f"{seconds:,.2f}",
        }


def _enough_by(use: Use, limit: timedelta) -> datetime:
    """The moment of the last request that has to leave the window before the rest is below the limit."""
    left = use.total
    for moment, cost in use.spent:
        left -= cost
        if left < limit:
            return moment
    return use.spent[-1][0]


def affinity(server: int) -> str:
    """The cookie that keeps a caller on this server."""
    return sha256(f"server {server}".encode()).hexdigest()
