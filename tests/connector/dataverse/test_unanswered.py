"""No answer came: only where it is known that nothing was sent may the same write be sent again."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable

import pytest
import requests
from urllib3.exceptions import (
    ConnectTimeoutError,
    MaxRetryError,
    NameResolutionError,
    NewConnectionError,
    ProxyError,
    ReadTimeoutError,
    SSLError,
)

from connector.dataverse.unanswered import no_answer
from connector.errors import ConnectorError, Misconfigured, Transient, UnknownOutcome
from tests.connector.dataverse.environment import ORIGIN


def behind_a_proxy(cause: Exception) -> requests.exceptions.ProxyError:
    """What requests makes of trouble of a connection that a proxy opened."""
    return requests.exceptions.ProxyError(MaxRetryError(None, "/", ProxyError("Unable to connect to proxy", cause)))  # type: ignore[arg-type]


UNSENT: list[requests.RequestException] = [
    requests.ConnectionError(NewConnectionError(None, "refused")),  # type: ignore[arg-type]
    requests.ConnectionError(MaxRetryError(None, "/", NameResolutionError("h", None, OSError()))),  # type: ignore[arg-type]
    requests.ConnectTimeout(ConnectTimeoutError()),
    requests.ConnectTimeout("late"),
    behind_a_proxy(NewConnectionError(None, "refused")),  # type: ignore[arg-type]
    behind_a_proxy(NameResolutionError("h", None, OSError())),  # type: ignore[arg-type]
    behind_a_proxy(ConnectTimeoutError()),
    behind_a_proxy(OSError("Tunnel connection failed: 407 Proxy Authentication Required")),
]
UNKNOWN: list[requests.RequestException] = [
    requests.ReadTimeout(ReadTimeoutError(None, "/", "late")),  # type: ignore[arg-type]
    requests.ConnectionError("aborted"),
    requests.ConnectionError(),
    requests.exceptions.SSLError("EOF"),
    requests.exceptions.ProxyError("no more is said"),
    behind_a_proxy(ConnectionResetError(104, "Connection reset by peer")),
    behind_a_proxy(OSError("Remote end closed connection without response")),
    behind_a_proxy(SSLError("EOF occurred")),
]
UNVERIFIED: list[requests.RequestException] = [
    requests.exceptions.SSLError("CERTIFICATE_VERIFY_FAILED"),
    behind_a_proxy(SSLError("certificate verify failed: [SSL: CERTIFICATE_VERIFY_FAILED]")),
]


@pytest.mark.parametrize(
    ("trouble", "read", "write"),
    [(trouble, Transient, Transient) for trouble in UNSENT]
    + [(trouble, Transient, UnknownOutcome) for trouble in UNKNOWN]
    + [(trouble, Misconfigured, Misconfigured) for trouble in UNVERIFIED],
    ids=repr,
)
def test_what_no_answer_means(
    trouble: requests.RequestException, read: type[ConnectorError], write: type[ConnectorError]
) -> None:
    assert type(no_answer(trouble, writes=False, origin=ORIGIN)) is read
    assert type(no_answer(trouble, writes=True, origin=ORIGIN)) is write


def through_a_proxy(url: str, behave: Callable[[socket.socket], None] | None) -> requests.RequestException:
    """What a write raises whose proxy behaves so on its first connection; ``None``: there is no proxy there."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            connection, _ = server.accept()
            with connection:
                connection.recv(65536)
                behave(connection) if behave else None

        serving = threading.Thread(target=serve, daemon=True)
        proxy = f"http://127.0.0.1:{server.getsockname()[1]}"
        if behave is None:
            server.close()
        else:
            serving.start()
        with requests.Session() as session:
            session.trust_env = False
            with pytest.raises(requests.RequestException) as caught:
                session.post(url, data=b"x", proxies={"http": proxy, "https": proxy}, timeout=10)
        if behave is not None:
            serving.join(10)
    return caught.value


def drop(_: socket.socket) -> None:
    """Close after the request was received."""


def refuse(connection: socket.socket) -> None:
    """Refuse to connect on."""
    connection.sendall(b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n")


@pytest.mark.parametrize(
    ("url", "behave", "kind"),
    [
        ("https://org.example.com/", None, Transient),
        ("https://org.example.com/", refuse, Transient),
        ("http://org.example.com/", drop, UnknownOutcome),
    ],
    ids=["not there", "refuses to connect on", "drops what it received"],
)
def test_a_real_proxy_that_fails_is_known_by_what_it_did(
    url: str, behave: Callable[[socket.socket], None] | None, kind: type[ConnectorError]
) -> None:
    assert type(no_answer(through_a_proxy(url, behave), writes=True, origin=ORIGIN)) is kind
