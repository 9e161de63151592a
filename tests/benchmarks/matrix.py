"""One case of the comparison: the circumstances, and what a client's work under them came to."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from datetime import timedelta
from typing import Any, Protocol
from uuid import UUID

from connector.dataverse.budget import Limits
from sandbox.company.company import LoadedEntry
from sandbox.dataverse.bulk_tables import offer
from sandbox.dataverse.limits.costs import PRESETS
from sandbox.dataverse.transaction import Transaction
from sandbox.dataverse.unit_of_work import Cell, Refused
from tests.benchmarks.ceiling import EXECUTION_SECONDS, REQUESTS, WINDOW_SECONDS, ceiling
from tests.benchmarks.counting import counted
from tests.benchmarks.many_entries import ODD_HOURS, WRITTEN, approved, rows_made
from tests.benchmarks.simulated import SimulatedClock, Simulation
from tests.benchmarks.three_rivals import Done, Ours, Plain, Recorder, Work
from tests.flow.world import World

SCALE = 4
"""The limits are a quarter of the published ones, and a worker stands for four: the same with fewer entries."""
WORKERS = 8
"""Batches under way at once for each server, where its limits are the published ones."""
STEADY = (0.15, 0.85)
"""The part of the time in which the rate is taken: neither the first batches nor the last."""
LANES = 4
"""Requests at once by which the windows of one server are used up beforehand."""
SETTLING_IN = 4
"""Entries by which a client of ours learns the tables, before anything is counted."""
PLUGIN_REFUSES = "0x80040265"


@dataclass(frozen=True)
class Case:
    """The circumstances. ``rejects``: every so many hundredth entry is refused by the server.

    ``hot``: all entries are of one project; then the limits are the published ones and not used up beforehand, because
    what bounds such work is that a project's rows are written by one request at a time. ``scale``: what the published
    limits are divided by.
    """

    preset: str
    count: int
    rejects: int = 0
    hot: bool = False
    servers: int = 1
    bulk: bool = True
    scale: int = SCALE

    @property
    def workers(self) -> int:
        """Batches under way at once."""
        return 4 if self.hot else WORKERS // self.scale * self.servers

    @property
    def limits(self) -> Limits:
        """What one server grants."""
        return Limits(REQUESTS // self.scale, timedelta(seconds=EXECUTION_SECONDS / self.scale))


class Client(Protocol):
    """Somebody who makes rows of entries."""

    done: Done
    full: float
    """How full the limits' windows are when the measured work begins, so that what they lend once is not counted."""

    def works(self, entries: Sequence[LoadedEntry], workers: int) -> list[Work]:
        """Work for so many threads."""
        ...

    def who_am_i(self) -> object:
        """One request that changes nothing."""
        ...


Make = Callable[["Bench", Simulation], Client]


class Bench:
    """Approved entries in a sandbox, on which one client after the other is measured."""

    def __init__(self, case: Case, world: World, clock: SimulatedClock, entries: Sequence[LoadedEntry]) -> None:
        self.case, self.world, self._clock = case, world, clock
        self.first, self.entries = entries[:SETTLING_IN], entries[SETTLING_IN:]
        self._beginning = world.sandbox.snapshot()
        self._before = set(rows_made(world))
        self.script = Recorder(world.client).record(world, self.entries)
        refused = [entry for number, entry in enumerate(self.entries) if is_refused(number, case)]
        without = {str(row.id) for entry in refused for row in self.script[entry.id]}
        self._expected = {name: row for name, row in self._made().items() if name.partition("/")[2] not in without}
        self._refused = len(refused)
        if refused:
            self._refuse_odd()

    def measure(self, name: str, make: Make) -> dict[str, object]:
        """Let one client do the work from the beginning, compare the rows, and say what it cost."""
        case, simulation, count = self.case, Simulation(self._clock), len(self.entries)
        protect(self.world, case, on=False)
        with simulation.spent(self.world.sandbox.dataverse):
            client = make(self, simulation)
            self._go_back()
            protect(self.world, case)
            if not case.hot:
                self._fill(simulation, client)
            simulation.cpu, charged = 0.0, self._clock.charged
            with counted() as traffic:
                begun = simulation.seconds()
                seconds = simulation.run(client.works(self.entries, case.workers))
        assert len(client.done.finished) == count
        each = (self._clock.charged - charged).total_seconds() / count
        first, last = (begun + part * seconds for part in STEADY)
        steadily = simulation.charged_between(first, last) / each
        begun_steadily = sum(first <= one[0] < last for one in simulation.requests)
        rate = case.scale * steadily / (last - first)
        assert client.done.refused == self._refused
        assert self._made() == self._expected, "the final rows differ"
        most = ceiling(case.preset, servers=case.servers, hot=case.hot)
        with_bulk = ceiling(case.preset, bulk=True, servers=case.servers, hot=case.hot)
        return {
            "client": name,
            **asdict(case),
            "requests_per_entry": round(traffic.requests / count, 3),
            "requests_per_entry_once_under_way": round(begun_steadily / steadily, 3),
            "operations_per_entry": round(traffic.operations / count, 2),
            "charged_seconds_per_entry": round(each, 4),
            "cpu_ms_per_entry": round(1000 * simulation.cpu / count, 2),
            "entries_per_second": round(rate, 2),
            "penalties": traffic.refused,
            "to_ceiling": round(rate / most.entries_per_second, 3),
            "to_ceiling_with_bulk": round(rate / with_bulk.entries_per_second, 3),
            "bound_by": most.bound_by,
        }

    def _made(self) -> dict[str, dict[str, Any]]:
        return {name: row for name, row in rows_made(self.world).items() if name not in self._before}

    def _go_back(self) -> None:
        """As it was before anybody worked, and long after."""
        self.world.sandbox.restore(self._beginning)
        with self.world.sandbox.web.transaction() as work:
            for table in WRITTEN:
                offer(work, table, on=self.case.bulk)
        self._clock.present += timedelta(hours=1)

    def _fill(self, simulation: Simulation, client: Client) -> None:
        """Use the windows up evenly, as if the work had been going on for long."""
        limits, protection = self.case.limits, self.world.sandbox.web.switches.protection
        requests_each = int(limits.requests * client.full / LANES)
        cost = limits.execution * client.full / requests_each / LANES
        protection.costs = replace(protection.costs, operation=cost)

        def ask() -> None:
            for _ in range(requests_each):
                client.who_am_i()
                simulation.sleep(max(0.0, WINDOW_SECONDS / requests_each - cost.total_seconds()))

        simulation.run([ask] * (LANES * self.case.servers))
        protection.costs = PRESETS[self.case.preset]

    def _refuse_odd(self) -> None:
        """Have a plug-in refuse the actuals of odd entries, however they come."""
        guards = self.world.sandbox.web.organisation.before_write
        others = guards.get("msdyn_actual")

        def guard(work: Transaction, id: UUID | None, values: Mapping[str, Cell]) -> None:
            if values.get("msdyn_quantity") == ODD_HOURS:
                raise Refused("A plug-in refuses this actual.", PLUGIN_REFUSES)
            if others is not None:
                others(work, id, values)

        guards["msdyn_actual"] = guard


def is_refused(number: int, case: Case) -> bool:
    """Whether the server refuses this one of the measured entries."""
    return number % 100 < case.rejects


def protect(world: World, case: Case, *, on: bool = True) -> None:
    """Have the sandbox charge and limit as the case says, or neither."""
    protection, limits = world.sandbox.web.switches.protection, case.limits
    protection.enabled = protection.time_passes = on
    protection.servers = case.servers
    protection.requests, protection.execution = limits.requests, limits.execution
    protection.costs = PRESETS[case.preset]
    world.sandbox.web.switches.degree_of_parallelism = 16 * case.servers


@contextmanager
def bench(case: Case, projects: int = 40) -> Iterator[Bench]:
    """The circumstances, made."""

    def odd(number: int) -> bool:
        return number >= SETTLING_IN and is_refused(number - SETTLING_IN, case)

    with approved(case.count + SETTLING_IN, 1 if case.hot else projects, odd) as (world, clock, entries):
        yield Bench(case, world, clock, entries)


def ours(bench: Bench, simulation: Simulation) -> Client:
    """The service's client, which has learned the tables."""
    client = Ours(bench.world, simulation, bench.case.limits)
    client.settle_in(bench.first)
    return client


def plain(bench: Bench, simulation: Simulation) -> Client:
    """A request per row."""
    return Plain(bench.world, simulation, bench.script)
