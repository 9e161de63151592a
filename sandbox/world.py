"""The outside world in one background thread: a local Service Bus and a local Dataverse, used like any two services."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import Future
from datetime import timedelta
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from sandbox.clock import Clock
from sandbox.company import Company, load
from sandbox.control_http import UnderWay
from sandbox.data_directory import DataInUse as DataInUse
from sandbox.data_directory import NoData as NoData
from sandbox.data_directory import Remembered, file_in, messages_in
from sandbox.dataverse.credentials import kept
from sandbox.dataverse.events import EventPoster
from sandbox.dataverse.product import (
    Background,
    Switches,
    actions,
    before_delete,
    guards,
    ready_marking,
    scheduled_invoicing,
)
from sandbox.dataverse.product.switches import Creation, Environment
from sandbox.dataverse.row_locks import RowLocks
from sandbox.dataverse.schema_files import add_schema
from sandbox.dataverse.server import DataverseServer
from sandbox.faults import Faults
from sandbox.health import Health
from sandbox.listening import PortTaken as PortTaken
from sandbox.ports import Ports
from sandbox.servicebus import QueueSettings, ServiceBusServer, SharedKey, TopicSettings
from sandbox.servicebus.broker.errors import Unfitting
from sandbox.servicebus.sas import SEND
from sandbox.switches_http import Attributes

EVENTS: Final = "approvals"
"""The queue Dataverse posts its events to."""
COMMANDS: Final = "commands"
"""The queue the service takes commands from."""
REPLIES: Final = "replies"
"""A queue for whoever wants to be told what came of a command."""
QUEUES: Final = tuple(
    QueueSettings(
        name,
        lock_duration=timedelta(seconds=60),
        max_delivery_count=100,
        duplicate_detection_window=timedelta(days=1),
    )
    for name in (EVENTS, COMMANDS, REPLIES)
)
_SERVICE_KEY, _EVENTS_KEY = "service", "dataverse"
_ENVIRONMENT, _COMPANY, _NONE = "environment", "company", "none"
"""What is remembered beside the rows."""
_WAIT = 60.0
"""Seconds for starting or stopping to take at most."""


class WrongSchema(ValueError):
    """A file of tables and columns that can't be read, or describes none; the sentence names it."""


class Sandbox:
    """A Service Bus and a Dataverse for tests and first runs; start it, talk to it over its sockets, stop it.

    ``queues``: other queues than the product's own, and ``topics`` beside them; ``keys``: more than the sandbox's own.
    ``company``: load the demo company, but not into data that were begun without it. Ports of 0 are free ones.

    ``data``: a directory for two SQLite files, Dataverse's rows, tables, tokens and keys, and the messages (raises
    ``NoData``, ``DataInUse``); without it everything is in memory. Opened again, it listens on the ports of last time
    unless they are taken or others are asked for.
    ``environment``: which product it behaves like; psa-3, or what the data are of. In Project Operations approval makes
    actuals at once, and nothing else does, until a switch is moved. ``schema``: files or folders of files that describe
    tables and columns of one's own; ``start`` then raises ``WrongSchema`` for a wrong one.
    ``certificate``: a PEM file with its key; Dataverse then listens for https, as some clients insist on.
    """

    def __init__(
        self,
        queues: Iterable[QueueSettings] = QUEUES,
        servicebus_port: int = 0,
        dataverse_port: int = 0,
        company: bool = True,
        *,
        topics: Iterable[TopicSettings] = (),
        keys: Iterable[SharedKey] = (),
        data: Path | None = None,
        environment: Environment | None = None,
        schema: Sequence[Path] = (),
        certificate: Path | None = None,
        clock: Clock | None = None,
    ) -> None:
        self.clock = clock or Clock()
        self.faults = Faults(self.clock)
        self.switches = Switches()
        database = ":memory:" if data is None else file_in(data)
        self._messages = None if data is None else messages_in(data)
        self.web = DataverseServer(self.clock, self.faults, database=database, actions=actions(self.switches))
        store = self.web.organisation.store
        self._remembered = Remembered(store)
        self._settle(environment)
        self.servicebus_send_key = (_EVENTS_KEY, kept(store, "Service Bus key of Dataverse"))
        """Name and key for Dataverse's service endpoint: it may send to the event queue, nothing else."""
        accepted = [*keys, SharedKey(_SERVICE_KEY, kept(store, "Service Bus key of the service"))]
        settings = tuple(queues)
        if any(queue.name.lower() == EVENTS for queue in settings):
            accepted.append(SharedKey(*self.servicebus_send_key, frozenset({SEND}), EVENTS))
        try:
            self.bus = ServiceBusServer(settings, accepted, self.clock, topics=topics, storage=self._messages)
        except Unfitting as problem:
            store.close()
            self._close_messages()
            raise NoData(f"The messages in {data} do not fit: {problem}") from problem
        self.web.control.board.section("product", Attributes(self.switches))
        self.web.organisation.before_delete.update(before_delete(self.switches))
        self.web.organisation.before_write.update(guards(self.switches))
        self.background = Background(self.web.transaction, self.clock, self.switches)
        self.events = EventPoster(self.web.transaction, self.clock)
        self.events.hear(self.web.organisation)
        self.web.control.hear_of_events(self.events.faults)
        self.web.control.hear_of_bus(self.bus.faults)
        self.web.control.go_back(self)
        self.health = Health(lambda: self.bus.ailing)
        self.web.control.tell_health(self.health.answer)
        self.company: Company | None = None
        self._ports = Ports(self._remembered, servicebus_port, dataverse_port)
        self._certificate = certificate
        self._with_company = company and self._remembered.get(_COMPANY) != _NONE
        self._schema = schema
        self._beginning = b""
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None

    def start(self) -> Self:
        """Load the company and listen; returns when both services answer. Raises ``PortTaken``."""
        if self._thread is not None:
            raise RuntimeError("The sandbox is started already.")
        try:
            self._fill()
        except BaseException:
            self.web.organisation.store.close()
            self._close_messages()
            raise
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
        self.health.up()
        return self

    def stop(self) -> None:
        """Close both services; stopping twice does nothing more."""
        thread, self._thread = self._thread, None
        loop = self._loop
        if thread is None:
            return
        self.health.down()
        self.row_locks.close()  # who waits for a row would otherwise be waited for
        self.background.stop()
        self.events.stop()
        if loop is not None and not loop.is_closed():
            loop.call_soon_threadsafe(loop.stop)
        thread.join(_WAIT)
        self._close_messages()

    def snapshot(self) -> bytes:
        """Dataverse as it is: rows, tables, registered steps. Queues, faults, switches and the clock are not in it."""
        return self.web.organisation.snapshot()

    def restore(self, snapshot: bytes) -> None:
        """Put Dataverse back to a snapshot of this sandbox; posts that wait are dropped.

        Raises ``UnderWay`` while transactions wait for each other's rows.
        """
        if not self.row_locks.reached(0):
            raise UnderWay("Transactions are waiting for each other's rows; let them end first.")
        self.web.organisation.restore(snapshot)
        self._ports.remember(self.bus, self.web)
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
    def moved(self) -> bool:
        """Whether the Service Bus listens on another port than last time, so that Dataverse posts to the wrong one."""
        return self._ports.moved

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
                    runner.run(self._ports.listen(self.bus, self.web, self._certificate))
                    started.set_result(None)
                    loop.run_forever()
                finally:
                    runner.run(self._close())
        except BaseException as problem:
            # The boundary of the thread: whatever it is goes to whoever waits in ``start``, once nothing runs any more.
            if started.done():
                raise
            started.set_exception(problem)

    def _close_messages(self) -> None:
        if self._messages is not None:
            self._messages.close()

    def _settle(self, environment: Environment | None) -> None:
        """Which product this is: an environment is of one kind for good."""
        known = self._remembered.get(_ENVIRONMENT)
        if known is not None and environment not in (None, Environment(known)):
            self.web.organisation.store.close()
            self._close_messages()
            raise NoData(f"These data are those of a {known} environment; begin another one in a new directory.")
        self.switches.environment = environment or Environment(known or Environment.PSA_3)
        if self.switches.environment is Environment.PROJECT_OPERATIONS:
            self.switches.actuals = Creation.AT_ONCE
        self._remembered.put(**{_ENVIRONMENT: self.switches.environment.value})

    def _fill(self) -> None:
        if self._with_company:
            self.company = load(self.web)
        if self._remembered.get(_COMPANY) is None:
            self._remembered.put(**{_COMPANY: "demo" if self._with_company else _NONE})
        with self.web.transaction() as uow:
            ready_marking.announce(self.switches, uow)
            scheduled_invoicing.announce(uow)
            for source in self._schema:
                try:
                    add_schema(uow, source)
                except OSError as error:
                    raise WrongSchema(f"{source} can't be read: {error.strerror}.") from error
                except ValueError as error:
                    raise WrongSchema(str(error)) from error
        self._beginning = self.snapshot()

    async def _close(self) -> None:
        await self.bus.stop()
        await self.web.stop()
