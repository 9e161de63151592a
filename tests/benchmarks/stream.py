"""A process that makes actuals of whatever entries it is told, and says after each lot what it cost.

python -m tests.benchmarks.stream DATAVERSE TOKEN   (on stdin a JSON list of entry ids a line, each answered by a line)
"""

from __future__ import annotations

import json
import resource
import sys
from collections.abc import Sequence
from datetime import date, timedelta
from pathlib import Path
from uuid import uuid4
from zoneinfo import ZoneInfo

from connector.auth import StaticToken
from connector.clock import steady_now
from connector.dataverse.budget import Budget, Limits
from connector.dataverse.client import DataverseClient
from connector.envelope import Envelope
from connector.recoverability import Policy
from connector.settlement import Complete
from handlers import Mission
from handlers.actuals import ActualsHandler
from handlers.fixed_point import FixedPoint
from handlers.invoicing import InvoicingHandler
from handlers.pipeline import Pipeline
from handlers.readiness import ReadinessHandler
from handlers.seldom_changed import SeldomChanged
from mappings.messages import EntryChanged
from service.far_side import TABLES, TAG
from tests.benchmarks.counting import counted

BATCH = 100
ZONE = ZoneInfo("America/New_York")
NO_LIMITS = Limits(requests=10**9, execution=timedelta(days=10**4))


def pipeline(url: str, token: str) -> Pipeline:
    """The service's own parts, as it puts them together."""
    client = DataverseClient(
        url, StaticToken(token), tables=TABLES, tag=TAG, budget=Budget(NO_LIMITS), bulk_messages=True
    )
    handler = ActualsHandler(start_from=date(2026, 1, 1), zone=ZONE)
    mission = Mission(handler, ReadinessHandler(ZONE), InvoicingHandler(client.far_now, ZONE))
    point = FixedPoint(client, seldom_changed=SeldomChanged(client.far_now))
    return Pipeline(client, mission, _parse, Policy(), steady_now, point)


def worked_on(work: Pipeline, ids: Sequence[str]) -> None:
    """One batch after the other."""
    for first in range(0, len(ids), BATCH):
        hints = [EntryChanged.model_validate({"table": "msdyn_timeentry", "id": id}) for id in ids[first:][:BATCH]]
        now = steady_now()
        ends = work.process(
            [
                Envelope(str(uuid4()), one.model_dump_json().encode(), "application/json", enqueued_at=now)
                for one in hints
            ]
        )
        assert all(isinstance(end, Complete) for end in ends), ends


def cpu() -> float:
    """Seconds of a processor that this process has used."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def resident_mb() -> float:
    """What is resident now."""
    with Path("/proc/self/status").open() as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmRSS")) / 1024


def _parse(envelope: Envelope) -> EntryChanged:
    return EntryChanged.model_validate_json(envelope.body)


if __name__ == "__main__":
    _, url, token = sys.argv
    work = pipeline(url, token)
    for line in sys.stdin:
        before = cpu()
        with counted() as traffic:
            worked_on(work, json.loads(line))
        cost = {"requests": traffic.requests, "operations": traffic.operations, "cpu": cpu() - before}
        sys.stdout.write(json.dumps(cost | {"resident_mb": resident_mb()}) + "\n")
        sys.stdout.flush()
