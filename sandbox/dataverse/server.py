"""The local Dataverse: a Web API on loopback, and the same organisation from inside the process."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from uuid import UUID

from sandbox.clock import Clock
from sandbox.dataverse.credentials import kept
from sandbox.dataverse.http.app import WebApi
from sandbox.dataverse.http.socket import HttpSocket
from sandbox.dataverse.organisation import Listener, Organisation
from sandbox.dataverse.seed import USERS
from sandbox.dataverse.switches import Switches
from sandbox.dataverse.transaction import Transaction
from sandbox.dataverse.unit_of_work import ActionBinding
from sandbox.faults import Faults
from sandbox.listening import listen


class DataverseServer:
    """One organisation with its tables, users and product rules.

    ``database`` is a file, or ``:memory:``. ``actions`` are the product's actions (``product.ACTIONS``). ``listeners``
    hear of every commit. ``tokens`` holds one bearer token per user name: administrator, service, approver, clerk.
    A user made later gets a token by adding one under the text of its id. ``switches``: see ``switches.py``.
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
        self.organisation = Organisation(clock, database)
        self.organisation.listeners.extend(listeners)
        self.tokens = {name: kept(self.organisation.store, f"token of {name}") for name in USERS}
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
        self.control.board.section("row_locks", self.organisation.row_locks, "enabled", "timeout")
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
