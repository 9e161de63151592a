"""The sandbox's Service Bus as a server: start, stop, and the alarm that wakes it when something comes due."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Iterable

from sandbox.clock import Clock
from sandbox.listening import listen
from sandbox.servicebus.broker.broker import Broker
from sandbox.servicebus.broker.settings import QueueCounts, QueueSettings, TopicSettings
from sandbox.servicebus.message_properties import MessageProperties
from sandbox.servicebus.namespace import Namespace
from sandbox.servicebus.sas import SharedKey
from sandbox.servicebus.storage import MemoryStorage, Storage

_LONGEST_SLEEP = 3600.0
_BACKLOG = 1024
"""Clients that may knock at the same moment; one more would have to knock again, a second later."""
_RETRY = 1.0
"""Seconds until what could not be made to last is tried again."""


class ServiceBusServer:
    """A local Service Bus that the unmodified Azure SDKs talk to; runs on the event loop that starts it.

    Queues, topics and sessions; no transactions, which are refused with an AMQP error that says so. Sandbox time comes
    from ``clock``; when that is advanced, locks end and scheduled messages arrive at once.
    """

    def __init__(
        self,
        queues: Iterable[QueueSettings],
        keys: Iterable[SharedKey],
        clock: Clock,
        *,
        topics: Iterable[TopicSettings] = (),
        storage: Storage | None = None,
    ) -> None:
        self._clock = clock
        self._broker = Broker(queues, MemoryStorage() if storage is None else storage, topics, MessageProperties())
        self._namespace = Namespace(self._broker, keys, clock, self._schedule_turn)
        self.faults = self._namespace.faults
        """What goes wrong on demand."""
        self.faults.on_plan(self._wake)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._server: asyncio.Server | None = None
        self._alarm: asyncio.TimerHandle | None = None
        self._turn_scheduled = False
        self._turns = 0
        self._sound = True
        self._turned = threading.Condition()
        self._host, self._port = "127.0.0.1", 0
        clock.on_advance(self._wake)

    async def start(self, host: str = "127.0.0.1", port: int = 0, *, beyond_loopback: bool = False) -> None:
        """Listen; port 0 takes a free one. A host that is not loopback needs ``beyond_loopback``, and is warned of."""
        if self._server is not None:
            raise RuntimeError("The Service Bus is started already.")
        listener = listen("Service Bus", host, port, beyond_loopback=beyond_loopback)
        loop = self._loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: self._namespace.connect(loop), sock=listener, backlog=_BACKLOG)
        self._host = host
        self._port = self._server.sockets[0].getsockname()[1]
        self._turn()

    async def stop(self) -> None:
        """Tell every client, close all connections and stop listening; messages stay in the storage."""
        server, self._server = self._server, None
        if server is None:
            return
        server.close()
        with self._namespace.lock:
            connections = list(self._namespace.connections)
            for connection in connections:
                connection.stop()
        await asyncio.sleep(0)
        for connection in connections:
            connection.abort()
        while self._namespace.connections:
            await asyncio.sleep(0)
        await server.wait_closed()
        if self._alarm is not None:
            self._alarm.cancel()
            self._alarm = None
        self._loop = None

    @property
    def ailing(self) -> str | None:
        """What is wrong with it, in a sentence; ``None`` while it works."""
        if self._server is None:
            return "The Service Bus does not listen."
        return None if self._sound else "The Service Bus cannot keep its messages; the log says why."

    @property
    def port(self) -> int:
        """The port it listens on."""
        return self._port

    def connection_string(self, key_name: str) -> str:
        """What a client needs to connect with one of the keys."""
        key = self._namespace.keys[key_name]
        host = self._host if self._host not in ("0.0.0.0", "::") else "127.0.0.1"  # noqa: S104
        parts = [
            f"Endpoint=sb://{f'[{host}]' if ':' in host else host}:{self._port}",
            f"SharedAccessKeyName={key.name}",
            f"SharedAccessKey={key.key}",
            "UseDevelopmentEmulator=true",
        ]
        return ";".join(parts if key.queue is None else [*parts, f"EntityPath={key.queue}"])

    def counts(self, queue: str) -> QueueCounts:
        """How many messages a queue, or a subscription by its path, holds; may be asked from any thread."""
        with self._namespace.lock:
            found = self._broker.find(queue)
            if found is None:
                raise KeyError(f"There is no queue named {queue}.")
            return found.counts(self._clock.now())

    def wait_until(self, queue: str, holds: Callable[[QueueCounts], bool], timeout: float) -> bool:
        """Wait, on any thread but the server's own, until something holds of a queue's counts.

        Looks again each time the broker did something; ``False`` if it does not hold within ``timeout`` seconds.
        """
        deadline = time.monotonic() + timeout
        seen = self._turns
        while not holds(self.counts(queue)):
            # The lock is not held while ``holds`` looks: the broker goes on meanwhile.
            with self._turned:
                while self._turns == seen:
                    left = deadline - time.monotonic()
                    if left <= 0:
                        return False
                    self._turned.wait(left)
                seen = self._turns
        return True

    def _wake(self) -> None:
        """The clock was moved, or a fault planned, by whatever thread."""
        loop = self._loop
        if loop is not None and not loop.is_closed():
            loop.call_soon_threadsafe(self._schedule_turn)

    def _schedule_turn(self) -> None:
        if not self._turn_scheduled and self._loop is not None:
            self._turn_scheduled = True
            self._loop.call_soon(self._turn)

    def _turn(self) -> None:
        self._turn_scheduled = False
        try:
            delay = self._namespace.turn()
        except Exception:
            # Nobody was answered, and it is tried again until it succeeds: here it is only noted.
            self._sound = False
            if self._loop is not None:
                self._set_alarm(self._loop, _RETRY)
            raise
        self._sound = True
        if delay is not None and self._loop is not None:
            self._set_alarm(self._loop, delay)
        with self._turned:
            self._turns += 1
            self._turned.notify_all()

    def _set_alarm(self, loop: asyncio.AbstractEventLoop, delay: float) -> None:
        """Have a turn in so many seconds. An alarm that rings before that stays: too early does no harm."""
        due = loop.time() + min(delay, _LONGEST_SLEEP)
        if self._alarm is not None:
            if self._alarm.when() <= due:
                return
            self._alarm.cancel()
        self._alarm = loop.call_at(due, self._ring)

    def _ring(self) -> None:
        self._alarm = None
        self._turn()
