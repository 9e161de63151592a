"""Tokens for one resource: kept until shortly before they end, renewed by one thread at a time."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Protocol

from connector.errors import Throttled, Transient
from connector.sign_in.meanings import refused_sign_in

log = logging.getLogger(__name__)

EARLY = 300.0
"""Seconds before its end that a token is renewed, so that a sign-in that is down for a moment stops nobody."""
LEAST = 60.0
"""Seconds a token is kept at the least, however soon it ends or whatever MSAL advises, unless it is refused."""
LAST = 30.0
"""Seconds of validity a token must have left to be of use where it can't be renewed."""
AGAIN = 10.0
"""Seconds until a renewal that failed is tried again while the old token is still good."""


class Credential(Protocol):
    """Who signs in, and by what proof. Safe to share between threads and resources."""

    def acquire(self, resource: str, *, anew: bool, claims: str | None) -> Mapping[str, Any]:
        """MSAL's answer to the wish for a token; ``anew`` says that the one in its cache was refused.

        ``resource`` is an address such as ``https://org.crm4.dynamics.com``. Raises ``ConnectorError``.
        """
        ...


@dataclass(frozen=True, slots=True)
class AccessToken:
    """A token and its times, in seconds since 1970."""

    token: str = field(repr=False)
    expires_on: float
    renew_at: float


class Tokens:
    """A ``TokenSource`` for one resource. Safe to share between threads.

    A renewal that only could not be reached leaves a token that is still good in use. What the sign-in host said about
    when to come back is obeyed: until then nobody asks.
    """

    def __init__(self, credential: Credential, resource: str, *, now: Callable[[], float] = time.time) -> None:
        self._credential = credential
        self._resource = resource.rstrip("/")
        self._now = now
        self._current: AccessToken | None = None
        self._anew = False
        self._claims: str | None = None
        self._held: Transient | None = None
        self._held_until = 0.0
        self._lock = threading.Lock()

    def __repr__(self) -> str:
        return f"Tokens({self._credential!r}, {self._resource!r})"

    def token(self) -> str:
        """See ``TokenSource``."""
        return self.access_token().token

    def access_token(self) -> AccessToken:
        """The token with its times. Raises as ``token`` does."""
        current = self._current
        if current is not None and self._now() < current.renew_at:
            return current
        good = self._good(current)
        # Whoever holds a token that is still good does not wait for the thread that renews it.
        if not self._lock.acquire(blocking=good is None) and good is not None:
            return good
        try:
            current = self._current
            if current is not None and self._now() < current.renew_at:
                return current
            return self._renewed(current)
        finally:
            self._lock.release()

    def drop(self, stale: str | None = None, claims: str | None = None) -> None:
        """See ``TokenSource``. The claims are asked for until a token was given for them."""
        with self._lock:
            current = self._current
            if current is None or stale is None or stale == current.token:
                self._current = None
                self._anew = True
                self._claims = claims or self._claims

    def _good(self, token: AccessToken | None) -> AccessToken | None:
        """The token, if it will still be good when a request made now has arrived."""
        return token if token is not None and self._now() < token.expires_on - LAST else None

    def _renewed(self, current: AccessToken | None) -> AccessToken:
        began, still_good = self._now(), self._good(current)
        if self._held is not None and began < self._held_until:
            if still_good is not None:
                return still_good
            if isinstance(self._held, Throttled):
                left = timedelta(seconds=self._held_until - began)
                raise Throttled(self._held.code, self._held.sentence, left)
        try:
            answer = self._credential.acquire(self._resource, anew=self._anew, claims=self._claims)
            if not isinstance(answer.get("access_token"), str):
                raise refused_sign_in(answer)
        except Transient as failure:
            wait = failure.retry_after.total_seconds() if isinstance(failure, Throttled) else AGAIN
            self._held, self._held_until = failure, self._now() + wait
            if still_good is None:
                raise
            log.warning("the token for %s could not be renewed and is used on (%s)", self._resource, failure)
            return still_good
        self._held, self._anew, self._claims = None, False, None
        self._current = _read(answer, self._now())
        return self._current


def _read(answer: Mapping[str, Any], now: float) -> AccessToken:
    ends = now + float(answer.get("expires_in", 3600))
    wished = min(float(answer.get("refresh_on", ends)), ends - EARLY)
    return AccessToken(answer["access_token"], ends, min(max(wished, now + LEAST), ends))
