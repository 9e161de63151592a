"""Row locks, by switch: transactions that write the same rows wait for each other, time out, and deadlock.

Microsoft Learn, "Troubleshoot Dataverse bulk operation errors", names both errors and their sentences; the HTTP status
is inferred. Readers are never blocked and see what is committed (inferred from the database Dataverse uses).
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from sandbox.clock import Clock
from sandbox.dataverse.store import Store
from sandbox.dataverse.unit_of_work import Refused
from sandbox.faults import DEADLOCK, SQL_TIMEOUT

Resource = tuple[str, object]
"""A table and a row's id, or the name of what rows have in common and whose it is."""
TIMEOUT: Final = timedelta(minutes=2)
SHARED: Final[Mapping[str, tuple[str, str]]] = {"msdyn_actual": ("msdyn_project", "totals of msdyn_project")}
"""Table → (lookup, name): the row that every new row with the same value of the lookup touches: a project's totals."""


def deadlock() -> Refused:
    """The transaction was chosen as the victim of a deadlock."""
    code, message = DEADLOCK
    return Refused(message, code, 500)


def timed_out() -> Refused:
    """A statement waited too long for a lock."""
    code, message = SQL_TIMEOUT
    return Refused(message, code, 500)


class RowLocks:
    """Who holds which row, and who waits for it; first come, first served. Off until ``enabled``.

    Switch it while no transaction is under way. ``timeout`` is how long a statement waits for a lock; ``holds`` says
    how long a write to a table takes, during which its transaction keeps what it has locked. Both run on the sandbox's
    clock. ``waited``, ``timeouts`` and ``deadlocks`` count what really happened.
    """

    def __init__(self, clock: Clock) -> None:
        self.enabled = False
        self.timeout = TIMEOUT
        self.holds: Mapping[str, timedelta] = {}
        self.waited = self.timeouts = self.deadlocks = 0
        self._clock = clock
        self._holders: dict[Resource, LockingTransaction] = {}
        self._queues: dict[Resource, deque[LockingTransaction]] = {}
        self._writing = 0
        self._changed = threading.Condition()
        self._closed = False
        clock.on_advance(self._wake)

    def reached(self, timeout: float, *, writing: int = 0, waiting: int = 0) -> bool:
        """Wait until so many transactions are in the middle of a write that takes time, and so many wait for a lock.

        ``False`` after ``timeout`` real seconds.
        """
        with self._changed:
            return self._changed.wait_for(
                lambda: self._writing == writing and sum(map(len, self._queues.values())) == waiting, timeout
            )

    def close(self) -> None:
        """End every wait, as if its time were out."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    # what a transaction calls

    def take(self, transaction: LockingTransaction, resource: Resource) -> bool:
        """Lock it if nobody has it or was first to ask."""
        with self._changed:
            if resource in self._holders or resource in self._queues:
                return False
            self._holders[resource] = transaction
            return True

    def wait_for(self, transaction: LockingTransaction, resource: Resource) -> None:
        """Lock it when it is free. Whoever closes a circle of waits is the deadlock's victim."""
        with self._changed:
            if self._closes_circle(transaction, resource):
                self.deadlocks += 1
                raise deadlock()
            self.waited += 1
            queue = self._queues.setdefault(resource, deque())
            queue.append(transaction)
            self._changed.notify_all()
            try:
                until = self._clock.now() + self.timeout
                while resource in self._holders or queue[0] is not transaction:
                    if not self._sleep(until):
                        self.timeouts += 1
                        raise timed_out()
                self._holders[resource] = transaction
            finally:
                queue.remove(transaction)
                if not queue:
                    del self._queues[resource]
                self._changed.notify_all()

    def pass_time(self, duration: timedelta) -> None:
        """Return when the clock has moved on by this much."""
        until = self._clock.now() + duration
        with self._changed:
            self._writing += 1
            self._changed.notify_all()
            while self._sleep(until):
                pass
            self._writing -= 1

    def release(self, resources: Iterable[Resource]) -> None:
        """Unlock them."""
        with self._changed:
            for resource in resources:
                del self._holders[resource]
            self._changed.notify_all()

    def _closes_circle(self, transaction: LockingTransaction, resource: Resource) -> bool:
        waits = {waiter: row for row, queue in self._queues.items() for waiter in queue}
        holder = self._holders.get(resource)
        while holder is not None and holder is not transaction:
            row = waits.get(holder)
            holder = None if row is None else self._holders.get(row)
        return holder is transaction

    def _sleep(self, until: datetime) -> bool:
        """Wait for a change, an advance of the clock, or that moment; ``False`` once it has come."""
        left = (until - self._clock.now()).total_seconds()
        if left <= 0 or self._closed:
            return False
        self._changed.wait(left)
        return True

    def _wake(self) -> None:
        with self._changed:
            self._changed.notify_all()


class LockingTransaction:
    """One transaction's locks. While it waits its own writes are taken back, and done again when it goes on.

    The store has one connection; taking them back lets other transactions use it, and the locks keep everybody off the
    rows until then. Whoever uses this holds ``store.lock`` and has a SQLite transaction open.
    """

    def __init__(self, locks: RowLocks, store: Store) -> None:
        self._locks = locks
        self._store = store
        self._held: set[Resource] = set()
        self._statements: list[tuple[str, Sequence[Any]]] = []
        store.journal = self._statements

    def lock(self, resource: Resource) -> None:
        """Lock a row until the end of the transaction; ``Refused`` on a time-out or a deadlock."""
        if resource in self._held:
            return
        if not self._locks.take(self, resource):
            self._step_aside(lambda: self._locks.wait_for(self, resource))
        self._held.add(resource)

    def wrote(self, table: str) -> None:
        """Let the time pass that a write to this table takes."""
        duration = self._locks.holds.get(table)
        if duration:
            self._step_aside(lambda: self._locks.pass_time(duration))

    def end(self) -> None:
        """Unlock everything. The store's lock is still held, so nobody sees the rows before they are committed."""
        self._store.journal = None
        self._locks.release(self._held)

    def _step_aside(self, wait: Callable[[], None]) -> None:
        store = self._store
        store.journal = None
        store.execute("ROLLBACK")
        store.lock.release()
        try:
            wait()
        finally:
            store.lock.acquire()
            store.execute("BEGIN IMMEDIATE")
        for sql, parameters in self._statements:
            store.execute(sql, parameters)
        store.journal = self._statements
