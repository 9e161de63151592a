"""Simulated time: threads that take turns, and a clock that moves only when all of them wait.

One thread runs at a time. Who sends a request waits for as long as the sandbox charges for it, who sleeps for as long
as it said; then the clock goes on to whoever wakes first. Hours of load pass in seconds, the same on any machine.
"""

from __future__ import annotations

import heapq
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from itertools import count
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

from requests import PreparedRequest, Response
from requests.adapters import HTTPAdapter

from sandbox.clock import Clock

START = datetime(2026, 4, 1, 9, tzinfo=UTC)
CONDITIONS = ("connector.dataverse.partitions", "connector.dataverse.lanes")
"""Where one thread of the client waits for another."""


class SimulatedClock(Clock):
    """The sandbox's clock. What a request costs is not passed at once but summed up in ``charged``."""

    def __init__(self) -> None:
        super().__init__()
        self.present = START
        self.charged = timedelta()

    def now(self) -> datetime:
        return self.present

    def advance(self, by: timedelta) -> None:
        self.charged += by


class Turn:
    """One thread's place in the order of events, and the seconds of a processor it used."""

    def __init__(self) -> None:
        self.mine = threading.Event()
        self.cpu = 0.0


class Simulation:
    """Runs pieces of work side by side in simulated time. ``latency``: what every request takes beside its cost.

    ``requests``: when each began and ended, in seconds, and the seconds of execution it was charged.
    """

    def __init__(self, clock: SimulatedClock, latency: timedelta = timedelta()) -> None:
        self.clock = clock
        self.latency = latency
        self.most_at_once = 0
        self.cpu = 0.0
        self.requests: list[tuple[float, float, float]] = []
        self._under_way = 0
        self._waking: list[tuple[datetime, int, Turn]] = []
        self._numbers = count()
        self._turns = threading.local()
        self._over = threading.Event()
        self._left = 0
        self._problems: list[BaseException] = []

    def run(self, works: Sequence[Callable[[], None]]) -> float:
        """Do all of it; how many simulated seconds that took. Raises what any of it raised."""
        begun = self.clock.present
        turns = [Turn() for _ in works]
        self._left = len(works)
        self._over.clear()
        for turn in turns:
            self._wake(turn, begun)
        threads = [
            threading.Thread(target=self._thread, args=each, daemon=True) for each in zip(turns, works, strict=True)
        ]
        for thread in threads:
            thread.start()
        self._next()
        self._over.wait()
        if self._problems:
            raise self._problems[0]
        self.cpu += sum(turn.cpu for turn in turns)
        return (self.clock.present - begun).total_seconds()

    def seconds(self) -> float:
        """Simulated seconds, as a timer counts them."""
        return (self.clock.present - START).total_seconds()

    def charged_between(self, first: float, last: float) -> float:
        """Seconds of execution that requests were charged in this time, those under way in part."""
        return sum(
            cost * (min(ended, last) - max(begun, first)) / (ended - begun)
            for begun, ended, cost in self.requests
            if begun < last and ended > first and ended > begun
        )

    def sleep(self, seconds: float) -> None:
        """Let so much time pass for this thread; outside of a simulation for everybody."""
        turn = getattr(self._turns, "mine", None)
        if turn is None:
            self.clock.present += timedelta(seconds=seconds)
            return
        self._wake(turn, self.clock.present + timedelta(seconds=seconds))
        self._give_way(turn)

    def condition(self) -> Condition:
        """A ``threading.Condition`` for threads that take turns."""
        return Condition(self)

    @contextmanager
    def spent(self, plain_http: str = "") -> Iterator[None]:
        """While the block runs, whatever sends a request spends the time it is charged.

        What is sent to ``plain_http`` under https goes out without encryption: some clients insist on that name.
        """
        send = HTTPAdapter.send

        def sending(adapter: HTTPAdapter, request: PreparedRequest, *args: Any, **options: Any) -> Response:
            if plain_http and str(request.url).startswith(plain_http.replace("http:", "https:")):
                request.url = str(request.url).replace("https:", "http:", 1)
            before = self.clock.charged
            answer = send(adapter, request, *args, **options)
            self._under_way += 1
            self.most_at_once = max(self.most_at_once, self._under_way)
            cost, begun = (self.clock.charged - before).total_seconds(), self.seconds()
            self.sleep(cost + self.latency.total_seconds())
            self.requests.append((begun, self.seconds(), cost))
            self._under_way -= 1
            return answer

        with ExitStack() as patches:
            patches.enter_context(patch.object(HTTPAdapter, "send", sending))
            for module in CONDITIONS:
                patches.enter_context(patch(f"{module}.threading", SimpleNamespace(Condition=self.condition)))
            yield

    def _thread(self, turn: Turn, work: Callable[[], None]) -> None:
        self._turns.mine = turn
        turn.mine.wait()
        begun = time.thread_time()
        try:
            work()
        except BaseException as problem:  # noqa: BLE001 — carried over to whoever runs the simulation
            self._problems.append(problem)
            self._over.set()
        turn.cpu = time.thread_time() - begun
        self._left -= 1
        if self._left:
            self._next()
        else:
            self._over.set()

    def _wake(self, turn: Turn, at: datetime) -> None:
        heapq.heappush(self._waking, (at, next(self._numbers), turn))

    def _give_way(self, turn: Turn) -> None:
        turn.mine.clear()
        self._next()
        turn.mine.wait()

    def _next(self) -> None:
        if not self._waking:
            self._problems.append(RuntimeError("Everybody waits for somebody else."))
            self._over.set()
            return
        at, _, turn = heapq.heappop(self._waking)
        self.clock.present = max(self.clock.present, at)
        turn.mine.set()


class Condition:
    """Waits for another thread's word without holding up the simulation."""

    def __init__(self, simulation: Simulation) -> None:
        self._simulation = simulation
        self._waiting: list[Turn] = []

    def __enter__(self) -> Condition:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def wait_for(self, holds: Callable[[], bool]) -> None:
        """Return once it holds."""
        while not holds():
            turn: Turn = self._simulation._turns.mine
            self._waiting.append(turn)
            self._simulation._give_way(turn)

    def notify_all(self) -> None:
        """Let whoever waits look again."""
        waiting, self._waiting = self._waiting, []
        for turn in waiting:
            self._simulation._wake(turn, self._simulation.clock.present)
