"""Several replicas of the service, in one simulation: each with its own budget, client and receivers, on one queue.

They share what replicas share: the queue, the user they sign in as, and with it what Dataverse grants. They know
nothing of each other but the number that the settings name.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import cycle
from statistics import mean

from sandbox.company.company import LoadedEntry
from tests.benchmarks.matrix import Bench
from tests.benchmarks.simulated import Simulation
from tests.benchmarks.three_rivals import Done, Ours, Queue, Work, event_about

RECEIVERS = 8
"""Of each replica, for the approvals queue: as many as the service has by default."""


FULL = 0.9
"""How full the limits' windows are beforehand. It is less than replicas take: theirs are not filled quite evenly."""


class Replica(Ours):
    """One process of the service."""

    def receiver(self, queue: Queue) -> Work:
        """The work of one of its receivers."""
        return lambda: self._work(queue)


class Fleet:
    """``running`` replicas at work, each told that there are ``told`` of them at the most."""

    def __init__(self, bench: Bench, simulation: Simulation, running: int, told: int) -> None:
        self.full = FULL * running / told
        limits = replace(bench.case.limits, replicas=told)
        self._now = bench.world.now
        self.begun = self._now()
        self._replicas = [Replica(bench.world, simulation, limits) for _ in range(running)]
        # The servers take turns, too: each replica goes once around before the next one does.
        self._turns = cycle(one for one in self._replicas for _ in range(bench.case.servers))
        self.done = Done()
        sandbox = bench.world.sandbox
        beginning = sandbox.snapshot()
        for one in self._replicas:
            # Each makes the same few entries, so that each has learned all tables before they work side by side.
            one.settle_in(bench.first)
            one.done = self.done
            sandbox.restore(beginning)

    def who_am_i(self) -> object:
        """One request that changes nothing, by each replica in turn."""
        return next(self._turns).who_am_i()

    def works(self, entries: Sequence[LoadedEntry], workers: int) -> list[Work]:
        """The receivers of all replicas, however many workers the circumstances would have."""
        now = self.begun = self._now()
        queue = [(now, number, event_about(entry, now)) for number, entry in enumerate(entries)]
        heapq.heapify(queue)
        return [one.receiver(queue) for _ in range(RECEIVERS) for one in self._replicas]

    def used(self) -> float:
        """The part of its share that a replica has used, on average."""
        return mean(one.budget.used(self._now()) for one in self._replicas)


def fleet(running: int, told: int, made: list[Fleet]) -> Callable[[Bench, Simulation], Fleet]:
    """Makes a fleet and keeps it in ``made``, to be asked afterwards."""

    def make(bench: Bench, simulation: Simulation) -> Fleet:
        made.append(Fleet(bench, simulation, running, told))
        return made[-1]

    return make
