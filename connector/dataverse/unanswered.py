"""What it means that a request got no answer: nothing was sent, or nothing is known."""

from __future__ import annotations

from collections.abc import Iterator

import requests
from urllib3.exceptions import ConnectTimeoutError, NameResolutionError, NewConnectionError

from connector.errors import ConnectorError, Misconfigured, Transient, UnknownOutcome

NEVER_SENT = (requests.exceptions.ConnectTimeout, NewConnectionError, NameResolutionError, ConnectTimeoutError)
"""No connection came about."""
TUNNEL_REFUSED = "Tunnel connection failed"
"""How an ``OSError`` begins that says that a proxy refused to connect on: what was for the far side stayed here."""
DEEPEST = 6


def no_answer(error: requests.RequestException, writes: bool, origin: str) -> ConnectorError:
    """What it means that no answer came. Of a write everything is unknown that is not known never to have been sent.

    A ``ProxyError`` alone says nothing: urllib3 names any connection so that a proxy opened and that broke, whenever
    that was. What it wraps tells.
    """
    if _is_certificate_refused(error):
        return Misconfigured("certificate-refused", f"The certificate of {origin} could not be verified.")
    if any(_shows_that_nothing_was_sent(cause) for cause in _causes(error)):
        return Transient("unreachable", f"{origin} could not be reached; nothing was sent.")
    if writes:
        return UnknownOutcome(
            "no-answer", f"{origin} gave no answer to a write: it may or may not have been carried out."
        )
    return Transient("no-answer", f"{origin} gave no answer to a read.")


def _is_certificate_refused(error: requests.RequestException) -> bool:
    told = isinstance(error, requests.exceptions.SSLError | requests.exceptions.ProxyError)
    return told and "CERTIFICATE_VERIFY_FAILED" in str(error)


def _shows_that_nothing_was_sent(cause: object) -> bool:
    return isinstance(cause, NEVER_SENT) or (isinstance(cause, OSError) and str(cause).startswith(TUNNEL_REFUSED))


def _causes(error: requests.RequestException) -> Iterator[object]:
    """The error, and what it wraps, layer after layer: requests keeps urllib3's word as its first argument."""
    yield error
    cause: object = error.args[0] if error.args else None
    for _ in range(DEEPEST):
        yield cause
        cause = getattr(cause, "reason", None) or getattr(cause, "original_error", None)
