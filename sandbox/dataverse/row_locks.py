"""Row locks, by switch: transactions that write the same rows wait for each other, time out, and deadlock.

Microsoft Learn, "Troubleshoot Dataverse bulk operation errors", names both errors and their sentences. The status 500
of a deadlock is shown by public captures, that of a time-out is inferred. A row that others point to can be deleted
only when nobody is about to point to it. Readers are never blocked and see what is committed (inferred from the
database Dataverse uses).
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from itertools import islice
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
        self._holders: dict[Resource, set[LockingTransaction]] = {}
        self._alone: set[Resource] = set()
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

    def take(self, transaction: LockingTransaction, resource: Resource, *, shared: bool = False) -> bool:
        """Lock it if nobody has it or was first to ask; ``shared``: together with others who share it."""
        with self._changed:
            if resource in self._queues or not self._free(transaction, resource, shared=shared):
                return False
            self._give(transaction, resource, shared=shared)
            return True

    def wait_for(self, transaction: LockingTransaction, resource: Resource, *, shared: bool = False) -> None:
        """Lock it when it is free. Whoever closes a circle of waits is the deadlock's victim."""
        with self._changed:
            queue = self._queues.get(resource, deque())
            # Whoever shares it already and wants it alone goes first: those in the queue wait for them anyway.
            first = transaction in self._holders.get(resource, ())
            if self._closes_circle(transaction, self._others(transaction, resource) | (set() if first else {*queue})):
                self.deadlocks += 1
                raise deadlock()
            self.waited += 1
            queue = self._queues.setdefault(resource, queue)
            queue.appendleft(transaction) if first else queue.append(transaction)
            self._changed.notify_all()
            try:
                until = self._clock.now() + self.timeout
                while queue[0] is not transaction or not self._free(transaction, resource, shared=shared):
                    if not self._sleep(until):
                        self.timeouts += 1
                        raise timed_out()
                self._give(transaction, resource, shared=shared)
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

    def release(self, transaction: LockingTransaction, resources: Iterable[Resource]) -> None:
        """Unlock them."""
        with self._changed:
            for resource in resources:
                self._holders[resource].remove(transaction)
                self._alone.discard(resource)
                if not self._holders[resource]:
                    del self._holders[resource]
            self._changed.notify_all()

    def _free(self, transaction: LockingTransaction, resource: Resource, *, shared: bool) -> bool:
        others = self._others(transaction, resource)
        return not others or (shared and resource not in self._alone)

    def _give(self, transaction: LockingTransaction, resource: Resource, *, shared: bool) -> None:
        self._holders.setdefault(resource, set()).add(transaction)
        if not shared:
            self._alone.add(resource)

    def _others(self, transaction: LockingTransaction, resource: Resource) -> set[LockingTransaction]:
        return self._holders.get(resource, set()) - {transaction}

    def _closes_circle(self, transaction: LockingTransaction, awaited: set[LockingTransaction]) -> bool:
        """Whether those it would wait for wait, themselves or through others, for it."""
        waits = {
            waiter: self._others(waiter, resource) | {*islice(queue, place)}
            for resource, queue in self._queues.items()
            for place, waiter in enumerate(queue)
        }
        seen: set[LockingTransaction] = set()
        while awaited:
            seen |= awaited
            awaited = set().union(*(waits.get(waiter, set()) for waiter in awaited)) - seen
        return transaction in seen

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

    Once it has lost a wait it can only be rolled back, as the database has done by then: ``lost`` says why, and
    whatever it still tries is refused for the same reason.

    The store has one connection; taking them back lets other transactions use it, and the locks keep everybody off the
    rows until then. Whoever uses this holds ``store.lock`` and has a SQLite transaction open.
    """

    def __init__(self, locks: RowLocks, store: Store) -> None:
        self._locks = locks
        self._store = store
        self._held: set[Resource] = set()
        self._alone: set[Resource] = set()
        self.lost: Refused | None = None
        self._statements: list[tuple[str, Sequence[Any]]] = []
        store.journal = self._statements

    def lock(self, resource: Resource, *, shared: bool = False) -> None:
        """Lock a row until the end of the transaction; ``Refused`` on a time-out or a deadlock."""
        if self.lost is not None:
            raise self.lost
        if resource in self._alone or (shared and resource in self._held):
            return
        if not self._locks.take(self, resource, shared=shared):
            self._step_aside(lambda: self._locks.wait_for(self, resource, shared=shared))
        self._held.add(resource)
        if not shared:
            self._alone.add(resource)

    def wrote(self, table: str) -> None:
        """Let the time pass that a write to this table takes."""
        duration = self._locks.holds.get(table)
        if duration:
            self._step_aside(lambda: self._locks.pass_time(duration))

    def end(self) -> None:
        """Unlock everything. The store's lock is still held, so nobody sees the rows before they are committed."""
        self._store.journal = None
        self._store.versions.ended(id(self._statements))
        self._locks.release(self, self._held)

    def _step_aside(self, wait: Callable[[], None]) -> None:
        store = self._store
        store.journal = None
        store.execute("ROLLBACK")
        store.lock.release()
        try:
            wait()
        except Refused as refusal:
            self.lost = refusal
            raise
        finally:
            store.lock.acquire()
            store.execute("BEGIN IMMEDIATE")
        for sql, parameters in self._statements:
            store.execute(sql, parameters)
        store.journal = self._statements
