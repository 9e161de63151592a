"""Our budget against the sandbox's servers, in simulated time: most of what they grant is used, and they never refuse.

The limits are a thirtieth of the published ones, so that hours pass in a second; what is granted at most is reckoned
from them alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from random import Random
from uuid import UUID

import pytest

from connector.dataverse.affinity import NAMED
from connector.dataverse.budget import NO_WAIT, Budget, Facet, Limits
from sandbox.clock import Clock
from sandbox.dataverse.limits.protection import Protection, Throttled, affinity
from sandbox.dataverse.limits.settings import ServiceProtection

REQUESTS, EXECUTION, WINDOW = 200, timedelta(seconds=40), timedelta(seconds=300)
LIMITS = Limits(requests=REQUESTS, execution=EXECUTION, window=WINDOW)
US = UUID(int=1)
START = datetime(2026, 3, 2, 9, tzinfo=UTC)


class StandingClock(Clock):
    """A clock that moves with the work only."""

    def __init__(self) -> None:
        super().__init__()
        self.present = START

    def now(self) -> datetime:
        return self.present

    def advance(self, by: timedelta) -> None:
        self.present += by


class Environment:
    """Servers behind a balancer, and a clock that moves with the work. ``chance``: where the balancer rolls dice."""

    def __init__(self, servers: int, chance: Random | None = None) -> None:
        self.clock = StandingClock()
        self.chance = chance
        self.servers = servers
        self.protection = Protection(
            self.clock,
            ServiceProtection(enabled=True, servers=servers, requests=REQUESTS, execution=EXECUTION, window=WINDOW),
        )
        self.served = 0
        self.spent = timedelta()
        self.refused: list[datetime] = []

    @property
    def now(self) -> datetime:
        """The present."""
        return self.clock.now()

    def ask(self, cost: timedelta) -> str:
        """One request that takes so long; the server that answered."""
        named = {"cookie": f"ARRAffinity={affinity(self.chance.randrange(self.servers))}"} if self.chance else {}
        try:
            with self.protection.visit(US, named) as visit:
                visit.cost = cost
        except Throttled:
            self.refused.append(self.now)
            raise
        self.clock.advance(cost)
        self.served += 1
        self.spent += cost
        offered = NAMED.search(visit.headers["Set-Cookie"])
        assert offered
        return offered.group(1)


def work(environment: Environment, budget: Budget, cost: timedelta, until: timedelta) -> Iterator[None]:
    """Ask as much as the budget allows, as one worker; refusals are obeyed as the transport does."""
    while environment.now < START + until:
        wait = budget.admit(environment.now)
        if wait > NO_WAIT:
            environment.clock.advance(wait)
            continue
        try:
            server = environment.ask(cost)
        except Throttled as refusal:
            budget.charge(environment.now, timedelta())
            facet = Facet.REQUESTS if "requests exceeded" in str(refusal) else Facet.EXECUTION
            budget.exceeded(environment.now, [facet], None)
            budget.hold(environment.now + timedelta(seconds=float(refusal.headers["Retry-After"])))
        else:
            budget.charge(environment.now, cost, server)
        yield


def used(environment: Environment, time: timedelta) -> float:
    """How much of the scarcer grant was used in this time."""
    grants = environment.servers * (time / WINDOW)
    return max(environment.served / (REQUESTS * grants), environment.spent / (EXECUTION * grants))


@pytest.mark.parametrize("servers", [1, 4])
@pytest.mark.parametrize("cost", [0.05, 0.9])
def test_nine_tenths_of_what_the_servers_grant_are_used_and_nothing_is_ever_refused(servers: int, cost: float) -> None:
    """Requests run out first at 0.05 seconds each, execution time at 0.9."""
    environment, time = Environment(servers), timedelta(hours=1)
    for _ in work(environment, Budget(LIMITS), timedelta(seconds=cost), time):
        pass

    assert environment.refused == []
    assert used(environment, time) >= 0.9


@pytest.mark.parametrize("cost", [0.05, 0.9])
def test_where_the_balancer_rolls_dice_the_fullest_server_decides_and_nothing_is_refused_either(cost: float) -> None:
    """The fewer requests a window holds, the more the dice count: here 44 of them, of a batch each."""
    environment, time = Environment(4, Random(11)), timedelta(hours=2)
    for _ in work(environment, Budget(LIMITS), timedelta(seconds=cost), time):
        pass

    assert environment.refused == []
    assert used(environment, time) >= (0.8 if cost < 0.1 else 0.7)


def test_four_replicas_together_take_no_more_than_one_would() -> None:
    environment, time = Environment(1), timedelta(hours=1)
    shared = replace(LIMITS, replicas=4)
    crews = [work(environment, Budget(shared), timedelta(seconds=0.05), time) for _ in range(4)]
    while crews:
        crews = [crew for crew in crews if next(crew, crew) is None]

    assert environment.refused == []
    assert used(environment, time) >= 0.9


def test_where_somebody_else_spends_half_refusals_become_rare_and_most_of_the_rest_is_used() -> None:
    """The other one asks every three seconds: a hundred of the two hundred requests a window."""
    environment, time = Environment(1), timedelta(hours=6)
    others, theirs = START, 0
    for _ in work(environment, Budget(LIMITS), timedelta(seconds=0.05), time):
        while others <= environment.now:
            others += timedelta(seconds=3)
            try:
                environment.ask(timedelta(seconds=0.01))
                theirs += 1
            except Throttled as refusal:
                environment.refused.pop()
                others = environment.now + timedelta(seconds=float(refusal.headers["Retry-After"]))

    assert 1 <= len(environment.refused) <= 4 * 6
    assert environment.served - theirs >= 0.75 * (REQUESTS / 2) * (time / WINDOW)
