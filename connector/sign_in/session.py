"""The HTTP session MSAL signs in with: always with time-outs, and with its own word for an answer that will pass."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any

import requests

from connector.errors import ConnectorError, Misconfigured, Throttled, Transient

TIMEOUT = (10.0, 30.0)
"""Seconds to connect, and to answer; MSAL itself waits for ever."""
LONGEST = timedelta(hours=1)
"""The longest ``Retry-After`` that is believed."""


class Unavailable(requests.RequestException):
    """A failure as an exception of requests: where MSAL holds a token that is still good, it takes that instead."""

    def __init__(self, failure: ConnectorError) -> None:
        super().__init__(str(failure))
        self.failure = failure


class SignInSession(requests.Session):
    """A session for the sign-in host, or for a machine's own token endpoint.

    ``.netrc`` is never read: a line there would put another identity in place of ours. Redirects are not followed: what
    was posted is meant for nobody else. ``own_machine`` leaves out proxies too. ``passing`` are statuses below 500 that
    pass by themselves, beside 429.
    """

    def __init__(
        self,
        *,
        own_machine: bool = False,
        passing: frozenset[int] = frozenset(),
        out_of_reach: Callable[[requests.RequestException], ConnectorError] | None = None,
    ) -> None:
        super().__init__()
        self.auth = _as_it_is
        self.trust_env = not own_machine
        self._passing = passing
        self._out_of_reach = out_of_reach or _unreachable

    def request(self, method: str | bytes, url: str | bytes, *args: Any, **kwargs: Any) -> requests.Response:
        """One request within ``TIMEOUT``. Raises ``Unavailable`` where nobody answered, or only for the moment."""
        kwargs |= {"timeout": TIMEOUT, "allow_redirects": False}
        try:
            answer = super().request(method, url, *args, **kwargs)
        except requests.RequestException as error:
            raise Unavailable(self._out_of_reach(error)) from error
        if answer.status_code == 429 or answer.status_code >= 500 or answer.status_code in self._passing:
            raise Unavailable(_for_the_moment(answer))
        return answer


@contextmanager
def failures_of_sign_in(where: str) -> Iterator[None]:
    """Everything MSAL raises within, as a ``ConnectorError``; ``where`` is the host or endpoint that was asked."""
    try:
        yield
    except Unavailable as error:
        raise error.failure from error
    except requests.RequestException as error:
        raise _unreachable(error) from error
    except json.JSONDecodeError as error:
        raise Transient(
            "sign-in-unreadable", f"{where} answered a sign-in with something that can't be read."
        ) from error
    except ValueError as error:
        # MSAL refuses an authority or tenant it cannot find with a plain ValueError.
        raise Misconfigured(
            "sign-in-authority", f"{where} is no authority to sign in with: check tenant and cloud."
        ) from error


def _as_it_is(request: requests.PreparedRequest) -> requests.PreparedRequest:
    return request


def _unreachable(error: requests.RequestException) -> ConnectorError:
    if isinstance(error, requests.exceptions.SSLError):
        return Misconfigured("sign-in-not-trusted", "The certificate of the sign-in host could not be verified.")
    return Transient("sign-in-unreachable", "The sign-in host could not be reached, or did not answer in time.")


def _for_the_moment(answer: requests.Response) -> Transient:
    sentence = f"Sign-in is not available at the moment (status {answer.status_code})."
    wait = _retry_after(answer.headers.get("Retry-After"))
    if wait is not None:
        return Throttled("sign-in-throttled", sentence, wait)
    return Transient("sign-in-unavailable", sentence)


def _retry_after(text: str | None) -> timedelta | None:
    """Seconds, or a date of HTTP; ``None`` when absent or unreadable."""
    if text is None:
        return None
    try:
        wait = timedelta(seconds=float(text))
    except (ValueError, OverflowError):
        try:
            wait = parsedate_to_datetime(text).astimezone(UTC) - datetime.now(UTC)
        except ValueError:
            return None
    return min(max(wait, timedelta()), LONGEST)
