"""/live, /ready and /started over HTTP, for whoever looks after the process: in a thread and a loop of their own.

Bounded in every way: ``GET`` and ``HEAD`` of three paths, so many connections at once, so many bytes of a request, and
so many seconds for each.
"""

from __future__ import annotations

import asyncio
import json
import logging
import socket
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import cast

from service.health import Answer, Health
from service.health_settings import HealthSettings
from service.not_configured import NotConfigured

log = logging.getLogger(__name__)

CONNECTIONS = 64
LONGEST_REQUEST = 8192
"""Bytes."""
PATIENCE = 5.0
"""Seconds that whoever asks has for the question, and for taking the answer."""
REASONS = {200: "OK", 400: "Bad Request", 404: "Not Found", 405: "Method Not Allowed", 503: "Service Unavailable"}

Looks = Mapping[str, Callable[[], Answer]]


@contextmanager
def endpoints(settings: HealthSettings, health: Health) -> Iterator[int | None]:
    """Answer while the block runs, on the port that is yielded; ``None`` where the settings name none.

    Raises ``NotConfigured`` where nobody may listen there.
    """
    if settings.port is None:
        yield None
        return
    family = socket.AF_INET6 if ":" in settings.address else socket.AF_INET
    try:
        listening = socket.create_server((settings.address, settings.port), family=family, backlog=CONNECTIONS)
    except OSError as error:
        raise NotConfigured(
            [
                f"PSA_CONNECTOR_HEALTH__PORT: {settings.address} port {settings.port} can't be listened on: "
                f"{error.strerror or error}. Name another port."
            ]
        ) from error
    port: int = listening.getsockname()[1]
    serving = _Serving(listening, {"/live": health.live, "/ready": health.ready, "/started": health.started})
    thread = threading.Thread(target=serving.run, name="health", daemon=True)
    thread.start()
    log.info("it answers how it is on %s port %d: /live, /ready, /started", settings.address, port)
    try:
        yield port
    finally:
        serving.stop()
        thread.join(PATIENCE)


class _Serving:
    def __init__(self, listening: socket.socket, looks: Looks) -> None:
        self._listening = listening
        self._looks = looks
        self._loop = asyncio.new_event_loop()
        self._stop = asyncio.Event()
        self._open: dict[asyncio.Task[None], None] = {}
        """One per connection, the oldest first."""

    def run(self) -> None:
        """Until ``stop``; in the thread that is to serve."""
        with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
            runner.run(self._serve())

    def stop(self) -> None:
        """From any thread."""
        with suppress(RuntimeError):  # The loop is closed already.
            self._loop.call_soon_threadsafe(self._stop.set)

    async def _serve(self) -> None:
        server = await asyncio.start_server(self._connected, sock=self._listening, limit=LONGEST_REQUEST)
        async with server:
            await self._stop.wait()

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if len(self._open) >= CONNECTIONS:
            # Whoever holds connections open and asks nothing must not keep the host's probe from its answer.
            oldest = next(iter(self._open))
            del self._open[oldest]
            oldest.cancel()
        task = cast("asyncio.Task[None]", asyncio.current_task())
        self._open[task] = None
        try:
            # Whoever asks may go away, dawdle or chatter: each concerns nobody but them. So does the end of the loop,
            # which cancels what is still open.
            with suppress(TimeoutError, OSError, asyncio.CancelledError):
                async with asyncio.timeout(PATIENCE):
                    writer.write(await self._answer(reader))
                    await writer.drain()
        finally:
            self._open.pop(task, None)
            writer.close()

    async def _answer(self, reader: asyncio.StreamReader) -> bytes:
        try:
            head = await reader.readuntil(b"\r\n\r\n")
        except (asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            return _response(400, {"error": "This is no request."})
        words = head.partition(b"\r\n")[0].decode("latin-1").split(" ")
        if len(words) != 3 or not words[2].startswith("HTTP/"):
            return _response(400, {"error": "This is no request."})
        method, path = words[0], words[1].partition("?")[0]
        look = self._looks.get(path)
        if look is None:
            return _response(404, {"error": f"There is {', '.join(self._looks)}."}, with_body=method != "HEAD")
        if method not in ("GET", "HEAD"):
            return _response(405, {"error": "Only GET and HEAD."}, "Allow: GET, HEAD\r\n")
        answer = look()
        return _response(200 if answer.is_well else 503, answer.body, with_body=method == "GET")


def _response(status: int, body: Mapping[str, object], more: str = "", *, with_body: bool = True) -> bytes:
    content = json.dumps(body, indent=2).encode("ascii") + b"\n"
    head = (
        f"HTTP/1.1 {status} {REASONS[status]}\r\nContent-Type: application/json\r\nContent-Length: {len(content)}\r\n"
        f"Cache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\n{more}Connection: close\r\n\r\n"
    )
    return head.encode("ascii") + (content if with_body else b"")
