"""HTTP on a socket: uvicorn serves the Web API, one worker thread per request, and can cut a connection short."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Generator, Iterable, MutableMapping
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import uvicorn
from starlette.types import Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

from sandbox.dataverse.http.app import Cut, WebApi
from sandbox.dataverse.http.exchange import Answer

THREADS = 64
"""Requests in flight at once; more than a client's recommended parallelism, as some may be held by a test."""


class HttpSocket:
    """Serves one listening socket until stopped."""

    def __init__(self, api: WebApi) -> None:
        self._api = api
        self._connections: dict[object, asyncio.Transport] = {}
        self._workers = ThreadPoolExecutor(THREADS, thread_name_prefix="sandbox-dataverse")
        self._server: _Server | None = None
        self._task: asyncio.Task[None] | None = None

    async def start(self, listener: socket.socket, certificate: Path | None = None) -> None:
        """Serve what comes in on a listening socket; with a certificate (PEM, with its key) over TLS."""
        config = uvicorn.Config(
            self._serve,
            http=_protocol(self._connections),
            ws="none",
            lifespan="off",
            interface="asgi3",
            log_config=None,
            access_log=False,
            proxy_headers=False,
            server_header=False,
            date_header=False,  # told by the sandbox's clock, not by this machine's
            ssl_certfile=certificate,
            timeout_graceful_shutdown=2,
        )
        self._server = _Server(config)
        self._task = asyncio.create_task(self._server.serve(sockets=[listener]))
        ready = asyncio.create_task(self._server.ready.wait())
        await asyncio.wait({ready, self._task}, return_when=asyncio.FIRST_COMPLETED)
        if not ready.done():
            ready.cancel()
            await self._task

    async def stop(self) -> None:
        """Finish what is under way and stop listening."""
        if self._server is None or self._task is None:
            return
        self._server.stopping.set()
        await self._task
        for connection in list(self._connections.values()):
            connection.abort()  # one that speaks TLS waits for its caller's goodbye
        await asyncio.sleep(0)
        self._workers.shutdown()

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        body = await _body(receive)
        headers: MutableMapping[str, str] = {}
        for name, value in scope["headers"]:
            headers[name.decode("latin-1").lower()] = value.decode("latin-1")
        headers["x-forwarded-proto"] = scope["scheme"]
        url = scope["raw_path"].decode("latin-1")
        if scope["query_string"]:
            url = f"{url}?{scope['query_string'].decode('latin-1')}"
        loop = asyncio.get_running_loop()
        gone: Future[None] = Future()
        watching = asyncio.create_task(_hung_up(receive, gone))
        work = loop.run_in_executor(self._workers, self._api.answer, scope["method"], url, headers, body, gone)
        try:
            answer = await work
        except Cut as cut:
            if cut.sent is not None and cut.answer is not None:
                await _send(send, cut.answer, cut.sent)
                await asyncio.sleep(0)
            connection = self._connections.get(tuple(scope["client"]))
            if connection is not None:
                connection.close() if cut.sent is not None else connection.abort()
            await watching
            return
        if not gone.done():
            await _send(send, answer)
        await watching


async def _send(send: Send, answer: Answer, only: int | None = None) -> None:
    """Send an answer, or its head and the first bytes of its body."""
    content = answer.body()
    fields = answer.all_headers() | ({} if answer.status in (204, 304) else {"Content-Length": str(len(content))})
    encoded = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in fields.items()]
    await send({"type": "http.response.start", "status": answer.status, "headers": encoded})
    part = content if only is None else content[:only]
    await send({"type": "http.response.body", "body": part, "more_body": only is not None})


async def _hung_up(receive: Receive, gone: Future[None]) -> None:
    """Tell when the caller has hung up (or has got its answer)."""
    while (await receive())["type"] != "http.disconnect":
        pass
    gone.set_result(None)


async def _body(receive: Receive) -> bytes:
    parts = []
    more = True
    while more:
        message = await receive()
        parts.append(message.get("body", b""))
        more = message.get("more_body", False)
    return b"".join(parts)


class _Server(uvicorn.Server):
    """A server that leaves the process's signals alone and says when it listens."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.ready = asyncio.Event()
        self.stopping = asyncio.Event()

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        yield

    async def main_loop(self) -> None:
        counter = 0
        while not self.stopping.is_set():
            await self.on_tick(counter)
            counter = (counter + 1) % 864_000
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self.stopping.wait(), 0.1)

    async def startup(self, sockets: Iterable[socket.socket] | None = None) -> None:
        await super().startup(list(sockets) if sockets else None)
        self.ready.set()


def _protocol(connections: dict[object, asyncio.Transport]) -> type[asyncio.Protocol]:
    class Protocol(H11Protocol):
        """Remembers its connection by the client's address, so that it can be cut."""

        def connection_made(self, transport: Any) -> None:
            self._peer = tuple(transport.get_extra_info("peername"))
            connections[self._peer] = transport
            super().connection_made(transport)

        def connection_lost(self, exc: Exception | None) -> None:
            connections.pop(self._peer, None)
            super().connection_lost(exc)

    return Protocol
