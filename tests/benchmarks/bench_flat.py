"""What an entry costs after a thousand, ten thousand and a hundred thousand others: requests, processor time, memory.

The worker is a process of its own, without limits; each thousand entries is one lot. ``BENCH_FULL=1`` for all hundred.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from sandbox.world import Sandbox
from service.registration import register_command_table
from tests.benchmarks.many_entries import submitted
from tests.benchmarks.rivals import printed
from tests.benchmarks.simulated import SimulatedClock
from tests.flow.world import World
from tests.service.processes import clean_environment

LOT, PROJECTS, MOST_MB = 1000, 40, 200
LOTS = 100 if os.environ.get("BENCH_FULL") else 4
TOLD = {1, 2, 3, 4, 5, *range(10, 101, 10)}
"""The lots whose cost is printed."""


@pytest.mark.timeout(4 * 3600)
def bench_the_cost_of_an_entry_after_ever_more_of_them() -> None:
    with Sandbox(clock=SimulatedClock()) as sandbox:
        world = World(sandbox)
        register_command_table(world.signed_in("administrator"))
        with subprocess.Popen(  # noqa: S603 — this very Python
            [sys.executable, "-m", "tests.benchmarks.stream", sandbox.dataverse, sandbox.token],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=Path(__file__).parents[2],
            env=clean_environment(),
        ) as process:
            assert process.stdin is not None
            assert process.stdout is not None
            try:
                first: dict[str, float] = {}
                for lot in range(1, LOTS + 1):
                    entries = submitted(sandbox, LOT, PROJECTS, start=(lot - 1) * LOT)
                    for begin in range(0, LOT, 200):
                        world.approve(*entries[begin : begin + 200])
                    process.stdin.write(json.dumps([str(entry.id) for entry in entries]) + "\n")
                    process.stdin.flush()
                    cost: dict[str, float] = json.loads(process.stdout.readline())
                    if lot == 2:
                        # The first lot learns the tables and everything that is imported late.
                        first = cost
                    if lot in TOLD:
                        told(lot, cost, first or cost)
                    assert cost["resident_mb"] < MOST_MB
                    assert cost["requests"] < 2 * LOT
            finally:
                process.stdin.close()
                process.terminate()


def told(lot: int, cost: dict[str, float], first: dict[str, float]) -> None:
    """Print what one lot cost, and how that compares with the second."""
    printed(
        way="flat-cost",
        entries=lot * LOT,
        requests_per_entry=round(cost["requests"] / LOT, 3),
        operations_per_entry=round(cost["operations"] / LOT, 2),
        cpu_ms_per_entry=round(1000 * cost["cpu"] / LOT, 2),
        resident_mb=round(cost["resident_mb"]),
        **{f"{name}_to_the_second_thousand": round(cost[name] / first[name], 2) for name in ("requests", "cpu")},
    )
