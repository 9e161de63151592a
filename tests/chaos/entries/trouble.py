"""What goes wrong on the way: at Dataverse, on the bus, with events; planned by chance, counted as struck."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from random import Random
from typing import Protocol
from uuid import UUID

from sandbox.faults import Hold
from sandbox.world import EVENTS, Sandbox

WRITTEN, IN_BULK = '"msdyn_origin":', "CreateMultiple"
"""What only a write of actuals, or one of those of several entries in bulk messages, says in its body."""
SLOW, SLOW_TIMES = "confirmation swallowed", 6
"""A worker waits long for each of these, which is enough of them."""


class Struck(Protocol):
    """A planned fault."""

    struck: int


class Trouble:
    """Plans faults little by little. ``struck`` tells how often each kind really happened."""

    def __init__(self, sandbox: Sandbox, chance: Random) -> None:
        self._sandbox = sandbox
        self._chance = chance
        self._planned: list[tuple[str, Struck]] = []
        self._now_and_then = self._kinds()
        self._turns: list[tuple[str, Callable[[], Struck]]] = []
        self._holding: list[Hold] = []

    def begin(self, rarely: float) -> None:
        """What goes on all the time, at random; ``rarely`` is how probable the worst of it is."""
        bus, seed = self._sandbox.bus.faults, self._chance.randrange(2**32)
        self._note("lock lost", bus.lose_lock(entity=EVENTS, times=None, probability=rarely, seed=seed))
        self._note(
            "settlement refused", bus.refuse_settlement(entity=EVENTS, times=None, probability=rarely, seed=seed)
        )
        self._note("message doubled", bus.duplicate(entity=EVENTS, times=None, probability=0.1, seed=seed))
        self._note("messages reordered", bus.reorder(entity=EVENTS, times=None, probability=0.05, seed=seed))

    def stir(self, kinds: int) -> None:
        """Plan one more fault of some kinds; none comes again before all have had their turn."""
        for _ in range(kinds):
            if not self._turns:
                self._turns = list(self._now_and_then)
                self._chance.shuffle(self._turns)
            name, plan = self._turns.pop()
            if name != SLOW or sum(planned == SLOW for planned, _ in self._planned) < SLOW_TIMES:
                self._note(name, plan())

    def lose_events(self, times: int, record: UUID | None = None) -> None:
        """So many events, of one record or of any, are never posted; where none is left, only reconciling helps."""
        self._note("event lost", self._sandbox.events.faults.lose(times, record=record))

    def go_on(self) -> None:
        """Let the writes go on that are held up; to be called from time to time."""
        reached = [hold for hold in self._holding if hold.reached.is_set()]
        for hold in reached:
            hold.release()
            self._holding.remove(hold)

    def end(self) -> None:
        """Nothing goes wrong any more. What was planned and did not strike is called off."""
        self._sandbox.faults.release_all()
        self._sandbox.bus.faults.forget()
        self._sandbox.events.faults.forget()

    @property
    def struck(self) -> Counter[str]:
        """How often each kind really happened."""
        counts: Counter[str] = Counter()
        for name, fault in self._planned:
            counts[name] += fault.struck
        return counts

    def _note(self, name: str, fault: Struck) -> None:
        self._planned.append((name, fault))

    def _stall(self, containing: str) -> Struck:
        """A write reaches Dataverse, and is carried out only a while later: what it was decided on may be history."""
        hold = self._sandbox.faults.hold(path=r"\$batch", containing=containing)
        self._holding.append(hold)
        return hold

    def _kinds(self) -> tuple[tuple[str, Callable[[], Struck]], ...]:
        web, bus, events = self._sandbox.faults, self._sandbox.bus.faults, self._sandbox.events.faults
        batch, seed = r"\$batch", self._chance.randrange
        return (
            ("reply lost after commit", lambda: web.lose_reply(path=batch, containing=WRITTEN)),
            ("cut inside a batch", lambda: web.cut_in_batch(seed(1, 6), containing=WRITTEN)),
            ("429 storm", lambda: web.storm(429, times=seed(2, 8), path=batch, retry_after=1)),
            ("503", lambda: web.storm(503, times=2, path=batch)),
            ("deadlock", lambda: web.deadlock(path=batch, containing=WRITTEN)),
            ("write stalled", lambda: self._stall(WRITTEN)),
            ("reply to bulk lost", lambda: web.lose_reply(path=batch, containing=IN_BULK)),
            ("bulk write stalled", lambda: self._stall(IN_BULK)),
            ("deadlock in bulk", lambda: web.deadlock(path=batch, containing=IN_BULK)),
            ("token expired", lambda: web.expire_token(path=batch)),
            ("connection dropped", lambda: bus.drop_connection(entity=EVENTS, operation="settle")),
            ("link detached", lambda: bus.detach_link(entity=EVENTS, operation="credit")),
            ("bus busy", lambda: bus.server_busy(entity=EVENTS, operation="send")),
            (SLOW, lambda: bus.swallow_confirmation(entity=EVENTS, operation="complete")),
            ("event posted twice", lambda: events.repost(times=5)),
            ("event overtaken", lambda: events.overtake(times=5)),
            ("event late", lambda: events.delay(timedelta(minutes=4), times=2)),
        )
