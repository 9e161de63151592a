"""The local Dataverse: a Web API on loopback, and the same organisation from inside the process."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from uuid import UUID

from sandbox.clock import Clock
from sandbox.dataverse import registrations
from sandbox.dataverse.bulk_switch import BulkTables
from sandbox.dataverse.credentials import Tokens
from sandbox.dataverse.http.app import WebApi
from sandbox.dataverse.http.socket import HttpSocket
from sandbox.dataverse.organisation import Listener, Organisation
from sandbox.dataverse.seed import USERS
from sandbox.dataverse.switches import Switches
from sandbox.dataverse.transaction import Transaction
from sandbox.dataverse.unit_of_work import ActionBinding
from sandbox.faults import Faults
from sandbox.listening import listen
from sandbox.switches_http import Attributes


class DataverseServer:
    """One organisation with its tables, users and product rules.

    ``database`` is a file, or ``:memory:``. ``actions`` are the product's actions (``product.ACTIONS``). ``listeners``
    hear of every commit. ``tokens`` holds one bearer token per user name: administrator, service, approver, clerk.
    A user made later gets one by ``tokens.make``. ``switches``: see ``switches.py``.
    """

    def __init__(
        self,
        clock: Clock,
        faults: Faults | None = None,
        *,
        database: str = ":memory:",
        actions: Sequence[ActionBinding] | None = None,
        listeners: Sequence[Listener] = (),
        switches: Switches | None = None,
    ) -> None:
        self.faults = faults or Faults(clock)
        self.switches = switches or Switches()
        self.organisation = Organisation(clock, database, self.switches)
        self.organisation.listeners.extend(listeners)
        self.organisation.before_write.update(registrations.guards(self.switches))
        self.tokens = Tokens(self.organisation.store)
        self.url = ""
        self._api = WebApi(
            self.organisation,
            self.faults,
            self.tokens,
            actions or (),
            self.switches,
        )
        self.control = self._api.control
        """What can be planned, moved and switched from another process; who adds parts adds theirs."""
        self.control.hand_out(self.tokens, self.tokens.make)
        board, locks = self.control.board, self.organisation.row_locks
        board.section("row_locks", Attributes(locks, "enabled", "timeout", durations=("holds",)))
        board.section("dates", Attributes(self.organisation.store.dates))
        board.section("queries", Attributes(self.organisation.store.catalog.queries))
        board.section("bulk_tables", BulkTables(self.transaction))
        self._socket = HttpSocket(self._api)

    async def start(
        self,
        host: str = "127.0.0.1",
        port: int = 0,
        *,
        beyond_loopback: bool = False,
        certificate: Path | None = None,
    ) -> None:
        """Listen; ``url`` then says where (``http://127.0.0.1:12345``); port 0 takes a free one.

        A host that is not loopback needs ``beyond_loopback``, and is warned of. With a ``certificate`` (a PEM file that
        has its key too) it listens for https, which some clients insist on.
        """
        listener = listen("Dataverse", host, port, beyond_loopback=beyond_loopback)
        scheme = "https" if certificate else "http"
        name = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104
        self.url = f"{scheme}://{f'[{name}]' if ':' in name else name}:{listener.getsockname()[1]}"
        await self._socket.start(listener, certificate)

    async def stop(self) -> None:
        """Let go of held requests, finish what is under way, stop listening, close the database."""
        self.faults.release_all()
        self.organisation.row_locks.close()
        await self._socket.stop()
        self.organisation.store.close()

    @contextmanager
    def transaction(self, user: str | UUID = "administrator") -> Iterator[Transaction]:
        """A unit of work from inside the process, as this user: for loading a company, and for tests."""
        with self.organisation.transaction(USERS[user] if isinstance(user, str) else user) as uow:
            uow.as_product = True
            yield uow
