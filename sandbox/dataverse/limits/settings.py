"""The figures of the service protection limits, as published, and how this sandbox fills what is not published."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from sandbox.dataverse.limits.costs import THIN, CostModel


@dataclass(slots=True)
class ServiceProtection:
    """Limits per user and server (Microsoft Learn, "Service protection API limits").

    ``servers``: how many web servers share the work; a caller that sends the affinity cookie back stays on one.
    ``knock``: what each request during a wait adds to the wait (that it grows is documented, by how much is not).
    ``longest_wait``: where it stops growing.
    ``concurrency_wait``: the first wait after too many requests at once.
    ``time_passes``: the sandbox's clock moves on by what a request costs, shared among those under way, so that hours
    of load are simulated in seconds. Otherwise the cost is only counted.
    """

    enabled: bool = False
    servers: int = 1
    requests: int = 6000
    execution: timedelta = timedelta(seconds=1200)
    concurrent: int = 52
    window: timedelta = timedelta(seconds=300)
    knock: timedelta = timedelta(seconds=5)
    longest_wait: timedelta = timedelta(seconds=600)
    concurrency_wait: timedelta = timedelta(seconds=2)
    costs: CostModel = THIN
    time_passes: bool = False
