"""The outside world in one background thread: a local Service Bus and a local Dataverse, used like any two services."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from collections.abc import Iterable, Mapping
from concurrent.futures import Future
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from sandbox.clock import Clock
from sandbox.company import Company, load
from sandbox.dataverse.credentials import kept
from sandbox.dataverse.events import EventPoster
from sandbox.dataverse.product import BEFORE_DELETE, Background, Switches, actions, guards
from sandbox.dataverse.row_locks import RowLocks
from sandbox.dataverse.server import DataverseServer
from sandbox.faults import Faults
from sandbox.listening import PortTaken as PortTaken
from sandbox.servicebus import QueueSettings, ServiceBusServer, SharedKey
from sandbox.servicebus.sas import SEND

EVENTS: Final = "approvals"
"""The queue Dataverse posts its events to."""
COMMANDS: Final = "commands"
"""The queue the service takes commands from."""
QUEUES: Final = tuple(
    QueueSettings(
        name,
        lock_duration=timedelta(seconds=60),
        max_delivery_count=100,
        duplicate_detection_window=timedelta(days=1),
    )
    for name in (EVENTS, COMMANDS)
)
DATABASE: Final = "dataverse.sqlite"
"""The file in a directory of data."""
_SERVICE_KEY, _EVENTS_KEY = "service", "dataverse"
_WAIT = 60.0
"""Seconds for starting or stopping to take at most."""


class DataInUse(OSError):
    """Another sandbox keeps its data in the same directory."""


class Sandbox:
    """A Service Bus and a Dataverse for tests and first runs; start it, talk to it over its sockets, stop it.

    ``queues``: other queues than the product's own two. ``company``: load the demo company. Ports of 0 are free ones.

    ``data``: a directory for one SQLite file with Dataverse's rows, tables, tokens and keys (raises ``DataInUse``);
    without it everything is in memory. Messages always are: what nobody received when the sandbox stops is gone.
    ``certificate``: a PEM file with its key; Dataverse then listens for https, as some clients insist on.
    """

    def __init__(
        self,
        queues: Iterable[QueueSettings] = QUEUES,
        servicebus_port: int = 0,
        dataverse_port: int = 0,
        company: bool = True,
        *,
        data: Path | None = None,
        certificate: Path | None = None,
        clock: Clock | None = None,
    ) -> None:
        self.clock = clock or Clock()
        self.faults = Faults(self.clock)
        self.switches = Switches()
        database = ":memory:" if data is None else _file_in(data)
        self.web = DataverseServer(self.clock, self.faults, database=database, actions=actions(self.switches))
        store = self.web.organisation.store
        self.servicebus_send_key = (_EVENTS_KEY, kept(store, "Service Bus key of Dataverse"))
        """Name and key for Dataverse's service endpoint: it may send to the event queue, nothing else."""
        keys = [SharedKey(_SERVICE_KEY, kept(store, "Service Bus key of the service"))]
        settings = tuple(queues)
        if any(queue.name == EVENTS for queue in settings):
            keys.append(SharedKey(*self.servicebus_send_key, frozenset({SEND}), EVENTS))
        self.bus = ServiceBusServer(settings, keys, self.clock)
        self.web.control.board.section("product", self.switches)
        self.web.organisation.before_delete.update(BEFORE_DELETE)
        self.web.organisation.before_write.update(guards(self.switches))
        self.background = Background(self.web.transaction, self.clock, self.switches)
        self.events = EventPoster(self.web.transaction, self.clock)
        self.events.hear(self.web.organisation)
        self.web.control.hear_of_events(self.events.faults)
        self.company: Company | None = None
        self._ports = servicebus_port, dataverse_port
        self._certificate = certificate
        self._with_company = company
        self._beginning = b""
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None

    def start(self) -> Self:
        """Load the company and listen; returns when both services answer. Raises ``PortTaken``."""
        if self._thread is not None:
            raise RuntimeError("The sandbox is started already.")
        if self._with_company:
            self.company = load(self.web)
        self._beginning = self.snapshot()
        started: Future[None] = Future()
        self._thread = threading.Thread(target=self._run, args=(started,), name="sandbox", daemon=True)
        self._thread.start()
        try:
            started.result(_WAIT)
        except BaseException:
            self.stop()
            raise
        self.events.start()
        self.background.start()
        return self

    def stop(self) -> None:
        """Close both services; stopping twice does nothing more."""
        thread, self._thread = self._thread, None
        loop = self._loop
        if thread is None:
            return
        self.background.stop()
        self.events.stop()
        if loop is not None and not loop.is_closed():
            loop.call_soon_threadsafe(loop.stop)
        thread.join(_WAIT)

    def snapshot(self) -> bytes:
        """Dataverse as it is: rows, tables, registered steps. Queues, faults, switches and the clock are not in it."""
        return self.web.organisation.snapshot()

    def restore(self, snapshot: bytes) -> None:
        """Put Dataverse back to a snapshot of this sandbox, while nothing is under way; posts that wait are dropped."""
        self.web.organisation.restore(snapshot)
        self.events.forget()

    def reset(self) -> None:
        """Put Dataverse back to how it was when it was started."""
        self.restore(self._beginning)

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def servicebus(self) -> str:
        """The service's connection string: it may send to and listen on every queue."""
        return self.bus.connection_string(_SERVICE_KEY)

    @property
    def dataverse(self) -> str:
        """The Dataverse's base URL."""
        return self.web.url

    @property
    def token(self) -> str:
        """The bearer token of the service's application user."""
        return self.web.tokens["service"]

    @property
    def row_locks(self) -> RowLocks:
        """Whether and how writers of the same rows wait for each other, time out and deadlock."""
        return self.web.organisation.row_locks

    @property
    def tokens(self) -> Mapping[str, str]:
        """Bearer tokens by user name."""
        return self.web.tokens

    def _run(self, started: Future[None]) -> None:
        try:
            with asyncio.Runner() as runner:
                loop = self._loop = runner.get_loop()
                try:
                    runner.run(self._listen())
                    started.set_result(None)
                    loop.run_forever()
                finally:
                    runner.run(self._close())
        except BaseException as problem:
            # The boundary of the thread: whatever it is goes to whoever waits in ``start``, once nothing runs any more.
            if started.done():
                raise
            started.set_exception(problem)

    async def _listen(self) -> None:
        servicebus_port, dataverse_port = self._ports
        await self.bus.start(port=servicebus_port)
        await self.web.start("127.0.0.1", dataverse_port, certificate=self._certificate)

    async def _close(self) -> None:
        await self.bus.stop()
        await self.web.stop()


def _file_in(directory: Path) -> str:
    """The database file in the directory, which is made where it is missing; refused while another sandbox has it."""
    directory.mkdir(parents=True, exist_ok=True)
    path = str(directory / DATABASE)
    try:
        with closing(sqlite3.connect(path, timeout=0)) as probe:
            probe.execute("BEGIN EXCLUSIVE")
    except sqlite3.OperationalError as error:
        raise DataInUse(f"The data in {directory} cannot be opened, perhaps because another sandbox has it.") from error
    return path
