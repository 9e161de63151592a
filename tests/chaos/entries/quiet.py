"""Waiting until a service has come to rest, with time made to pass wherever nothing but time is waited for."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import timedelta

from sandbox.servicebus.broker.settings import QueueCounts
from sandbox.servicebus.server import ServiceBusServer
from sandbox.world import COMMANDS, EVENTS
from tests.chaos.entries.passing_time import PassingTime

STEP = timedelta(minutes=4)
LOCK = timedelta(seconds=61)
"""After which a message that a dead worker held is delivered again."""
STANDSTILL = 4.0
"""Seconds without any change on a queue after which what is locked is taken for a dead worker's."""
PATIENCE = 1800.0
"""Seconds within which a service must come to rest."""
NOTHING_NEW = 3
"""Looks in a row that find nothing; what the steps post comes by a thread of the sandbox's own."""


class NeverQuiet(AssertionError):
    """The service did not come to rest."""


def counts(bus: ServiceBusServer) -> tuple[QueueCounts, QueueCounts]:
    """Both queues, as they are: events and commands."""
    return bus.counts(EVENTS), bus.counts(COMMANDS)


def standstill(bus: ServiceBusServer, seconds: float) -> None:
    """Return once nothing has changed on any queue for so long."""
    seen, since = counts(bus), time.monotonic()
    while time.monotonic() - since < seconds:
        time.sleep(0.1)
        now = counts(bus)
        if now != seen:
            seen, since = now, time.monotonic()


def until_quiet(
    bus: ServiceBusServer,
    passing: PassingTime,
    to_come: Callable[[], bool],
    meanwhile: Callable[[], None] = lambda: None,
) -> None:
    """Let time pass until nothing waits on any queue, and nothing that matters is ``to_come``.

    ``meanwhile`` is called again and again. Raises ``NeverQuiet``.
    """
    until = time.monotonic() + PATIENCE
    quiet, seen, since = 0, counts(bus), time.monotonic()
    while time.monotonic() < until:
        now = counts(bus)
        if now != seen:
            seen, since = now, time.monotonic()
        if all(one.active == one.locked == 0 for one in now):
            quiet = 0 if to_come() else quiet + 1
            if quiet == NOTHING_NEW:
                return
            passing.go_on(STEP)
        elif time.monotonic() - since > STANDSTILL and not now[1].locked:
            # A command may be at work for longer than a lock lasts; its worker renews it by real time.
            passing.go_on(LOCK)
            since = time.monotonic()
        bus.wait_until(EVENTS, lambda one: one.active == one.locked == 0, 1.0)
        meanwhile()
        time.sleep(0.2)
    raise NeverQuiet(f"the queues never were quiet: {counts(bus)}")
