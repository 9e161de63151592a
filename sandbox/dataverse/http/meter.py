"""What the operations of one request cost, measured by what they wrote, returned and had to look through."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from sandbox.dataverse.http.exchange import Answer, Request
from sandbox.dataverse.http.service import Service
from sandbox.dataverse.limits.costs import CostModel, scans
from sandbox.dataverse.limits.protection import Visit
from sandbox.dataverse.limits.settings import ServiceProtection
from sandbox.dataverse.transaction import Transaction


@dataclass(frozen=True, slots=True)
class Meter:
    """Carries operations out, and charges the visit for them; one that is refused costs what it did until then."""

    service: Service
    protection: ServiceProtection
    visit: Visit

    def operate(self, uow: Transaction, request: Request) -> Answer:
        """Carry out one operation."""
        if not self.protection.enabled:
            return self.service.operate(uow, request)
        costs = self.protection.costs
        before = len(uow.writes)
        self.visit.cost += costs.operation + _scan(costs, uow, request)
        try:
            answer = self.service.operate(uow, request)
        finally:
            self.visit.cost += costs.writes(uow.writes[before:])
        rows = answer.json.get("value") if isinstance(answer.json, dict) else None
        if isinstance(rows, list):
            self.visit.cost += costs.read * len(rows)
        return answer


def _scan(costs: CostModel, uow: Transaction, request: Request) -> timedelta:
    table = uow.catalog.by_set(request.path.partition("/")[0])
    condition = request.query.get("$filter")
    if table is None or condition is None or not scans(table, condition):
        return timedelta()
    (rows,) = uow.store.execute(f'SELECT count(*) FROM "{table.name}"').fetchone()  # noqa: S608
    return costs.scanned * int(rows)
