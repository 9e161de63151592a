"""The storm over entries: a crowd, its trouble, worker processes that are killed and replaced, and the judge."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from random import Random
from uuid import UUID, uuid4

from azure.servicebus import ServiceBusClient, ServiceBusMessage, ServiceBusSubQueue

from connector.outbox import send
from mappings.backlog import Backlog
from mappings.messages import CreateInvoices, MarkReady
from sandbox.world import COMMANDS, EVENTS
from service.local_world import CLERK, START_FROM, register_in
from tests.chaos.entries.crowd import Crowd
from tests.chaos.entries.trouble import Trouble
from tests.chaos.entries.worker import NEVER, PHASES
from tests.flow.ledger_checker import invoiced
from tests.flow.test_reconcile import reconciler
from tests.flow.world import World

WORKERS = 3
LIVES = (1, 15)
"""How often a phase is reached, at least and at most, before it kills."""
BACKLOG = 60
"""Messages that may wait before people do."""
BEFORE_NETS = timedelta(hours=3)
"""A saboteur is judged before the second look a day later, and without reconciling: these nets catch what it drops."""
STUMBLES = 5
"""Starts in a row that may fail."""
STEP = timedelta(minutes=4)
PATIENCE = 900.0
"""Seconds in which the queues must have been quiet at least once."""


@dataclass
class EntryStorm:
    """One storm. ``run`` says everything that is wrong in the end; ``struck`` counts what really happened."""

    world: World
    folder: Path
    seed: int
    size: int
    saboteur: str = ""
    struck: Counter[str] = field(default_factory=Counter)
    _over: threading.Event = field(default_factory=threading.Event)
    _mercy: threading.Event = field(default_factory=threading.Event)
    _failed: list[str] = field(default_factory=list)
    _ahead: timedelta = timedelta()
    _began: float = field(default_factory=time.monotonic)

    def run(self) -> list[str]:
        """Rage until everybody has done everything and the queues are empty; then judge."""
        chance = Random(self.seed)
        register_in(self.world.sandbox)
        crowd, trouble = Crowd(self.world, self.size, chance), Trouble(self.world.sandbox, chance)
        crowd.gather()
        self._tell_the_time()
        with self._workers():
            trouble.begin()
            for person in [] if self.saboteur else chance.sample(crowd.approved_once(), self.size // 100):
                trouble.lose_events(9, person.id)
                trouble.lose_events(9, person.approval)
            self._now_at("people begin")
            for number, _ in enumerate(crowd.rounds()):
                trouble.stir(3 if self.size < 1000 else 1, slow=not self.saboteur)
                if not self.saboteur:
                    trouble.lose_events(1)
                if number % 20 == 10:
                    self._mark(crowd.contracts[:: len(crowd.contracts) // 4])
                if number % 10 == 9:
                    self._pass(timedelta(minutes=1))
                if number % 4 == 3:
                    trouble.go_on()
                # People go on while workers are in the middle of what they did before, not hours ahead of them.
                self.world.sandbox.bus.wait_until(EVENTS, lambda one: one.active < BACKLOG, 5.0)
            self._now_at("people are done")
            self._until_quiet(trouble)
            self._now_at("the queues are quiet")
            trouble.end()
            if self.saboteur:
                return self._wrong()
            self._mercy.set()
            self._reconcile()
            self._until_quiet(trouble)
            self._now_at("what was lost is repaired")
            wrong = self._wrong()
            self._now_at("judged")
            self._mark(crowd.contracts)
            self._until_quiet(trouble)
            self._invoice(crowd.contracts)
            self._until_quiet(trouble)
        self.struck += trouble.struck
        self.struck.update({f"people: {step}": count for step, count in crowd.did.items()})
        return [*wrong, *self._wrong(), *self._not_invoiced(crowd.contracts), *self._failed]

    def _now_at(self, what: str) -> None:
        sys.stderr.write(f"{time.monotonic() - self._began:6.0f} s  {what}\n")

    def told(self) -> str:
        """What struck, on a line."""
        return json.dumps({"seed": self.seed, "entries": self.size, "saboteur": self.saboteur, **sorted_(self.struck)})

    # Workers ------------------------------------------------------------------------------------------------------

    @contextmanager
    def _workers(self) -> Iterator[None]:
        keepers = [threading.Thread(target=self._keep, args=(number,)) for number in range(WORKERS)]
        for keeper in keepers:
            keeper.start()
        try:
            yield
        finally:
            self._over.set()
            for keeper in keepers:
                keeper.join()

    def _keep(self, number: int) -> None:
        """Start a worker, and another one whenever it has died, until the storm is over."""
        chance = Random(f"{self.seed}/{number}")
        stumbles = 0
        while not self._over.is_set():
            phase = NEVER if self._mercy.is_set() else chance.choice(PHASES)
            command = [sys.executable, "-m", "tests.chaos.entries.worker", str(self._clock), phase]
            command += [str(chance.randrange(*LIVES)), *([self.saboteur] if self.saboteur else [])]
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
                    self._failed.append(f"a worker ended with {ended}, {stumbles} times in a row")
                    return

    def _await(self, worker: subprocess.Popen[bytes]) -> int:
        while not self._over.is_set():
            try:
                return worker.wait(0.2)
            except subprocess.TimeoutExpired:
                continue
        worker.terminate()
        return worker.wait(60)

    def _environment(self) -> dict[str, str]:
        sandbox = self.world.sandbox
        ours = {
            "DATAVERSE__URL": sandbox.dataverse,
            "DATAVERSE__TOKEN": sandbox.token,
            "SERVICEBUS__CONNECTION_STRING": sandbox.servicebus,
            "ACTUALS__CREATOR": "service",
            "ACTUALS__START_FROM": START_FROM.isoformat(),
            "ACTUALS__GRACE": "0",
            "ACTUALS__SECOND_LOOK": "1440" if self.saboteur else "15",
            "WORKERS__BATCH": "10",
            "BUSINESS_TIME_ZONE": "America/New_York",
            "COMMANDS__ACTING": "service",
            "COMMANDS__ALLOWED": json.dumps([CLERK]),
            "WRITE_CEILING__ROWS": "0",
            "WRITE_CEILING__AMOUNT": "0",
        }
        return {**os.environ, **{f"PSA_CONNECTOR_{name}": value for name, value in ours.items()}}

    # Time ---------------------------------------------------------------------------------------------------------

    @property
    def _clock(self) -> Path:
        return self.folder / "clock"

    def _tell_the_time(self) -> None:
        new = self.folder / "clock.new"
        new.write_text(str(self._ahead.total_seconds()), encoding="ascii")
        new.replace(self._clock)

    def _pass(self, time_passed: timedelta) -> None:
        """The workers' clocks are late rather than early, as an honest host's may be."""
        self.world.sandbox.clock.advance(time_passed)
        self._ahead += time_passed
        self._tell_the_time()

    def _until_quiet(self, trouble: Trouble) -> None:
        """Let time pass until nothing waits on any queue, and nothing is on its way there."""
        bus, until = self.world.sandbox.bus, time.monotonic() + PATIENCE
        quiet = 0
        while time.monotonic() < until:
            assert not self._failed, self._failed
            both = [bus.counts(queue) for queue in (EVENTS, COMMANDS)]
            if all(one.active == one.locked == 0 for one in both):
                quiet = 0 if any(one.scheduled for one in both) else quiet + 1
                if quiet == 3 or (self.saboteur and self._ahead > BEFORE_NETS):
                    return
                self._pass(STEP)
            bus.wait_until(EVENTS, lambda one: one.active == one.locked == 0, 2.0)
            trouble.go_on()
            # What the steps post comes by a thread of the sandbox's own.
            time.sleep(0.2)
        self._failed.append("the queues never were quiet")

    # The clerk and the night ----------------------------------------------------------------------------------------

    def _mark(self, contracts: list[UUID]) -> None:
        wanted = tuple(contracts)
        backlog = Backlog.TIME_AND_MATERIAL
        self._command(MarkReady(command=uuid4(), requested_by=CLERK, backlog=backlog, contracts=wanted, confirmed=True))

    def _invoice(self, contracts: list[UUID]) -> None:
        for contract in contracts:
            self._command(CreateInvoices(command=uuid4(), requested_by=CLERK, contract=contract, confirmed=True))

    def _command(self, command: MarkReady | CreateInvoices) -> None:
        with (
            ServiceBusClient.from_connection_string(self.world.sandbox.servicebus) as client,
            client.get_queue_sender(COMMANDS) as sender,
        ):
            body = command.model_dump_json(exclude_none=True)
            sender.send_messages(ServiceBusMessage(body, content_type="application/json"))

    def _reconcile(self) -> None:
        """What no event told is found and sent down the path every event takes."""
        self._pass(timedelta(hours=1))
        report = reconciler(self.world).since(START_FROM, self.world.now())
        self.struck["repaired by reconcile"] += len(report.repairable)
        asyncio.run(send(self.world.sandbox.servicebus, EVENTS, *report.looks()))

    # The judge ----------------------------------------------------------------------------------------------------

    def _wrong(self) -> list[str]:
        return [*self.world.faults(), *self._put_aside()]

    def _put_aside(self) -> list[str]:
        found: list[str] = []
        with ServiceBusClient.from_connection_string(self.world.sandbox.servicebus) as client:
            for queue in (EVENTS, COMMANDS):
                with client.get_queue_receiver(queue, sub_queue=ServiceBusSubQueue.DEAD_LETTER) as receiver:
                    found += [
                        f"put aside: {one.dead_letter_reason}: {one.dead_letter_error_description}"
                        for one in receiver.peek_messages(max_message_count=50)
                    ]
        return found

    def _not_invoiced(self, contracts: list[UUID]) -> list[str]:
        books = self.world.books()
        counts = {contract: invoiced(books, str(contract))[0] for contract in contracts}
        return [f"{contract}: {count} invoices" for contract, count in counts.items() if count != 1]


def sorted_(counts: Counter[str]) -> dict[str, int]:
    """In alphabetical order."""
    return dict(sorted(counts.items()))
