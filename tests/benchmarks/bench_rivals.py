"""The same entries by three clients: ours, a request per row, and Microsoft's with its bulk calls; and the ceiling.

Simulated time: the sandbox's clock, its limits and what it charges. The final rows of all three are compared. A small
part of all circumstances by default; ``BENCH_FULL=1`` for all of them, which takes hours. Runs are long enough that
where the window of measurement begins and ends makes no difference.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from importlib.util import find_spec
from itertools import product

import pytest

from tests.benchmarks.ceiling import ceiling, entries_a_day
from tests.benchmarks.matrix import SCALE, Bench, Case, Client, Make, bench, ours, plain
from tests.benchmarks.rivals import printed
from tests.benchmarks.simulated import Simulation

MICROSOFT = find_spec("PowerPlatform") is not None
"""Whether Microsoft's client is there: ``make clients`` brings it."""
THIN, HEAVY = "thin", "plug-in heavy"
FULL = bool(os.environ.get("BENCH_FULL"))


def microsoft(bench: Bench, simulation: Simulation) -> Client:
    """Microsoft's client, by bulk calls or by a call per row."""
    from tests.benchmarks.microsoft import Microsoft

    return Microsoft(bench.world, simulation, bench.script, bench.case.bulk)


ALL: dict[str, Make] = {"ours": ours, "plain": plain, "microsoft": microsoft}
if not MICROSOFT:
    del ALL["microsoft"]
OURS = ("ours",)


def circumstances() -> Iterator[tuple[Case, tuple[str, ...]]]:
    """What is compared, and between whom."""
    everyone = tuple(ALL)
    if FULL:
        for preset, bulk, rejects, hot, servers in product(
            (THIN, HEAVY), (True, False), (0, 1, 10), (False, True), (1, 4)
        ):
            count = (1600 if preset == THIN else 800) * (1 if hot else servers)
            yield Case(preset, count, rejects, hot, servers, bulk, 1 if hot else SCALE), everyone
        return
    yield Case(THIN, 1600), everyone
    yield Case(THIN, 1200, bulk=False), OURS
    yield Case(THIN, 100, bulk=False), everyone[2:]
    yield Case(HEAVY, 500), everyone
    yield Case(HEAVY, 500, bulk=False), OURS
    yield Case(THIN, 400, rejects=1), everyone[::2]
    yield Case(THIN, 400, rejects=10), everyone[::2]
    yield Case(THIN, 200, hot=True, scale=1), OURS
    yield Case(HEAVY, 800, servers=4), OURS


@pytest.mark.timeout(3600)
def bench_the_same_entries_by_three_clients() -> None:
    left_out = 0
    for case, names in circumstances():
        if not names:
            left_out += 1
            continue
        left_out += "ours" in names and len(names) > 1 and not MICROSOFT
        with bench(case) as measuring:
            results = [(name, measuring.measure(name, ALL[name])) for name in names]
        best = dict(results).get("ours", {}).get("entries_per_second")
        for _, result in results:
            theirs = result["entries_per_second"]
            assert isinstance(theirs, float)
            ratio = {"ours_to_this": round(best / theirs, 2)} if isinstance(best, float) else {}
            printed(**result, **ratio)
    printed(way="microsofts-client-left-out", cases=left_out)


def bench_the_ceiling() -> None:
    for preset, bulk, servers in product((THIN, HEAVY), (False, True), (1, 4)):
        most = ceiling(preset, bulk=bulk, servers=servers)
        printed(
            way="ceiling",
            preset=preset,
            bulk_messages=bulk,
            servers=servers,
            bound_by=most.bound_by,
            entries_per_second={name: round(value, 1) for name, value in most.by_limit.items()},
            entitled_entries_a_day=round(entries_a_day()),
        )
