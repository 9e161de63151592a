"""Peers that speak something else than AMQP: what they are told before they are dropped."""

from __future__ import annotations

_METHODS = (b"GET ", b"PUT ", b"POST ", b"HEAD ", b"PATCH ", b"DELETE ", b"OPTIONS ", b"CONNECT ")
_SENTENCE = (
    b"This port speaks AMQP 1.0 over TCP, and nothing over HTTP: neither AMQP over WebSocket nor the management of "
    b"entities over REST. Entities are described in a Config.json.\n"
)
_NO_HTTP = (
    b"HTTP/1.1 501 Not Implemented\r\nContent-Type: text/plain; charset=utf-8\r\n"
    b"Content-Length: %d\r\nConnection: close\r\n\r\n%s" % (len(_SENTENCE), _SENTENCE)
)


def answer(header: bytes, wanted: bytes) -> bytes:
    """What a peer hears that began with this header: the one that was wanted, or in HTTP that it must not speak that.

    Clients that speak TLS take the answer for what it is and say that the version is wrong.
    """
    return _NO_HTTP if any(header.startswith(method[: len(header)]) for method in _METHODS) else wanted
