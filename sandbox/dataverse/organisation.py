"""The organisation: its store, its transactions, and who hears of what was committed."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Protocol
from uuid import UUID, uuid4

from sandbox.clock import Clock
from sandbox.dataverse.catalog import Catalog
from sandbox.dataverse.money import Currencies
from sandbox.dataverse.row_locks import LockingTransaction, RowLocks
from sandbox.dataverse.seed import BASE_CURRENCY, BUSINESS_UNIT, USERS, seed
from sandbox.dataverse.store import Store
from sandbox.dataverse.switches import Switches
from sandbox.dataverse.transaction import Transaction
from sandbox.dataverse.unit_of_work import Cell, Written


class Listener(Protocol):
    """Whoever wants to hear of committed writes, for example the side that posts them to a message bus."""

    def on_committed(self, writes: Sequence[Written]) -> None:
        """Called once per transaction, after its commit and before the next one's, on the thread that committed."""
        ...


class Organisation:
    """Rows and their transactions; writers take turns."""

    def __init__(self, clock: Clock, database: str = ":memory:", switches: Switches | None = None) -> None:
        """Open the organisation kept in ``database``, or begin a new one; one in memory is always new."""
        self.clock = clock
        self.switches = switches or Switches()
        self.catalog = Catalog()
        self.store = Store(self.catalog, database, _first_day() if database == ":memory:" else None)
        self.currencies = Currencies(self.store)
        self.listeners: list[Listener] = []
        self.on_write: Callable[[Transaction, Written], None] | None = None
        """Who hears of every write inside its transaction, and may refuse it."""
        self.row_locks = RowLocks(clock)
        """Off: writers take turns. On: they wait for each other row by row."""
        self._telling = False
        self.before_delete: dict[str, Callable[[Transaction, UUID], None]] = {}
        """The product's rules (``product.BEFORE_DELETE``)."""
        self.before_write: dict[str, Callable[[Transaction, UUID | None, Mapping[str, Cell]], None]] = {}
        """Guards, the product's and the platform's; they are asked for whatever comes through the Web API."""
        if not self.store.exists(self.catalog.table("transactioncurrency"), BASE_CURRENCY):
            with self.store.writing():
                seed(Transaction(self.store, self.currencies, clock.now(), USERS["administrator"], BUSINESS_UNIT))
        self.currencies.base_id = BASE_CURRENCY

    @contextmanager
    def transaction(
        self,
        user: UUID,
        *,
        request_id: UUID | None = None,
        correlation_id: UUID | None = None,
        caller: UUID | None = None,
    ) -> Iterator[Transaction]:
        """A unit of work: committed at the end of the block, rolled back when anything is raised in it.

        ``caller``: who really calls, where they act for ``user``.
        """
        uow = Transaction(
            store=self.store,
            currencies=self.currencies,
            now=self.clock.now(),
            user=user,
            request_id=request_id or uuid4(),
            correlation_id=correlation_id or uuid4(),
            caller=caller,
            before_delete=self.before_delete,
            before_write=self.before_write,
            on_write=self.on_write,
            actions_reach_rows=self.switches.actions_reach_rows,
        )
        with self.store.lock:
            uow.now = self.clock.now().replace(microsecond=0)
            uow.business_unit = uow.unit_of(user) or BUSINESS_UNIT
            with self.store.writing(), self._locking(uow):
                try:
                    yield uow
                    if (lost := uow.lost) is not None:
                        raise lost
                except BaseException:
                    for undo in reversed(uow.on_rollback):
                        undo()
                    raise
            if uow.writes:
                self._tell(uow.writes)

    def snapshot(self) -> bytes:
        """All rows and tables as they are, for ``restore``."""
        with self.store.lock:
            return self.store.image()

    def restore(self, snapshot: bytes) -> None:
        """Go back to a snapshot of this organisation. Nothing may be under way; listeners hear nothing of it."""
        with self.store.lock:
            self.store.restore(snapshot)

    def _tell(self, writes: Sequence[Written]) -> None:
        self._telling = True
        try:
            for listener in list(self.listeners):
                listener.on_committed(writes)
        finally:
            self._telling = False

    @contextmanager
    def _locking(self, uow: Transaction) -> Iterator[None]:
        """Row locks for a transaction, where they are on. A listener's own transaction never waits: it takes none."""
        if not self.row_locks.enabled or self._telling:
            yield
            return
        uow.locks = LockingTransaction(self.row_locks, self.store)
        try:
            yield
        finally:
            uow.locks.end()


@functools.cache
def _first_day() -> bytes:
    """A new organisation's content, made once per process because making seventy tables takes a moment."""
    store = Store(Catalog())
    with store.writing():
        seed(Transaction(store, Currencies(store), Clock().now(), USERS["administrator"], BUSINESS_UNIT))
    image = store.image()
    store.close()
    return image
