"""Where the sandbox listens: loopback unless told otherwise, alone on its port, and without Nagle's delay."""

from __future__ import annotations

import errno
import ipaddress
import socket
import sys
import time
from typing import Any, Final

_TAKEN: Final = {errno.EADDRINUSE, errno.EACCES} if sys.platform == "win32" else {errno.EADDRINUSE}
"""What ``bind`` says of a port that is in use; Windows denies access to one that is in use exclusively."""

_EXHAUSTED: Final = {errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM}
_REST: Final = 0.5
"""Seconds, less than the event loop waits itself."""


class PortTaken(OSError):
    """Another program has the port. ``service`` is "Service Bus" or "Dataverse"."""

    def __init__(self, service: str, port: int) -> None:
        super().__init__(errno.EADDRINUSE, f"port {port}, meant for the sandbox's {service}, is in use")
        self.service = service
        self.port = port


class Listener(socket.socket):
    """A socket that, out of descriptors, says so once and then has nobody waiting for a moment.

    An event loop that gets the error waits a second before it tries again, but not before it has tried as many times as
    connections may wait, and it logs each of them.
    """

    _rests_until = 0.0

    def accept(self) -> tuple[socket.socket, Any]:
        """See ``socket.accept``; raises ``BlockingIOError`` where nobody waits, or as above."""
        if time.monotonic() < self._rests_until:
            raise BlockingIOError(errno.EAGAIN, "out of descriptors a moment ago")
        try:
            return super().accept()
        except OSError as problem:
            if problem.errno in _EXHAUSTED:
                self._rests_until = time.monotonic() + _REST
            raise


def listen(service: str, host: str, port: int, *, beyond_loopback: bool = False) -> socket.socket:
    """A listening socket; port 0 takes a free one. Raises ``PortTaken``.

    A host that is not loopback needs ``beyond_loopback``, and is warned of; without it, it is a ``ValueError``.
    """
    if not _is_loopback(host):
        if not beyond_loopback:
            raise ValueError(f"The sandbox's {service} listens on loopback addresses only, not on {host}.")
        sys.stderr.write(f"Warning: the sandbox's {service} listens on {host}, without encryption.\n")
    # The protocol is named because asyncio sends without delay only on sockets that say they are TCP.
    family, kind, protocol, _, address = socket.getaddrinfo(host, port, 0, socket.SOCK_STREAM, socket.IPPROTO_TCP)[0]
    listener = Listener(family, kind, protocol)
    try:
        listener.setsockopt(socket.SOL_SOCKET, _sharing(), 1)
        listener.bind(address)
        listener.listen(128)
    except OSError as problem:
        listener.close()
        if problem.errno in _TAKEN:
            raise PortTaken(service, port) from problem
        raise
    return listener


def _sharing() -> int:
    """The option that makes a port ours alone and yet free again at once.

    On Windows a port can be taken from whoever listens on it unless that one forbids it; there ``SO_REUSEADDR`` does
    the taking. Elsewhere the same option only passes over connections that linger.
    """
    exclusive = getattr(socket, "SO_EXCLUSIVEADDRUSE", None)
    return socket.SO_REUSEADDR if exclusive is None else int(exclusive)


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
