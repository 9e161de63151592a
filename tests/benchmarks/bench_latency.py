"""How long an approved entry waits for its actuals, from the moment its event was to be sent, at several rates.

Open loop: events come at their own moments, whatever the service is up to, over three windows of the limits in
simulated time. Each request takes 100 ms beside what it is charged; the limits are the published ones. Origins and
connections name rows by ids kept as text: whether an environment has an index for these is not published, so both are
measured, with a charge for every row looked through, and without.
"""

from __future__ import annotations

import os
from dataclasses import replace
from datetime import timedelta
from random import Random

import pytest

from sandbox.company.company import LoadedEntry
from tests.benchmarks.ceiling import WINDOW_SECONDS
from tests.benchmarks.counting import counted
from tests.benchmarks.many_entries import approved
from tests.benchmarks.matrix import SETTLING_IN, Case, protect
from tests.benchmarks.rivals import printed
from tests.benchmarks.simulated import SimulatedClock, Simulation
from tests.benchmarks.three_rivals import Ours
from tests.flow.world import World

SEED, WINDOWS, PROJECTS = 11, 3, 40
REQUEST = timedelta(milliseconds=100)
RECEIVERS = 8
"""As many as the service has by default."""
RATES = {False: (0.2, 1.0, 2.0), True: (2.0, 4.0)}
FULL_RATES = {False: (0.2, 0.5, 1.0, 2.0, 4.0, 8.0), True: (0.2, 1.0, 2.0, 4.0, 5.0, 6.0, 10.0, 20.0)}
"""Events a second: where every row is looked through, and where texts are indexed."""


@pytest.mark.timeout(3600)
@pytest.mark.parametrize("indexed", [False, True])
def bench_latency_from_the_intended_moment_at_several_rates(indexed: bool) -> None:
    for rate in (FULL_RATES if os.environ.get("BENCH_FULL") else RATES)[indexed]:
        chance, at, moments = Random(SEED), 0.0, []
        while (at := at + chance.expovariate(rate)) < WINDOWS * WINDOW_SECONDS:
            moments.append(at)
        with approved(len(moments) + SETTLING_IN, PROJECTS) as (world, clock, entries):
            printed(way="latency", rate=rate, indexed=indexed, **measured(world, clock, entries, moments, indexed))


def measured(
    world: World, clock: SimulatedClock, entries: list[LoadedEntry], moments: list[float], indexed: bool
) -> dict[str, object]:
    """What became of events that come at these seconds."""
    simulation, case = Simulation(clock, REQUEST), Case("thin", len(moments), scale=1)
    with simulation.spent():
        client = Ours(world, simulation, case.limits)
        client.settle_in(entries[:SETTLING_IN])
        simulation.sleep(2 * WINDOW_SECONDS)
        protect(world, case)
        if indexed:
            protection = world.sandbox.web.switches.protection
            protection.costs = replace(protection.costs, scanned=timedelta())
        begun = clock.now()
        with counted() as traffic:
            times = [begun + timedelta(seconds=second) for second in moments]
            simulation.run(client.works(entries[SETTLING_IN:], RECEIVERS, times))
    waited = sorted(client.done.latencies)
    assert len(waited) == len(moments)
    return {
        "events": len(moments),
        "p50_seconds": round(waited[len(waited) // 2], 2),
        "p99_seconds": round(waited[len(waited) * 99 // 100], 2),
        "most_seconds": round(waited[-1], 2),
        "requests_per_event": round(traffic.requests / len(moments), 2),
        "penalties": traffic.refused,
        "budget_used_at_the_end": round(client.budget.used(clock.now()), 2),
    }
