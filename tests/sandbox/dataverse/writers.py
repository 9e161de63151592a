"""Transactions in parallel on one Dataverse, for the tests of row locks."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from sandbox.clock import Clock
from sandbox.dataverse.row_locks import RowLocks
from sandbox.dataverse.server import DataverseServer
from sandbox.dataverse.unit_of_work import Link, Refused, UnitOfWork

MINUTE = timedelta(minutes=1)
LONG = 20.0


class Writers:
    """Transactions in parallel on one Dataverse whose writes to accounts and actuals take a minute each."""

    def __init__(self, pool: ThreadPoolExecutor) -> None:
        self.clock = Clock()
        self.server = DataverseServer(self.clock)
        self.locks: RowLocks = self.server.organisation.row_locks
        with self.server.transaction() as work:
            self.first, self.second = (work.create("account", {"name": name}) for name in ("first", "second"))
            self.projects = [work.create("msdyn_project", {"msdyn_subject": name}) for name in ("A", "B")]
        self.locks.enabled, self.locks.timeout = True, timedelta(days=1)
        self.locks.holds = {"account": MINUTE, "contact": MINUTE, "msdyn_actual": MINUTE}
        self._pool = pool

    def begin(self, *steps: Callable[[UnitOfWork], object]) -> Future[None]:
        """All steps in one transaction, on a thread of its own."""

        def run() -> None:
            with self.server.transaction() as work:
                for step in steps:
                    step(work)

        return self._pool.submit(run)

    def finish(self, *writers: Future[None]) -> None:
        """Let minutes pass until all have ended, well or badly."""
        until_done(self.clock, writers)

    def name(self, account: UUID) -> object:
        with self.server.transaction() as work:
            row = work.get("account", account)
            assert row is not None
            return row["name"]

    def actuals(self) -> int:
        with self.server.transaction() as work:
            return len(work.find("msdyn_actual"))


def until_done(clock: Clock, writers: Sequence[Future[Any]]) -> None:
    """Advance the clock, a minute at a time, until all are done."""
    for _ in range(1000):
        clock.advance(MINUTE)
        if not wait(writers, 0.02).not_done:
            return
    raise AssertionError("Some never ended.")


def rename(account: UUID, name: str) -> Callable[[UnitOfWork], object]:
    return lambda work: work.update("account", account, {"name": name})


def actual(project: UUID) -> Callable[[UnitOfWork], object]:
    return lambda work: work.create("msdyn_actual", {"msdyn_project": Link("msdyn_project", project)})


def contact_of(account: UUID) -> Callable[[UnitOfWork], object]:
    return lambda work: work.create("contact", {"lastname": "C", "parentcustomerid": Link("account", account)})


def refusal(writer: Future[None]) -> Refused:
    with pytest.raises(Refused) as told:
        writer.result(LONG)
    return told.value
