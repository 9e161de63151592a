"""What receiving and settling alone comes to, whose processor bounds it, and whether an entry's cost stays the same.

The broker is in a process of its own and adds 5 milliseconds to each round trip, about what Azure adds within a region;
the worker is another process, with a handler that does nothing.
"""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from pathlib import Path
from time import perf_counter

import pytest

from connector.inbox import Outgoing
from connector.outbox import Outbox
from sandbox.company.company import LoadedEntry
from tests.benchmarks.bench_backlog import BODY
from tests.benchmarks.bench_bus import Bus, started
from tests.benchmarks.counting import counted
from tests.benchmarks.many_entries import approved
from tests.benchmarks.matrix import SETTLING_IN, Case
from tests.benchmarks.rivals import printed
from tests.benchmarks.simulated import SimulatedClock, Simulation
from tests.benchmarks.three_rivals import Ours
from tests.flow.world import World
from tests.service.processes import clean_environment

QUEUE, MESSAGES, MILLISECONDS = "q", 20_000, 5
THOUSAND = 1_000
ENTRIES = 100_000 if os.environ.get("BENCH_FULL") else 3_000


def bench_receive_and_settle_at_five_milliseconds_with_the_broker_in_its_own_process() -> None:
    with started(MILLISECONDS, None) as bus:
        asyncio.run(filled(bus.connection))
        before, begun = bus.used(), perf_counter()
        cost = drained(bus)
        seconds, broker = perf_counter() - begun, bus.used() - before
    printed(
        way="receive-and-settle",
        added_milliseconds=MILLISECONDS,
        messages=MESSAGES,
        messages_per_second=round(MESSAGES / cost["seconds"]),
        worker_processor_percent=round(100 * cost["cpu"] / cost["seconds"]),
        broker_processor_percent=round(100 * broker / seconds),
        worker_cpu_ms_per_message=round(1000 * cost["cpu"] / MESSAGES, 3),
        broker_cpu_ms_per_message=round(1000 * broker / MESSAGES, 3),
        processors=os.cpu_count(),
        others_at_work=round(os.getloadavg()[0], 1),
    )


async def filled(connection: str) -> None:
    """Put all messages into the queue."""
    async with Outbox(connection, QUEUE) as outbox:
        await outbox.send([Outgoing(BODY, f"m{number}") for number in range(MESSAGES)])


def drained(bus: Bus) -> dict[str, float]:
    """Have a worker process empty the queue; what it says that cost."""
    told = subprocess.run(  # noqa: S603
        [sys.executable, "-m", "tests.benchmarks.drain", bus.connection, QUEUE, str(MESSAGES)],
        cwd=Path(__file__).parents[2],
        env=clean_environment(),
        stdout=subprocess.PIPE,
        check=True,
    )
    cost: dict[str, float] = json.loads(told.stdout)
    return cost


@pytest.mark.timeout(7200)
def bench_the_cost_of_an_entry_stays_the_same_however_many_went_before() -> None:
    with approved(ENTRIES + SETTLING_IN, 40) as (world, clock, entries):
        costs = list(costs_by_thousand(world, clock, entries))
    first, last = costs[0], costs[-1]
    for number, cost in ((1, first), (len(costs), last)):
        printed(way="cost-of-an-entry", thousand=number, **cost)
    printed(way="cost-of-an-entry", **{f"{name}_last_to_first": round(last[name] / first[name], 2) for name in first})


def costs_by_thousand(world: World, clock: SimulatedClock, entries: list[LoadedEntry]) -> list[dict[str, float]]:
    """What each thousand entries cost the service: requests, operations, and its own processor time."""
    simulation, costs = Simulation(clock), []
    with simulation.spent():
        client = Ours(world, simulation, Case("thin", ENTRIES, scale=1).limits)
        client.settle_in(entries[:SETTLING_IN])
        for begin in range(SETTLING_IN, len(entries), THOUSAND):
            simulation.cpu = 0.0
            with counted() as traffic:
                simulation.run(client.works(entries[begin : begin + THOUSAND], 1))
            costs.append(
                {
                    "requests_per_entry": traffic.requests / THOUSAND,
                    "operations_per_entry": traffic.operations / THOUSAND,
                    "cpu_ms_per_entry": round(simulation.cpu, 3),
                }
            )
    return costs
