"""One HTTP request to Dataverse: address, token, budget, time-outs, and what it means when no answer came."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from ipaddress import ip_address
from urllib.parse import urlsplit
from uuid import uuid4

import requests
from requests.adapters import HTTPAdapter

from connector.auth import TokenSource
from connector.dataverse.affinity import cookies, server_of
from connector.dataverse.answer_body import AnswerTooLarge, body_of
from connector.dataverse.batch import is_multipart
from connector.dataverse.budget import NO_WAIT, Budget, End, Facet
from connector.dataverse.refusals import UNTOLD_WAIT, Kind, Refusal, failure, granted, meaning, moment_of, read_refusal
from connector.dataverse.unanswered import no_answer
from connector.errors import ConnectorError, Misconfigured, Throttled, UnknownOutcome
from connector.sign_in.challenge import claims_in
from connector.telemetry.exchanges import exchange, throttled, waited

log = logging.getLogger(__name__)

API = "/api/data/v9.2/"
HEADERS = {"Accept": "application/json", "OData-Version": "4.0", "OData-MaxVersion": "4.0"}
LONG_HOLD = timedelta(minutes=2)
"""Being told to stay away for longer is told as an error."""
YEARS = range(2000, 3000)
"""What a clock may show; what shows another year is none, and no time could be reckoned from it."""
EXCEEDED: Mapping[str, tuple[Facet, ...]] = {
    "too-many-requests": (Facet.REQUESTS,),
    "too-much-execution-time": (Facet.EXECUTION,),
    "throttled": (Facet.REQUESTS, Facet.EXECUTION),
}
"""What there was too much of, by the name of the refusal."""


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer of any status; header names in lower case. ``took``: how long the far side was at it."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    took: timedelta = timedelta()


class Bearer(requests.auth.AuthBase):
    """Sets the token itself, so that no ``.netrc`` on the machine can put another identity in its place."""

    def __init__(self, token: str) -> None:
        self._token = token

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        """Sign one request."""
        request.headers["Authorization"] = f"Bearer {self._token}"
        return request


class Transport:
    """Sends requests to one environment. Safe to share between threads.

    Cookies are refused, so that requests spread over the web servers, unless ``keep_affinity``; redirects are refused,
    so that the token goes nowhere else. ``patience`` is the longest that one request waits here for its own budget:
    a longer wait becomes ``Throttled``. ``timer`` counts seconds.
    """

    def __init__(
        self,
        url: str,
        tokens: TokenSource,
        budget: Budget,
        *,
        timeout: tuple[float, float],
        pool: int,
        patience: timedelta,
        user_agent: str,
        now: Callable[[], datetime],
        sleep: Callable[[float], None],
        timer: Callable[[], float] = time.monotonic,
        keep_affinity: bool = False,
    ) -> None:
        self.origin = origin_of(url)
        self._tokens = tokens
        self._budget = budget
        self._timeout = timeout
        self._patience = patience
        self._now = now
        self._sleep = sleep
        self._timer = timer
        self._far_ahead = timedelta()
        self._session = requests.Session()
        self._session.cookies.set_policy(cookies(keep_affinity))
        self._session.trust_env = not is_loopback(self.origin)
        self._session.headers["User-Agent"] = user_agent
        self._session.mount(self.origin, HTTPAdapter(pool_connections=1, pool_maxsize=pool, pool_block=True))

    def close(self) -> None:
        """Close the pooled connections."""
        self._session.close()

    def far_now(self) -> datetime:
        """What Dataverse's own clock shows, as its last answer told it, and never ahead of that: to the second."""
        return self._now() + self._far_ahead

    def send(
        self,
        method: str,
        target: str,
        headers: Mapping[str, str],
        body: bytes | None,
        writes: bool,
        expected: timedelta = NO_WAIT,
    ) -> Reply:
        """Send once and return the answer whatever its status; a 401 is answered once with a new token, for the
        claims it asks for where it does.

        ``target`` is the path from the host's root; ``expected``: how long it will take, where that is known. Raises
        ``Transient`` when nothing was sent or nothing was to be written, ``UnknownOutcome`` when a write was sent and
        no answer came. What a refusal says: ``refused``.
        """
        token = self._tokens.token()
        reply = self._send_once(method, target, headers, body, writes, token, expected)
        if reply.status == 401:
            log.info("Dataverse refused the token; signing in again and repeating the request once")
            self._tokens.drop(token, claims_in(reply.headers))
            reply = self._send_once(method, target, headers, body, writes, self._tokens.token(), expected, resends=1)
        if 300 <= reply.status < 400 and reply.status != 304:
            raise Misconfigured("redirected", f"{self.origin} answered with a redirect: it is not a Dataverse address.")
        return reply

    def refused(self, status: int, headers: Mapping[str, str], body: bytes, outer: Mapping[str, str]) -> Refusal:
        """What an answer of status 400 and above says, a whole one or a part of a batch; ``outer`` are the headers of
        the whole. Being told to wait holds every request of this process, whoever sends it."""
        # A moment to come back at is meant by the clock of who names it.
        made = shown_by(outer.get("date")) or self._now()
        refusal = read_refusal(status, body, headers.get("retry-after", outer.get("retry-after")), made)
        kind, name = meaning(refusal)
        # A gateway that gave up on a request says when to come back as well, whatever became of the request.
        if kind is Kind.THROTTLED or (refusal.status >= 500 and refusal.retry_after is not None):
            self._told_to_wait(refusal, name)
        return refusal

    def _told_to_wait(self, refusal: Refusal, name: str) -> None:
        throttled(name)
        now = self._now()
        wait = UNTOLD_WAIT if refusal.retry_after is None else refusal.retry_after
        # Only what carries a code comes from Dataverse itself: a gateway counts others' requests too, by other minutes.
        limit = granted(refusal.message) if refusal.code else None
        is_news = self._budget.exceeded(now, EXCEEDED.get(name, ()), limit)
        self._budget.hold(now + wait)
        if is_news:
            if name == "too-many-at-once":
                self._budget.lanes.crowded()
            level = logging.ERROR if wait > LONG_HOLD else logging.WARNING
            held = self._budget.held(now).total_seconds()
            log.log(level, "Dataverse says to wait (%s): nothing is sent for %.1f s", name, held)

    def _send_once(
        self,
        method: str,
        target: str,
        headers: Mapping[str, str],
        body: bytes | None,
        writes: bool,
        token: str,
        expected: timedelta,
        resends: int = 0,
    ) -> Reply:
        request_id = str(uuid4())
        server: str | None = None
        end = End.UNKNOWN
        with self._budget.lanes.one():
            self._await_budget(expected)
            with exchange(method, self.origin, target, writes, resends) as seen:
                began = self._timer()
                try:
                    answer = self._session.request(
                        method,
                        self.origin + target,
                        headers={**headers, "x-ms-client-request-id": request_id},
                        data=body,
                        auth=Bearer(token),
                        timeout=self._timeout,
                        allow_redirects=False,
                        stream=True,
                    )
                    seen.answered(answer.status_code, answer.headers)
                    made = shown_by(answer.headers.get("date"))
                    if made is not None:
                        self._far_ahead = made - self._now()
                    server = server_of(answer)
                    end = end_of(answer.status_code, "retry-after" in answer.headers)
                    content = body_of(answer)
                except requests.RequestException as error:
                    if end is not End.SENT_AWAY:
                        raise no_answer(error, writes, self.origin) from error
                    content = None
                finally:
                    took = timedelta(seconds=self._timer() - began)
                    self._budget.charge(self._now(), took, server, expected, end)
                    seen.charged(took)
        log.debug(
            "%s %s: %s in %.0f ms (request %s, service request %s)",
            method,
            target.partition("?")[0],
            answer.status_code,
            took / timedelta(milliseconds=1),
            request_id,
            answer.headers.get("x-ms-service-request-id", "-"),
        )
        told = {name.lower(): value for name, value in answer.headers.items()}
        if (degree := told.get("x-ms-dop-hint", "")).isdecimal():
            self._budget.advise(int(degree))
        if content is not None:
            return Reply(answer.status_code, told, content, took)
        if end is End.SENT_AWAY:
            raise self._sent_away(answer.status_code, told, writes)
        if writes:
            raise UnknownOutcome("answer-too-large", f"{self.origin} answered a write with more than can be read.")
        raise AnswerTooLarge(self.origin)

    def _sent_away(self, status: int, headers: Mapping[str, str], writes: bool) -> ConnectorError:
        """Sent away by an answer whose body cannot be had: status and headers say for how long, and whether a write may
        have been carried out. Only a batch is answered in parts, and an earlier one may have been."""
        refusal = self.refused(status, headers, b"", headers)
        if writes and (status >= 500 or is_multipart(headers.get("content-type", ""))):
            sentence = f"{self.origin} broke off its answer to a write ({status}): it may have been carried out."
            return UnknownOutcome("broken-off", sentence, refusal.retry_after)
        return failure(refusal)

    def _await_budget(self, expected: timedelta) -> None:
        # Many short waits, as for somebody else's answer, are together no shorter than a long one.
        patience = self._patience
        while (wait := self._budget.admit(self._now(), expected)) > NO_WAIT:
            waited(wait)
            if wait > patience:
                raise Throttled("own-budget", "The budget for requests to Dataverse is used up for the moment.", wait)
            log.info("waiting %.1f s to stay within the service protection limits", wait.total_seconds())
            self._sleep(wait.total_seconds())
            patience -= wait


def end_of(status: int, told_to_wait: bool) -> End:
    """What the status alone says of an end."""
    if status == 429 or (status >= 500 and told_to_wait):
        return End.SENT_AWAY
    return End.UNKNOWN if status >= 500 else End.LET_IN


def origin_of(url: str) -> str:
    """``https://host[:port]`` of an environment's address; plain http only for this machine itself."""
    parts = urlsplit(url.strip())
    if parts.scheme not in ("https", "http") or not parts.hostname:
        raise Misconfigured("bad-address", f"{url!r} is not the address of a Dataverse environment.")
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    origin = f"{parts.scheme}://{host}" + (f":{parts.port}" if parts.port else "")
    if parts.scheme == "http" and not is_loopback(origin):
        raise Misconfigured("plain-http", f"{origin} must be reached with https: a token would travel unprotected.")
    return origin


def is_loopback(origin: str) -> bool:
    """Whether the address is this machine's own."""
    host = urlsplit(origin).hostname or ""
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def shown_by(date: str | None) -> datetime | None:
    """What the far side's clock shows, where it may be a clock."""
    made = moment_of(date)
    return made if made is not None and made.year in YEARS else None
