"""Keepers of worker processes: each starts one, and another one whenever it has died."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from service.local_world import CLERK, START_FROM
from tests.chaos.entries.worker import NEVER, PHASES
from tests.flow.world import World

STUMBLES = 5
"""Starts in a row that may fail."""


@dataclass
class Keepers:
    """So many workers, which die in ``phases`` drawn by ``seed``; ``lives`` is how often, at least and at most, one is
    reached before it kills. ``saboteur``: the mistake they all make.

    ``struck`` counts the deaths by phase; ``failed`` says what no storm may do to a worker.
    """

    world: World
    folder: Path
    clock: Path
    seed: int
    workers: int = 3
    phases: Sequence[str] = PHASES
    lives: tuple[int, int] = (1, 15)
    settings: Mapping[str, str] = field(default_factory=dict)
    saboteur: str = ""
    struck: Counter[str] = field(default_factory=Counter)
    failed: list[str] = field(default_factory=list)
    _over: threading.Event = field(default_factory=threading.Event)
    _mercy: threading.Event = field(default_factory=threading.Event)

    def have_mercy(self) -> None:
        """Whoever is started from now on lives."""
        self._mercy.set()

    @contextmanager
    def at_work(self) -> Iterator[None]:
        """The workers live and die while the block runs."""
        keepers = [threading.Thread(target=self._keep, args=(number,)) for number in range(self.workers)]
        for keeper in keepers:
            keeper.start()
        try:
            yield
        finally:
            self._over.set()
            for keeper in keepers:
                keeper.join()

    def _keep(self, number: int) -> None:
        chance = Random(f"{self.seed}/{number}")
        stumbles = 0
        while not self._over.is_set():
            phase = NEVER if self._mercy.is_set() else chance.choice(self.phases)
            command = [sys.executable, "-m", "tests.chaos.entries.worker", str(self.clock), phase]
            command += [str(chance.randint(*self.lives)), *([self.saboteur] if self.saboteur else [])]
            with (self.folder / f"worker-{number}.log").open("ab") as log:
                environment = self._environment()
                with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=log) as worker:  # noqa: S603
                    ended = self._await(worker)
                    said = (worker.stdout.read() if worker.stdout else b"").decode().strip()
            if ended == -9 and said:
                self.struck[f"killed: {said}"] += 1
                stumbles = 0
            elif ended != 0:
                # It met a fault while it looked whether everything is there, and says so; who runs it starts it again.
                self.struck["could not start"] += 1
                stumbles += 1
                if stumbles == STUMBLES:
                    self.failed.append(f"a worker ended with {ended}, {stumbles} times in a row")
                    return

    def _await(self, worker: subprocess.Popen[bytes]) -> int:
        while not self._over.is_set():
            try:
                return worker.wait(0.2)
            except subprocess.TimeoutExpired:
                continue
        worker.terminate()
        try:
            return worker.wait(60)
        except subprocess.TimeoutExpired:
            self.failed.append("a worker that was told to stop did not, for a minute")
            worker.kill()
            return worker.wait()

    def _environment(self) -> dict[str, str]:
        sandbox = self.world.sandbox
        ours = {
            "DATAVERSE__URL": sandbox.dataverse,
            "DATAVERSE__TOKEN": sandbox.token,
            "SERVICEBUS__CONNECTION_STRING": sandbox.servicebus,
            "ACTUALS__CREATOR": "service",
            "ACTUALS__START_FROM": START_FROM.isoformat(),
            "ACTUALS__GRACE": "0",
            "BUSINESS_TIME_ZONE": "America/New_York",
            "COMMANDS__ACTING": "service",
            "COMMANDS__ALLOWED": json.dumps([CLERK]),
            "WRITE_CEILING__ROWS": "0",
            "WRITE_CEILING__AMOUNT": "0",
            **self.settings,
        }
        return {**os.environ, **{f"PSA_CONNECTOR_{name}": value for name, value in ours.items()}}
