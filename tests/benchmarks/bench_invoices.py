"""Contracts invoiced per minute when the product takes 3 to 10 seconds for each, and how many calls at once are useful.

Time is simulated: a second lasts some milliseconds. What is measured is the service's own way of sending calls, in both
modes, against a product that takes its time and allows 20 minutes of execution within 5 minutes ("Service protection
API limits"). That wall stands at four calls under way all the time: more than four only gain what the wall lends once.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from random import Random
from uuid import UUID, uuid4

from connector.dataverse.changes import Call, ChangeSet, Committed, Record
from connector.dataverse.query import AnyOf, Compare, Query
from connector.errors import ConnectorError, Throttled
from handlers.fence import fence
from handlers.invoicing import whole_contract
from handlers.recorded import InvoiceCalls, Mode
from mappings.messages import CreateInvoices
from mappings.row import Row
from mappings.tables import COMMAND, Ref
from tests.benchmarks.rivals import printed

CONTRACTS = 600
SECOND = 0.002
"""What a simulated second really lasts."""
QUICK = 0.1
"""Simulated seconds that a read or a record takes."""
WINDOW, ALLOWED = 300.0, 1200.0
"""Simulated seconds, and how many of execution are allowed within them."""


class SlowProduct:
    """A Dataverse that takes its time over actions and throttles whoever has used up what is allowed."""

    def __init__(self, seed: int) -> None:
        self._seconds = Random(seed)
        self._lock = threading.Lock()
        self._used: deque[tuple[float, float]] = deque()
        self._rows: dict[UUID, Record] = {}
        self.requests = self.calls = self.throttled = 0

    def query(self, questions: Sequence[Query]) -> list[list[Record]]:
        self._take(QUICK)
        found = []
        for question in questions:
            where = question.where
            assert isinstance(where, Compare | AnyOf)
            id = where.value if isinstance(where, Compare) else where.values[0]
            with self._lock:
                found.append([row for key, row in self._rows.items() if str(key) == str(id)])
        return found

    def commit(self, change_sets: Sequence[ChangeSet]) -> list[Committed | ConnectorError]:
        outcomes: list[Committed | ConnectorError] = []
        for one in change_sets:
            with self._lock:
                seconds = self._seconds.uniform(3, 10) if isinstance(one.changes[-1], Call) else QUICK
                wait = self._wait()
                self.throttled += wait > 0
            if wait > 0:
                outcomes.append(Throttled("execution-time", "Too much.", timedelta(seconds=wait)))
                continue
            self._take(seconds)
            with self._lock:
                self.calls += isinstance(one.changes[-1], Call)
                for change in one.changes:
                    if not isinstance(change, Call) and change.row.table == COMMAND:
                        held = self._rows.get(change.row.id)
                        values = {**(held.values if held else {}), **change.values}
                        self._rows[change.row.id] = Record(change.row, "1", values)
            outcomes.append(Committed(tuple(None for _ in one.changes)))
        return outcomes

    def _take(self, seconds: float) -> None:
        time.sleep(seconds * SECOND)
        with self._lock:
            self.requests += 1
            self._used.append((time.perf_counter() / SECOND, seconds))

    def _wait(self) -> float:
        """Simulated seconds until there is something left."""
        now = time.perf_counter() / SECOND
        while self._used and self._used[0][0] < now - WINDOW:
            self._used.popleft()
        used = sum(seconds for _, seconds in self._used)
        return 0.0 if used < ALLOWED else max(self._used[0][0] + WINDOW - now, 1.0)


def bench_contracts_per_minute_by_calls_at_once_in_both_modes() -> None:
    for mode in Mode:
        alone = None
        for at_once in (1, 2, 4, 8):
            product = SlowProduct(7)
            seconds = invoiced(InvoiceCalls(product, lambda mode=mode: mode, at_once))  # type: ignore[misc]
            assert product.calls == CONTRACTS
            per_minute = CONTRACTS * 60 / seconds
            alone = alone or per_minute
            printed(
                mode=mode,
                at_once=at_once,
                contracts_per_minute=round(per_minute, 1),
                to_one_at_a_time=round(per_minute / alone, 2),
                requests_per_contract=round(product.requests / CONTRACTS, 2),
                throttled=product.throttled,
            )


def invoiced(calls: InvoiceCalls) -> float:
    """Simulated seconds until every contract has its invoice; what is throttled comes again when told."""
    left, began = [one_fence() for _ in range(CONTRACTS)], time.perf_counter()
    while left:
        outcomes = calls.commit(left)
        waits = [outcome.retry_after.total_seconds() for outcome in outcomes if isinstance(outcome, Throttled)]
        left = [one for one, outcome in zip(left, outcomes, strict=True) if not isinstance(outcome, Committed)]
        if waits:
            time.sleep(max(waits) * SECOND)
    return (time.perf_counter() - began) / SECOND


def one_fence() -> ChangeSet:
    """What is committed for one contract."""
    contract = uuid4()
    command = CreateInvoices(command=uuid4(), requested_by="clerk", contract=contract)
    lease = Row(Ref(COMMAND, uuid4()), "1", {"psac_mark": 0, "createdon": datetime(2026, 1, 1, tzinfo=UTC)})
    return fence(command, {"rows": [], "total": "0"}, lease, None, whole_contract(contract))
