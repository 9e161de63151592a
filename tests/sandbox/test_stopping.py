"""A sandbox stops without waiting for those who wait in it."""

from __future__ import annotations

import contextlib
import threading
from datetime import timedelta

from sandbox.dataverse.unit_of_work import Refused
from sandbox.world import Sandbox

IN_TIME = 60.0
"""Seconds within which everything happens on the slowest machine; what would really be waited for takes a day."""


def test_a_sandbox_stops_although_a_background_job_waits_for_a_row() -> None:
    world = Sandbox(company=False)
    with world.web.transaction() as work:
        account = work.create("account", {"name": "A"})
    world.start()
    locks = world.row_locks
    locks.enabled, locks.timeout, locks.holds = True, timedelta(days=1), {"account": timedelta(days=1)}
    due = threading.Event()
    ended = threading.Event()

    def rename() -> None:
        # Who was first is written after all; who waited then either gets the row, or is refused it.
        with contextlib.suppress(Refused), world.web.transaction() as work:
            work.update("account", account, {"name": "B"})

    def look() -> None:
        if not due.is_set():
            due.set()
            rename()
            ended.set()

    holder = threading.Thread(target=rename, daemon=True)
    holder.start()
    assert locks.reached(IN_TIME, writing=1)
    world.background.run_due = look  # type: ignore[method-assign]
    world.clock.advance(timedelta(seconds=1))
    assert locks.reached(IN_TIME, writing=1, waiting=1)
    stopping = threading.Thread(target=world.stop, daemon=True)
    stopping.start()
    assert ended.wait(IN_TIME)
    stopping.join(IN_TIME)
    assert not stopping.is_alive()
    holder.join(IN_TIME)
    assert not holder.is_alive()
