"""What the product does by itself, some time after it was asked: jobs that run on the sandbox's clock."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from datetime import timedelta
from functools import partial
from typing import Final
from uuid import UUID

from sandbox.clock import Clock
from sandbox.dataverse.product import actuals, approval_sets, entries
from sandbox.dataverse.product.approval import APPROVAL
from sandbox.dataverse.product.cells import instant, key
from sandbox.dataverse.product.choices import Stage, TransactionType
from sandbox.dataverse.product.entries import EXPENSE, TIME
from sandbox.dataverse.product.scheduled_invoicing import run_batch_jobs
from sandbox.dataverse.product.switches import Creation, Switches
from sandbox.dataverse.product.traces import JOURNAL_LINE, origins_of
from sandbox.dataverse.unit_of_work import Cell, Link, Refused, Row, UnitOfWork

_LOOK_EVERY: Final = 1.0
"""Seconds between two looks for what has become due in real time; an advanced clock is looked at once."""


class Background:
    """The product's background jobs. Each runs in a transaction of its own; what is due is read from rows.

    So a job waits through a restart of a sandbox that keeps its rows in a file.
    """

    def __init__(
        self, transaction: Callable[[], AbstractContextManager[UnitOfWork]], clock: Clock, switches: Switches
    ) -> None:
        self._transaction = transaction
        self._switches = switches
        self._worker: threading.Thread | None = None
        self._wake = threading.Event()
        self._ended = threading.Event()
        clock.on_advance(self._wake.set)

    def start(self) -> None:
        """Look for due jobs from now on."""
        if self._worker is not None:
            raise RuntimeError("The product's background jobs are started already.")
        self._ended.clear()
        self._worker = threading.Thread(target=self._run, name="sandbox-product", daemon=True)
        self._worker.start()

    def stop(self) -> None:
        """Finish the job under way, and look no more; stopping twice does nothing more."""
        worker, self._worker = self._worker, None
        if worker is None:
            return
        self._ended.set()
        self._wake.set()
        worker.join()

    def run_due(self) -> None:
        """Run every job that is due now. Raises the first refusal when all have had their turn.

        A job that was refused, or lost against a caller, leaves nothing half done and is due again at the next look.
        """
        refusals: list[Refused] = []
        for job in self._due():
            try:
                job()
            except Refused as refusal:
                refusals.append(refusal)
        if refusals:
            raise refusals[0]

    def _due(self) -> Iterator[Callable[[], None]]:
        with self._transaction() as work:
            sets = approval_sets.due(self._switches, work)
        for id in sets:
            yield partial(approval_sets.run, self._switches, self._transaction, id)
        if self._switches.actuals is Creation.LATER:
            with self._transaction() as work:
                due = _approved(work, self._switches.actuals_after)
            for id in due:
                yield partial(self._create_actuals, id)
        yield partial(run_batch_jobs, self._switches, self._transaction)

    def _run(self) -> None:
        while not self._ended.is_set():
            with contextlib.suppress(Refused):
                self.run_due()
            self._wake.wait(_LOOK_EVERY)
            self._wake.clear()

    def _create_actuals(self, approval: UUID) -> None:
        with self._transaction() as work:
            work.lock(APPROVAL, approval)
            row = work.get(APPROVAL, approval)
            if approval in self._switches.failing:
                raise Refused(self._switches.failing[approval])
            if row is not None and row.get("msdyn_recordstage") == Stage.APPROVED:
                actuals.create(self._switches, work, row, entries.of_approval(work, row))


def _approved(work: UnitOfWork, after: timedelta) -> list[UUID]:
    """Approvals given long enough ago whose entries' journal lines are still open."""
    found: list[UUID] = []
    for line in work.find(JOURNAL_LINE, msdyn_isposted=False, msdyn_transactiontypecode=TransactionType.COST):
        for origin in origins_of(work, Link(JOURNAL_LINE, key(line, JOURNAL_LINE))):
            found.extend(key(row, APPROVAL) for row in _given(work, origin, after))
    return found


def _given(work: UnitOfWork, entry: Link, after: timedelta) -> list[Row]:
    kind = {TIME.table: TIME, EXPENSE.table: EXPENSE}.get(entry.table)
    if kind is None:
        return []
    of_entry: dict[str, Cell] = {kind.approval_lookup: entry}
    rows = work.find(APPROVAL, **of_entry, msdyn_recordstage=Stage.APPROVED)
    return [row for row in rows if _longer_ago(work, row, after)]


def _longer_ago(work: UnitOfWork, approval: Row, after: timedelta) -> bool:
    given = instant(approval, "msdyn_approvedon")
    return given is not None and given + after <= work.now
