"""A process that carries out one command to mark whatever is open on a contract ready, and says what it cost.

python -m tests.benchmarks.marking DATAVERSE TOKEN
"""

from __future__ import annotations

import json
import sys
import time
from decimal import Decimal
from uuid import uuid4
from zoneinfo import ZoneInfo

from connector.auth import StaticToken
from connector.dataverse.budget import Budget
from connector.dataverse.client import DataverseClient
from handlers.fixed_point import FixedPoint, Settled
from handlers.readiness import ReadinessHandler
from mappings.backlog import Backlog
from mappings.ceiling import Ceiling
from mappings.messages import MarkReady
from sandbox.company.names import company_id
from service.far_side import TABLES, TAG
from tests.benchmarks.counting import counted
from tests.benchmarks.drain import most_memory
from tests.benchmarks.stream import NO_LIMITS, cpu, resident_mb

ZONE = ZoneInfo("America/New_York")


def marked(url: str, token: str) -> dict[str, float]:
    """Carry it out, as the service would, and tell how many rows, requests and MB it took."""
    client = DataverseClient(
        url, StaticToken(token), tables=TABLES, tag=TAG, budget=Budget(NO_LIMITS), bulk_messages=True
    )
    contract = company_id("salesorder", "C1")
    command = MarkReady(
        command=uuid4(), requested_by="ada", backlog=Backlog.TIME_AND_MATERIAL, contracts=(contract,), confirmed=True
    )
    handler = ReadinessHandler(ZONE, ceiling=Ceiling(10, Decimal(10)))
    client.learn()
    began, at_first, used = time.perf_counter(), resident_mb(), cpu()
    with counted() as traffic:
        (outcome,) = FixedPoint(client).settle(handler, [command]).values()
    assert isinstance(outcome, Settled), outcome
    rows = outcome.outcome["marked"]
    assert isinstance(rows, list)
    return {
        "marked": len(rows),
        "requests": traffic.requests,
        "seconds": time.perf_counter() - began,
        "cpu": cpu() - used,
        "before_mb": at_first,
        "after_mb": resident_mb(),
        "most_mb": most_memory() / 1024,
    }


if __name__ == "__main__":
    _, url, token = sys.argv
    sys.stdout.write(json.dumps(marked(url, token)))
