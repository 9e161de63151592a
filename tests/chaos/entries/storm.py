"""The storm over entries: a crowd, its trouble, worker processes that are killed and replaced, and the judge."""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from random import Random

from connector.outbox import send
from sandbox.servicebus.broker.settings import QueueCounts
from sandbox.world import EVENTS
from service.local_world import START_FROM, register_in
from tests.chaos.entries.clerk import Clerk
from tests.chaos.entries.crowd import Crowd
from tests.chaos.entries.judge import put_aside
from tests.chaos.entries.keepers import Keepers
from tests.chaos.entries.passing_time import PassingTime
from tests.chaos.entries.quiet import STANDSTILL, counts, until_quiet
from tests.chaos.entries.trouble import Trouble
from tests.flow.ledger_checker import invoiced
from tests.flow.test_reconcile import reconciler
from tests.flow.world import World

BACKLOG = 150
"""Messages that may wait before people do."""
MINUTE = timedelta(minutes=1)
TOLD_EVERY = 30.0
"""Seconds between lines on how it goes."""


@dataclass
class EntryStorm:
    """One storm. ``run`` says everything that is wrong in the end; ``struck`` counts what really happened."""

    world: World
    folder: Path
    seed: int
    size: int
    struck: Counter[str] = field(default_factory=Counter)
    _began: float = field(default_factory=time.monotonic)
    _told: float = 0.0

    def run(self) -> list[str]:
        """Rage until everybody has done everything and the queues are empty; then judge."""
        self._chance = chance = Random(self.seed)
        self._time = PassingTime(self.world.sandbox, self.folder)
        self._clerk = clerk = Clerk(self.world.sandbox)
        self._trouble = Trouble(self.world.sandbox, chance)
        self._crowd = crowd = Crowd(self.world, self.size, chance)
        # The more there is to do, the longer a worker lives: starting one takes longer than most of what it does.
        lives = 1, max(15, self.size // 100)
        settings = {"ACTUALS__SECOND_LOOK": "15", "WORKERS__BATCH": "10" if self.size < 1000 else "25"}
        self._keepers = Keepers(
            self.world, self.folder, self._time.file, self.seed, lives=lives, settings=settings, struck=self.struck
        )
        register_in(self.world.sandbox)
        crowd.gather()
        with self._keepers.at_work():
            self._trouble.begin(0.01 if self.size < 1000 else 0.003)
            self._rage()
            self._until_quiet()
            self._trouble.end()
            self._keepers.have_mercy()
            self._reconcile()
            self._until_quiet()
            self._tell("what was lost is repaired")
            wrong = self._wrong()
            self._tell("judged")
            clerk.mark(crowd.contracts)
            self._until_quiet()
            clerk.invoice(crowd.contracts)
            self._until_quiet()
            self._tell("invoiced")
        self.struck += self._trouble.struck
        self.struck.update({f"people: {step}": count for step, count in crowd.did.items()})
        return [*wrong, *self._wrong(), *self._not_invoiced(), *self._keepers.failed]

    def told(self) -> str:
        """What struck, on a line."""
        return json.dumps({"seed": self.seed, "entries": self.size, **dict(sorted(self.struck.items()))})

    def _rage(self) -> None:
        """Everybody does everything, while things go wrong."""
        crowd, trouble = self._crowd, self._trouble
        for person in self._chance.sample(crowd.approved_once(), self.size // 100):
            trouble.lose_events(9, person.id)
            trouble.lose_events(9, person.approval)
        self._tell("people begin")
        for number, _ in enumerate(crowd.rounds()):
            trouble.stir(3 if self.size < 1000 else 1)
            trouble.lose_events(1)
            if number % 20 == 10:
                self._clerk.mark(crowd.contracts[:: len(crowd.contracts) // 4])
            if number % 10 == 9:
                self._time.go_on(MINUTE)
            # People go on while workers are in the middle of what they did before, not hours ahead of them.
            until = time.monotonic() + 2 * STANDSTILL
            while time.monotonic() < until and not self._wait(lambda one: one.active < BACKLOG):
                trouble.go_on()
            if number % 4 == 3:
                trouble.go_on()
            self._tell_now_and_then()
        self._tell("people are done")

    def _until_quiet(self) -> None:
        def meanwhile() -> None:
            assert not self._keepers.failed, self._keepers.failed
            self._trouble.go_on()
            self._tell_now_and_then()

        bus = self.world.sandbox.bus
        until_quiet(bus, self._time, lambda: any(one.scheduled for one in counts(bus)), meanwhile)

    def _wait(self, holds: Callable[[QueueCounts], bool]) -> bool:
        return self.world.sandbox.bus.wait_until(EVENTS, holds, 1.0)

    def _reconcile(self) -> None:
        """What no event told is found and sent down the path every event takes."""
        self._time.go_on(timedelta(hours=1))
        report = reconciler(self.world).since(START_FROM, self.world.now())
        self.struck["repaired by reconcile"] += len(report.repairable)
        asyncio.run(send(self.world.sandbox.servicebus, EVENTS, *report.looks()))

    # The judge ----------------------------------------------------------------------------------------------------

    def _wrong(self) -> list[str]:
        return [*self.world.faults(), *put_aside(self.world.sandbox)]

    def _not_invoiced(self) -> Iterator[str]:
        books = self.world.books()
        for contract in self._crowd.contracts:
            count, _ = invoiced(books, str(contract))
            if count != 1:
                yield f"{contract}: {count} invoices"

    # How it goes --------------------------------------------------------------------------------------------------

    def _tell_now_and_then(self) -> None:
        if time.monotonic() - self._told > TOLD_EVERY:
            done, kills = sum(self._crowd.did.values()), sum(n for what, n in self.struck.items() if "killed" in what)
            events, _ = counts(self.world.sandbox.bus)
            struck = sum(self._trouble.struck.values())
            self._tell(
                f"{done} steps done, {events.active} messages wait, {events.locked} at work, {events.scheduled} later; "
                f"{kills} kills, {struck} other faults"
            )

    def _tell(self, what: str) -> None:
        self._told = time.monotonic()
        sys.stdout.write(f"{self._told - self._began:6.0f} s  {what}\n")
        sys.stdout.flush()
