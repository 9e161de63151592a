"""How many entries an hour N replicas make of a backlog, under Dataverse's limits for the one user they all are.

Simulated time, the published limits, windows used up beforehand, plug-in heavy rows. One JSON object for each N, one
for a replica alone that is told of eight, and one for four that are each told they are alone: how long until they made
way for each other. ``BENCH_FULL=1`` for 16 replicas, and for more servers.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import timedelta

import pytest

from tests.benchmarks.ceiling import ceiling, entries_a_day
from tests.benchmarks.matrix import Case, bench
from tests.benchmarks.replicas import RECEIVERS, Fleet, fleet
from tests.benchmarks.rivals import printed

HEAVY = "plug-in heavy"
FULL = bool(os.environ.get("BENCH_FULL"))
FLEETS = [(1, 1), (2, 2), (4, 4), (8, 8)]
"""How many run, and how many the settings say there are at the most."""
ALONE = (1, 8)
TOO_MANY = (4, 1)


def circumstances() -> Iterator[tuple[Case, list[tuple[int, int]]]]:
    """What is simulated, and with which fleets."""
    more = [(16, 16)] if FULL else []
    yield Case(HEAVY, 1200, scale=1), [*FLEETS, *more, ALONE]
    yield Case(HEAVY, 3200, servers=4, scale=1), [*FLEETS, *more]
    if FULL:
        yield Case(HEAVY, 6400, servers=8, scale=1), [*FLEETS, *more]


def bench_four_replicas_that_are_told_they_are_alone_come_to_an_end() -> None:
    made: list[Fleet] = []
    running, told = TOO_MANY
    with bench(Case(HEAVY, 600, scale=1)) as measuring:
        result = measuring.measure("too many replicas", fleet(running, told, made))
    done = made[0].done.finished
    printed(
        way="more replicas than told",
        replicas=running,
        told=told,
        entries=len(done),
        minutes=round((max(done) - made[0].begun) / timedelta(minutes=1), 1),
        throttles=result["penalties"],
    )


@pytest.mark.timeout(4 * 3600)
def bench_where_more_replicas_stop_helping() -> None:
    for case, fleets in circumstances():
        with bench(case) as measuring:
            for running, told in fleets:
                made: list[Fleet] = []
                result = measuring.measure(f"{running} replicas", fleet(running, told, made))
                rate = result["entries_per_second"]
                assert isinstance(rate, float)
                most = ceiling(case.preset, servers=case.servers, bulk=True)
                printed(
                    way="replicas",
                    servers=case.servers,
                    replicas=running,
                    told=told,
                    receivers=running * RECEIVERS,
                    entries=case.count,
                    entries_per_hour=round(rate * 3600),
                    to_ceiling=result["to_ceiling_with_bulk"],
                    requests_per_entry=result["requests_per_entry"],
                    throttles=result["penalties"],
                    share_used=round(made[0].used(), 2),
                    bound_by=most.bound_by,
                    hours_of_the_entitlement_a_day=round(entries_a_day() / (rate * 3600), 1),
                )
