"""The weave: the same processes, broker, Dataverse and judge as the storm's, and misfortune exactly where it hurts.

Every knot holds a write at Dataverse, or loses an answer, at the moment for which one safety of the service was made.
The nets that would catch a mistake later are hung far away: the second look comes a day later, nothing is reconciled,
and no event is told twice unless a knot says so.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from random import Random
from uuid import UUID, uuid4

from connector.inbox import Outgoing
from connector.outbox import send
from mappings.messages import LookAtEntry
from sandbox.faults import UNLIMITED, Hold
from sandbox.world import EVENTS
from service.local_world import register_in
from tests.chaos.entries.clerk import Clerk
from tests.chaos.entries.crowd import PROJECTS, Crowd, Person
from tests.chaos.entries.judge import copied_twice, due_by, put_aside
from tests.chaos.entries.keepers import Keepers
from tests.chaos.entries.passing_time import PassingTime
from tests.chaos.entries.quiet import standstill, until_quiet
from tests.chaos.entries.worker import NEVER
from tests.flow.world import World

IN_A_KNOT = 5
"""Entries; fewer than would be taken for an outage."""
SOON, REST = 45.0, 3.0
"""Seconds in which a write must have been stalled; and seconds without any change, after which everybody is taken to
have done what can be done."""
BEFORE_NETS = timedelta(hours=3)
UNBILLED, READY = 192350005, 192350004
CREATION, MARKING = '"msdyn_origin":', f'"msdyn_billingstatus":{READY}'
"""What only a write of new actuals, or one that marks, says in its body."""
BATCH = r"\$batch"


@dataclass
class Weave:
    """One weave. ``run`` says what is wrong after the first knot that leaves anything wrong."""

    world: World
    folder: Path
    seed: int
    saboteur: str = ""
    struck: Counter[str] = field(default_factory=Counter)

    def run(self) -> list[str]:
        """Tie knot after knot, and judge after each."""
        sandbox, chance = self.world.sandbox, Random(self.seed)
        self._time, self._clerk = PassingTime(sandbox, self.folder), Clerk(sandbox)
        self._crowd = Crowd(self.world, PROJECTS, chance)
        register_in(sandbox)
        self._crowd.gather()
        settings = {"ACTUALS__SECOND_LOOK": "1440", "WORKERS__BATCH": "10", "WORKERS__APPROVALS": "8"}
        keepers = Keepers(
            self.world,
            self.folder,
            self._time.file,
            self.seed,
            phases=(NEVER,),
            settings=settings,
            saboteur=self.saboteur,
        )
        people = iter(self._crowd.people)
        with keepers.at_work():
            for name, knot in self._knots().items():
                began = time.monotonic()
                knot([next(people) for _ in range(IN_A_KNOT)])
                self._until_quiet()
                wrong = [*self.world.faults(), *put_aside(sandbox), *copied_twice(sandbox), *keepers.failed]
                sys.stdout.write(f"{time.monotonic() - began:6.0f} s  {name}: {len(wrong)} faults\n")
                sys.stdout.flush()
                if wrong:
                    return wrong
        return keepers.failed

    def told(self) -> str:
        """What struck, on a line."""
        return json.dumps({"seed": self.seed, "saboteur": self.saboteur, **dict(sorted(self.struck.items()))})

    # The knots, each with entries of its own, on projects of their own ------------------------------------------------

    def _knots(self) -> dict[str, Callable[[Sequence[Person]], None]]:
        return {
            "made by the product": self._made_by_the_product,
            "delivered again before anybody has written": self._delivered_again,
            "withdrawn while it is written": self._withdrawn_meanwhile,
            "touched while it is taken back": self._touched_meanwhile,
            "refused for a while": self._refused_for_a_while,
            "copied, and nobody said so": self._copied_without_a_word,
            "invoiced by a colleague while it is marked": self._invoiced_meanwhile,
        }

    def _made_by_the_product(self, people: Sequence[Person]) -> None:
        self._crowd.act("approve by product", people)
        self.struck["made by the product"] += len(people)

    def _delivered_again(self, people: Sequence[Person]) -> None:
        """Several workers have read that nothing is there; then all of them write."""
        with self._held(CREATION) as hold:
            self._crowd.act("approve", people)
            self._rest(hold)
            self._deliver_again(people)
            self._rest()

    def _withdrawn_meanwhile(self, people: Sequence[Person]) -> None:
        """Whoever wrote is the only one who can still notice that it should not have been written.

        An approval is told by two events, of which one is lost: no twin comes in between, whose write would be refused.
        """
        events = self.world.sandbox.events.faults
        lost = [events.lose(times=9, record=one.approval) for one in people]
        with self._held(CREATION) as hold:
            self._crowd.act("approve", people)
            self._rest(hold)
            events.forget()
            self.struck["event lost"] += sum(one.struck for one in lost)
            self._crowd.act("cancel", people)
            self._rest()

    def _touched_meanwhile(self, people: Sequence[Person]) -> None:
        """A row is another version by the time it is taken back."""
        self._crowd.act("approve", people)
        self._rest()
        with self._held(CREATION) as hold:
            self._crowd.act("cancel", people)
            self._rest(hold)
            for actual in self._live(people):
                self.world.http("PATCH", f"msdyn_actuals({actual})", {"msdyn_description": "Seen by the clerk"})

    def _refused_for_a_while(self, people: Sequence[Person]) -> None:
        """Every write is the victim of a deadlock until all messages have come to some end."""
        deadlock = self.world.sandbox.faults.deadlock(times=UNLIMITED, path=BATCH, containing=CREATION)
        self._crowd.act("approve", people)
        self._rest()
        self.world.sandbox.faults.release_all()
        self.struck["deadlock"] += deadlock.struck

    def _copied_without_a_word(self, people: Sequence[Person]) -> None:
        """The copies of the messages are taken in, but their senders never hear of it, and make them again."""
        with self._held(CREATION) as hold:
            self._crowd.act("approve", people)
            self._rest(hold)
            swallowed = self.world.sandbox.bus.faults.swallow_confirmation(entity=EVENTS, operation="send", times=3)
        self._until_quiet()
        self.struck["confirmation of a copy swallowed"] += swallowed.struck

    def _invoiced_meanwhile(self, people: Sequence[Person]) -> None:
        """Between a command's selection and its marking, a colleague marks the same rows and invoices them."""
        self._crowd.act("approve", people)
        self._rest()
        contracts = [self._crowd.contracts[self._crowd.people.index(one) % PROJECTS] for one in people]
        with self._held(MARKING) as hold:
            self._clerk.mark(contracts)
            self._rest(hold)
            for actual in self._live(people, UNBILLED):
                self.world.http("PATCH", f"msdyn_actuals({actual})", {"msdyn_billingstatus": READY})
            for contract in contracts:
                self.world.http("POST", f"salesorders({contract})/Microsoft.Dynamics.CRM.msdyn_NewInvoiceContract")

    # What they are tied with -----------------------------------------------------------------------------------------

    @contextmanager
    def _held(self, containing: str) -> Iterator[Hold]:
        """What says this is held at Dataverse, before it is carried out, while the block runs."""
        hold = self.world.sandbox.faults.hold(path=BATCH, times=UNLIMITED, containing=containing)
        yield hold
        self.struck["write stalled"] += hold.struck
        self.world.sandbox.faults.release_all()

    def _deliver_again(self, people: Sequence[Person]) -> None:
        looks = [LookAtEntry.model_validate({"table": one.table, "id": one.id}) for one in people]
        messages = [Outgoing(one.model_dump_json().encode(), str(uuid4())) for one in looks]
        asyncio.run(send(self.world.sandbox.servicebus, EVENTS, *messages))
        self.struck["second delivery"] += len(messages)

    def _live(self, people: Sequence[Person], kind: int | None = None) -> list[UUID]:
        books = self.world.books()
        rows = [row for one in people for row in books.live(str(one.id))]
        return [UUID(str(row["msdyn_actualid"])) for row in rows if kind in (None, row["msdyn_transactiontypecode"])]

    def _rest(self, hold: Hold | None = None) -> None:
        """Return once nothing more can be done, with a write stalled where one is to be."""
        if hold is not None:
            assert hold.reached.wait(SOON), "no write came to be stalled"
        standstill(self.world.sandbox.bus, REST)

    def _until_quiet(self) -> None:
        sandbox = self.world.sandbox
        until_quiet(sandbox.bus, self._time, lambda: due_by(sandbox, self.world.now() + BEFORE_NETS))
